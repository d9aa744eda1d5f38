"""A service with a server's own counters, and the main call bound to it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import samframe
from samframe.jobs.pace.estimate import ServiceTimes
from samframe.server import DrawnEngine, LocalServer, ServerConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

KEY = "SG_0123456789abcdef"


def make_picture(seed: int = 0, size_hw: tuple[int, int] = (24, 32)) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 255, (*size_hw, 3), dtype=np.uint8)


def encode(array: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


@dataclass
class Service:
    """A server that counts, a client of it, and a store."""

    server: LocalServer
    store: Path

    @property
    def options(self) -> dict[str, Any]:
        client = samframe.Client(KEY, base_url=self.server.base_url)
        return {"client": client, "store": self.store, "progress": False}

    @property
    def submits(self) -> int:
        return self.server.counters.submits

    def segment(self, df: pd.DataFrame, *columns: Any, **options: Any) -> pd.DataFrame:
        return df.sam.segment(*columns, **self.options | options)


@pytest.fixture(scope="module")
def running():
    """A server for a whole module: starting one takes longer than most of its tests."""
    with LocalServer(ServerConfig(engine=DrawnEngine(refuse={"nothing"}), latency_s=0.0)) as server:
        yield server


@pytest.fixture
def service(running, tmp_path, monkeypatch):
    """The module's server with a store of the test's own; its first poll comes at once."""
    monkeypatch.setattr(ServiceTimes.__init__, "__defaults__", (0.02,))
    return Service(running, tmp_path / "store")


@pytest.fixture
def picture():
    """Give a function: seed and size to noisy RGB pixels."""
    return make_picture


@pytest.fixture
def file_of():
    """Give a function: pixels to the bytes of a file."""
    return encode
