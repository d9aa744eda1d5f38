"""A table with pictures, a local service, and the command run in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.cli import main
from samframe.server import DrawnEngine, LocalServer, ServerConfig

if TYPE_CHECKING:
    from pathlib import Path

KEY = "SG_0123456789abcdef"


@dataclass
class Ran:
    """What a run of the command left."""

    status: int
    out: str
    err: str


@pytest.fixture
def samframe(capsys):
    """Run the command with arguments; return its exit status and what it printed."""

    def run(*arguments: object) -> Ran:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as leaving:  # argparse leaves by itself
            status = int(leaving.code or 0)
        printed = capsys.readouterr()
        return Ran(int(status), printed.out, printed.err)

    return run


@pytest.fixture
def service(monkeypatch):
    """A local service that draws ellipses, refuses the prompt "ghost", and is where SEGMIND_BASE_URL points."""
    config = ServerConfig(engine=DrawnEngine(refuse={"ghost"}), price_usd=0.002, credits_usd=1.5)
    with LocalServer(config) as server:
        monkeypatch.setenv("SEGMIND_BASE_URL", server.base_url)
        monkeypatch.setenv("SEGMIND_API_KEY", KEY)
        yield server


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder with a.png, b.png and c.png, 24 x 32 pixels."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        pixels = np.random.RandomState(seed).randint(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def table(photos) -> Path:
    """photos/table.csv with columns file and what; its paths are relative to it."""
    path = photos / "table.csv"
    pd.DataFrame({"file": ["a.png", "b.png", "c.png"], "what": ["boy", "none", "007"]}).to_csv(
        path, index=False
    )
    return path
