"""Training sets from files: memory that does not grow with rows, and what is kept on disk meanwhile."""

from __future__ import annotations

import functools
import gc
import json
import pathlib
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.errors import ImageError, MaskError
from samframe.export import write_parquet
from samframe.export.files import row_columns as _row_columns
from samframe.export.files import scratch as _scratch
from samframe.export.files.row_columns import RowColumn
from samframe.export.files.scratch import Scratch
from samframe.export.formats import hf_parquet as _hf_parquet
from samframe.export.formats import training_set as _training_set
from samframe.export.formats.fidelity import Fidelity
from samframe.export.formats.folder import RowList
from samframe.export.rows import pictures as _pictures
from samframe.export.rows import records as _records
from samframe.export.splits.links import Links
from samframe.masks import Mask

WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "semantic": samframe.to_semantic,
    "huggingface": samframe.to_huggingface,
    "huggingface semantic": functools.partial(samframe.to_huggingface, task="semantic"),
}
#: How rows lie in a source: in one row group, as pandas writes them, or in many, as datasets have them.
LAYOUTS = ("one row group", "many")
KEYS = (st.text(max_size=3), st.binary(max_size=2), st.integers(-(2**63), 2**63 - 1))


#: What the exporters keep in memory, and how much of it where few rows are to show what grows.
SMALL = (
    (_pictures, "_AT_HAND", 16),
    (_scratch, "_AT_HAND", 16),
    (_row_columns, "_BLOCK", 64),
    (_row_columns, "_SMALL_BYTES", 256),
    (_hf_parquet, "_GROUP_ROWS", 16),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of small pictures, and of what is made of them."""
    folder = tmp_path_factory.mktemp("streams")
    for number in range(160):
        pixels = np.random.RandomState(number).randint(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def source(folder, monkeypatch):
    """Makes a file or a dataset of so many rows, 32 a picture, those of one picture far apart."""
    monkeypatch.chdir(folder)

    def make(rows, layout="one row group"):
        path = folder / (f"{rows}.parquet" if layout == "one row group" else f"{rows}")
        if path.exists():
            return path
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
        if layout == "one row group":
            write_parquet(frame, path, row_group_size=rows)
        else:
            samframe.to_parquet(frame, path, artifacts="none", rows_per_file=512, row_group_size=64)
        return path

    return make


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "layout"),
    [*((name, LAYOUTS[0]) for name in ("coco", "semantic", "huggingface")), ("coco", LAYOUTS[1])],
)
def test_memory_does_not_grow_with_rows(source, tmp_path, monkeypatch, name, layout):
    """Four times the rows and pictures take no more than 20 bytes a row, the draw of their splits included.

    Batches and what is at hand are small, so that few rows fill them. Looked at some thirty times while rows are
    written and read back, and at the peak of the draw: the reading of a picture sets memory aside for the largest one
    that is taken.
    """
    for module, setting, size in SMALL:
        monkeypatch.setattr(module, setting, size)
    monkeypatch.setitem(_records.iter_records.__kwdefaults__, "batch_rows", 64)
    few, many = 640, 2560
    paths, peaks, calls, every = [source(rows, layout) for rows in (few, many)], [], [], []

    def watched(function):
        def look(*arguments, **options):
            calls[-1] += 1
            if not calls[-1] % every[-1]:  # taking stock takes time
                peaks[-1] = max(peaks[-1], held_bytes())
            return function(*arguments, **options)

        return look

    def drawn(function):
        def draw(*arguments, **options):
            before, held = tracemalloc.get_traced_memory()[0], held_bytes()
            tracemalloc.reset_peak()
            found = function(*arguments, **options)
            peaks[-1] = max(peaks[-1], held + tracemalloc.get_traced_memory()[1] - before)
            return found

        return draw

    monkeypatch.setattr(RowList, "add", watched(RowList.add))
    monkeypatch.setattr(Fidelity, "add", watched(Fidelity.add))
    monkeypatch.setattr(Links, "draw", drawn(Links.draw))

    def measure(path, rows):
        peaks.append(0)
        calls.append(0)
        every.append(rows // 16)
        tracemalloc.start(1)
        WRITERS[name](path, tmp_path / path.stem, split={"train": 0.5, "val": 0.5}, near_duplicates=None)
        tracemalloc.stop()
        return peaks[-1]

    sizes = list(zip(paths, (few, many), strict=True))
    measure(*sizes[0])  # to warm up
    # Buffers and caches that are not full with the few rows take up to 50 kB.
    allowed = 50_000 + 20 * (many - few)
    least = [measure(*size) for size in sizes]
    if abs(least[1] - least[0]) >= allowed:
        # A thread that an earlier test left may have held something meanwhile.
        least = [min(peak, measure(*size)) for peak, size in zip(least, sizes, strict=True)]

    assert min(least) > 0
    assert abs(least[1] - least[0]) < allowed, peaks


def held_bytes():
    """What Python holds, without garbage and the interpreter's own table of file names, which grow by leaps."""
    gc.collect()
    names = tracemalloc.Filter(inclusive=False, filename_pattern=pathlib.__file__)
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([names]).traces)


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


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=30)))
@settings(deadline=None)
def test_a_row_column_is_a_list(pieces):
    """Numbers added one by one or many at once come back in order, in memory or beyond it, to several readers."""
    column, expected = RowColumn(), []
    for number, piece in enumerate(pieces):
        expected += piece
        if number % 2:
            column.extend(np.array(piece, dtype=np.int64))
        else:
            for item in piece:
                column.append(item)

    assert list(zip(column, column, strict=True)) == [(item, item) for item in expected]
    assert (len(column), column.to_numpy().tolist()) == (len(expected), expected)


def test_row_columns_of_one_length_come_in_blocks_of_one_length():
    """However they were filled, so that they can be read side by side."""
    one, other, numbers = RowColumn(), RowColumn(), np.arange(50_000)
    one.extend(numbers)
    for start in range(0, 50_000, 333):
        other.extend(numbers[start : start + 333])
    blocks = list(zip(one.blocks(), other.blocks(), strict=True))

    assert all((a == b).all() for a, b in blocks)
    assert sum(len(a) for a, _ in blocks) == 50_000


@pytest.mark.parametrize("rows", [150, 250])
def test_a_source_that_changes_meanwhile_is_refused(source, tmp_path, monkeypatch, rows):
    """Other rows than were counted first are neither lost nor exported as what they are not."""
    path, find = tmp_path / "rows.parquet", _training_set.find_members
    shutil.copy(source(200), path)

    def found(*arguments, **options):
        members = find(*arguments, **options)
        shutil.copy(source(rows), path)
        return members

    monkeypatch.setattr(_training_set, "find_members", found)
    with pytest.raises((MaskError, ImageError), match="changed"):
        samframe.to_coco(path, tmp_path / "set", near_duplicates=None)

    assert not (tmp_path / "set").exists()
