"""A local server, a plain HTTP client and pictures, for the server's tests."""

from __future__ import annotations

import base64
import io
import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from samframe.server import DrawnEngine, LocalServer, ServerConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "SG_0123456789abcdef"
MODEL = "/v2/sam-v2-image"
# Loading the machine's certificates for each client takes longer than most tests; loopback needs none.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def make_png(size_hw: tuple[int, int] = (48, 64), *, seed: int = 0, file_format: str = "PNG") -> bytes:
    noise = np.random.RandomState(seed).randint(0, 255, (*size_hw, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, file_format)
    return out.getvalue()


@dataclass
class Peer:
    """A server and a client that sends what it is told."""

    server: LocalServer
    http: httpx.Client
    anonymous: httpx.Client
    photo: bytes = field(default_factory=make_png)

    def body(self, **fields: Any) -> dict[str, Any]:
        image = base64.b64encode(self.photo).decode()
        body = {"image": image, "prompt": "boy", "overlay_mask": False} | fields
        return {name: value for name, value in body.items() if value is not None}

    def post(self, **fields: Any) -> httpx.Response:
        return self.http.post(MODEL, json=self.body(**fields))

    def submit(self, **fields: Any) -> str:
        answer = self.post(**fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    def run(self, **fields: Any) -> dict[str, Any]:
        """Submit, wait and return the result's JSON."""
        request_id = self.submit(**fields)
        self.server.settle()
        return dict(self.result(request_id).json())

    def status(self, request_id: str) -> httpx.Response:
        return self.http.get(f"/v2/requests/{request_id}/status")

    def result(self, request_id: str) -> httpx.Response:
        return self.http.get(f"/v2/requests/{request_id}")


@pytest.fixture
def make_peer() -> Iterator[Callable[..., Peer]]:
    """Start a server with options of `ServerConfig`, and a client with a key."""
    with ExitStack() as stack:

        def make(*, key: str | None = KEY, **options: Any) -> Peer:
            config = ServerConfig(**{"engine": DrawnEngine(refuse={"nothing"})} | options)
            server = stack.enter_context(LocalServer(config))
            keyed, keyless = (
                stack.enter_context(
                    httpx.Client(base_url=server.base_url, timeout=10, verify=NO_CERTIFICATES)
                )
                for _ in range(2)
            )
            if key is not None:
                keyed.headers["x-api-key"] = key
            return Peer(server, keyed, keyless)

        yield make


@pytest.fixture
def peer(make_peer: Callable[..., Peer]) -> Peer:
    """Start a server with the engine that draws ellipses and no further options."""
    return make_peer()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Make the bytes of a noisy picture: size_hw, seed, file_format."""
    return make_png
