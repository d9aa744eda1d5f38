"""A frame, a client and a server that bills: the engine as a user drives it."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.jobs import Ledger
from samframe.jobs.pace.estimate import ServiceTimes
from samframe.server import DrawnEngine, LocalServer, ServerConfig
from samframe.testing import ChaosServer

if TYPE_CHECKING:
    from pathlib import Path

KEY = "SG_feedfacecafebeef"
PRICE = 0.002


def make_png(seed: int = 0, size_hw: tuple[int, int] = (32, 32)) -> bytes:
    noise = np.random.RandomState(seed).randint(0, 255, (*size_hw, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


@dataclass
class World:
    """A server, a client of it, and a store."""

    server: LocalServer | ChaosServer
    store: Path
    client: samframe.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = samframe.Client(KEY, base_url=self.server.base_url)

    def frame(self, rows: int = 1) -> pd.DataFrame:
        return pd.DataFrame({"image": [make_png()] * rows, "prompt": [f"thing {i}" for i in range(rows)]})

    def run(self, df: pd.DataFrame | int = 1, **options: object) -> pd.DataFrame:
        df = self.frame(df) if isinstance(df, int) else df
        options = {"client": self.client, "store": self.store, "details": True, "progress": False} | options
        return df.sam.segment(**options)

    def records(self) -> list[dict]:
        with Ledger(self.store) as ledger:
            return ledger.records()

    def attempts(self) -> list[dict]:
        with Ledger(self.store) as ledger:
            return [attempt for record in ledger.records() for attempt in ledger.attempts(record["key"])]


@pytest.fixture
def short_pauses(monkeypatch):
    """Retries and first polls come at once: what is tested is what they do, not how long they wait."""
    monkeypatch.setattr(ServiceTimes.__init__, "__defaults__", (0.02,))
    for module in ("submit", "collect", "fetch", "doubt"):
        monkeypatch.setattr(f"samframe.jobs.engine.{module}.backoff_s", lambda tries, rng: 0.02)


@pytest.fixture
def make_world(tmp_path, short_pauses):
    """Start a local server with options of ServerConfig."""
    with ExitStack() as stack:

        def make(**options):
            config = {
                "engine": DrawnEngine(refuse={"nothing"}),
                "latency_s": 0.0,
                "price_usd": PRICE,
            } | options
            return World(stack.enter_context(LocalServer(ServerConfig(**config))), tmp_path / "store")

        yield make


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def chaos_world(tmp_path, short_pauses):
    """A world whose server misbehaves below HTTP."""
    with ChaosServer(drip_s=0.02, bomb_mib=8) as chaos:
        yield World(chaos, tmp_path / "store")


@pytest.fixture
def make_service(tmp_path, short_pauses):
    """Start a chaos server that answers in its own way: a function of endpoint, id and right reply."""
    with ExitStack() as stack:

        def make(rewrite=None, **options):
            server = stack.enter_context(ChaosServer(rewrite=rewrite, **options))
            return World(server, tmp_path / "store")

        yield make


@pytest.fixture
def png():
    """Make the bytes of a noisy PNG: seed, size_hw."""
    return make_png


@pytest.fixture
def serve_json(tmp_path, short_pauses):
    """Answer every request with one status and one JSON; the server's `seen` list has a path for each."""
    import http.server  # noqa: PLC0415 - this fixture only
    import json  # noqa: PLC0415 - this fixture only
    import threading  # noqa: PLC0415 - this fixture only

    with ExitStack() as stack:

        def make(status, content):
            body = json.dumps(content).encode()

            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_POST(self):
                    self.rfile.read(int(self.headers.get("content-length", "0")))
                    self.server.seen.append(self.path)
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                do_GET = do_POST  # noqa: N815 - the library's name

                def log_message(self, *args):
                    pass

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            server.seen = []
            server.base_url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return World(server, tmp_path / "store")

        yield make
