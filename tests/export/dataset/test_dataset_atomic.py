"""Whatever ends an export, a dataset is the old one or the new one, and the next export clears up."""

from __future__ import annotations

import importlib.util
import random
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError

KILLS = 20

_spec = importlib.util.spec_from_file_location("child_export", Path(__file__).parents[1] / "child_export.py")
_child = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_child)
export, make_frame = _child.export, _child.make_frame


def _is_one_of(dataset, frames):
    """Say whether a dataset is whole and one of the frames."""
    back = samframe.read_parquet(dataset)
    seed = back["seed"].iloc[0]
    pd.testing.assert_frame_equal(back, frames[seed])
    report = samframe.verify(dataset)
    assert report.ok, str(report)
    return seed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_any_moment_it_is_the_old_dataset_or_the_new_one(exporter, tmp_path):
    """Twenty times kill -9 at random moments of exports that overwrite each other: always one of them, whole."""
    dataset, moments, seen = tmp_path / "dataset", random.Random(6), []  # noqa: S311 - moments, no secrets
    frames = {seed: make_frame(seed) for seed in (10, 11)}
    began = time.monotonic()
    export(str(dataset), 10)
    duration = min(1.0, time.monotonic() - began)
    for _ in range(KILLS):
        pid = int(exporter.start(dataset, 10))
        time.sleep(moments.uniform(0, 2) * duration)
        exporter.kill(pid)
        seen.append(_is_one_of(dataset, frames))

    export(str(dataset), 10)

    assert set(seen) <= {10, 11}
    assert samframe.verify(dataset).leftovers == ()
    assert _is_one_of(dataset, frames) == 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_first_export_that_is_killed_is_no_dataset_or_a_whole_one(exporter, tmp_path):
    """Killed before there was a manifest, the folder is no dataset yet, and the next export completes it."""
    moments = random.Random(7)  # noqa: S311 - moments, no secrets
    for attempt in range(5):
        dataset = tmp_path / f"dataset{attempt}"
        pid = int(exporter.start(dataset, 20))
        time.sleep(moments.uniform(0, 0.3))
        exporter.kill(pid)
        if (dataset / "manifest.json").exists():
            _is_one_of(dataset, {seed: make_frame(seed) for seed in (20, 21)})

        export(str(dataset), 20)

        assert _is_one_of(dataset, {20: make_frame(20)}) == 20
        assert samframe.verify(dataset).leftovers == ()


@pytest.mark.parametrize("limit", [0, 200, 3000])
def test_a_full_disk_leaves_the_old_dataset(exporter, tmp_path, limit):
    """Where files cannot grow the export raises OSError, the dataset is as it was, and nothing is left beside it."""
    dataset = tmp_path / "dataset"
    export(str(dataset), 1)
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}

    words = exporter.start(dataset, 2, limit)

    assert words == "OSError 27"
    _is_one_of(dataset, {1: make_frame(1)})
    assert all(path.read_bytes() == data for path, data in before.items())
    assert not list(dataset.rglob(".*.part"))
    export(str(dataset), 2)
    assert _is_one_of(dataset, {2: make_frame(2)}) == 2


def test_a_path_below_a_file_is_told(tmp_path):
    """Where no folder can be made the export raises, and the file stays."""
    (tmp_path / "file").write_text("mine")

    with pytest.raises(OSError, match="file"):
        export(str(tmp_path / "file" / "dataset"), 1)

    assert (tmp_path / "file").read_text() == "mine"


def test_two_writers_are_kept_apart(exporter, tmp_path):
    """While one process writes, another is refused; what comes out is whole."""
    dataset, refused = tmp_path / "dataset", 0
    export(str(dataset), 32)
    pid = int(exporter.start(dataset, 30))
    try:
        for _ in range(500):
            try:
                export(str(dataset), 32)
            except OptionError as error:
                assert "another process is writing" in str(error)  # noqa: PT017 - most tries get through
                refused += 1
                break
    finally:
        exporter.kill(pid)

    assert refused
    _is_one_of(dataset, {seed: make_frame(seed) for seed in (30, 31, 32)})


def test_readers_beside_a_writer_never_see_a_mixture(tmp_path):
    """A reader that reads while datasets replace each other gets one of them each time."""
    dataset, stop = tmp_path / "dataset", threading.Event()
    frames = {seed: make_frame(seed) for seed in (40, 41)}
    export(str(dataset), 40)

    def write() -> None:
        while not stop.is_set():
            for seed in (41, 40):
                export(str(dataset), seed)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(15):
            back = samframe.read_parquet(dataset)
            pd.testing.assert_frame_equal(back, frames[back["seed"].iloc[0]])
    finally:
        stop.set()
        writer.join()
