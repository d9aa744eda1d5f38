"""Training sets from files: memory that does not grow with rows, and what is kept on disk meanwhile."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.export import write_parquet
from samframe.export._scratch import Scratch
from samframe.export._shelf import RowList
from samframe.masks import Mask

WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "semantic": samframe.to_semantic,
    "huggingface": samframe.to_huggingface,
}
KEYS = (st.text(max_size=3), st.binary(max_size=2), st.integers(-(2**63), 2**63 - 1))


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Makes a Parquet file of so many rows, 32 a picture, those of one picture far apart."""
    monkeypatch.chdir(tmp_path)
    for number in range(256):
        pixels = np.random.RandomState(number).randint(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")

    def make(rows):
        count = -(-rows // 32)
        masks = [Mask.from_bbox((row % 20, row % 10, 5, 6), (20, 30)) for row in range(rows)]
        frame = pd.DataFrame(
            {
                "image": [f"{row % count}.png" for row in range(rows)],
                "prompt": [f"kind {row % 3}" for row in range(rows)],
                "mask": pd.array(masks, dtype="mask"),
            },
            index=[f"row {row}" for row in range(rows)],
        )
        path = tmp_path / f"{rows}.parquet"
        write_parquet(frame, path, row_group_size=rows)
        return path

    return make


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["coco", "semantic"])
def test_memory_does_not_grow_with_rows(source, tmp_path, monkeypatch, name):
    """Rows beyond the first batch keep less than 100 bytes each, less than a record, though pictures are interleaved.

    Looked at whenever a row is written: the reading of a picture sets memory aside for the largest one that is taken.
    """
    options = {"split": {"train": 0.5, "val": 0.5}, "near_duplicates": None}
    paths, peaks, add = [source(rows) for rows in (4096, 8192)], [], RowList.add

    def look(*arguments, **facts):
        peaks[-1] = max(peaks[-1], tracemalloc.get_traced_memory()[0])
        add(*arguments, **facts)

    monkeypatch.setattr(RowList, "add", look)
    for path in paths:
        peaks.append(0)
        tracemalloc.start(1)
        WRITERS[name](path, tmp_path / path.stem, **options)
        tracemalloc.stop()

    assert 0 < peaks[0] < peaks[1] + 1_000_000
    assert peaks[1] - peaks[0] < 100 * 4096


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_and_its_frame_are_the_same_set(source, tmp_path, name):
    """What waits on disk comes back as it was: every file of the two exports is equal."""
    path = source(200)
    WRITERS[name](path, tmp_path / "file", split={"train": 0.5, "val": 0.5})
    WRITERS[name](samframe.read_parquet(path), tmp_path / "frame", split={"train": 0.5, "val": 0.5})
    found = [
        {
            file.relative_to(tmp_path / kind): file.read_bytes()
            for file in (tmp_path / kind).rglob("*")
            if file.is_file()
        }
        for kind in ("file", "frame")
    ]

    assert found[0] == found[1]
    lines = (tmp_path / "file" / "rows.jsonl").read_text().splitlines()
    assert {json.loads(line)["label"] for line in lines} == {f"row {row}" for row in range(200)}


@given(st.one_of(*(st.lists(st.tuples(keys, st.integers(0, 99))) for keys in KEYS)))
@settings(deadline=None)
def test_a_map_on_disk_is_a_dict(pairs):
    """Texts, half surrogates too, bytes and numbers: the last value of each key; what is forgotten is not there."""
    found, expected = Scratch().map(), {}
    for key, value in pairs:
        before = found.setdefault(key, value), expected.setdefault(key, value)
        found[key] = expected[key] = value
        assert before[0] == before[1]
    for key, value in expected.items():
        assert (found.get(key), key in found) == (value, True)
        assert (found.pop(key), key in found, found.get(key)) == (value, False, None)


def test_a_text_and_its_bytes_are_one_key():
    """What is noted under the one is found, replaced and forgotten under the other, at hand or not."""
    found = Scratch().map()
    found["a"] = 1
    found[b"a"] = 2

    assert (found.get("a"), found.get(b"a")) == (2, 2)
    assert found.pop("a") == 2
    assert found.get(b"a") is None


def test_a_map_larger_than_what_is_at_hand():
    """Beyond the pairs in memory the database answers, and maps of one database are apart."""
    scratch = Scratch()
    first, second = scratch.map(), scratch.map()
    for number in range(5000):
        first[f"key {number}"] = number
    second["key 1"] = "other"

    assert [first.get(f"key {number}") for number in range(5000)] == list(range(5000))
    assert (first.get("key 1"), second.get("key 1"), second.get("key 2")) == (1, "other", None)
