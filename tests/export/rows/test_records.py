"""The stream that exporters read: each row once, in order, with the reason where it cannot be exported."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from samframe.errors import MaskError, OptionError
from samframe.export import write_parquet
from samframe.export.rows.annotation_ids import AnnotationIds
from samframe.export.rows.records import RecordColumns, iter_records
from samframe.masks import Mask


@pytest.fixture
def frame(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / f"{name}.png")
    square = Mask.from_bbox((2, 3, 4, 5), (20, 30))
    return pd.DataFrame(
        {
            "image": [str(tmp_path / f"{name}.png") for name in ("a", "a", "b", "missing", "b", "a")],
            "prompt": ["cat", "dog", "cat", "cat", None, "cat"],
            "mask": pd.array(
                [square, square, None, square, Mask.from_bbox((0, 0, 2, 2), (9, 9)), square], "mask"
            ),
            "status": pd.Categorical(["completed", "completed", "failed", "completed", "completed", "lost"]),
            "error": pd.array([None, None, "Row 2: no such thing", None, None, None], "string"),
            "engine": ["offline/1.0", None, None, None, None, None],
            "split": ["train", "val", None, "train", "train", "val"],
            "weight": range(6),
        },
        index=list("uvwxyz"),
    )


def test_every_row_comes_once_in_order(frame):
    """Rows keep position and label, whether they can be exported or not."""
    records = list(iter_records(frame, batch_rows=4))

    assert [record.position for record in records] == list(range(6))
    assert [record.label for record in records] == list("uvwxyz")
    assert [record.reason is None for record in records] == [True, True, False, False, False, False]


def test_reasons_are_words(frame):
    """A failed row, an unreadable image, a wrong size and a lost row say what they are."""
    reasons = [record.reason for record in iter_records(frame)]

    assert reasons[2] == "no mask (status failed): Row 2: no such thing"
    assert "no such file" in reasons[3]
    assert "the mask is 9 x 9 px, the image" in reasons[4]
    assert reasons[5] == "no mask (status lost)"


def test_a_record_has_what_its_row_has(frame):
    """Mask, area, box, picture, prompt, status, engine, split and further columns."""
    first = next(iter_records(frame, columns=RecordColumns(split="split", extra=("weight",))))

    assert first.mask == frame["mask"].iloc[0]
    assert (first.area, first.bbox_xywh, first.size_hw) == (20, (2, 3, 4, 5), (20, 30))
    assert first.picture.size_hw == (20, 30)
    assert (first.prompt, first.status, first.split, first.cells) == (
        "cat",
        "completed",
        "train",
        {"weight": 0},
    )
    assert first.is_offline


def test_a_parquet_file_gives_the_same_records(frame, tmp_path):
    """A file is read a row group at a time and says the same as its frame."""
    write_parquet(frame, tmp_path / "rows.parquet", row_group_size=2)
    columns = RecordColumns(split="split", extra=("weight",))

    assert list(map(repr, iter_records(tmp_path / "rows.parquet", columns=columns))) == list(
        map(repr, iter_records(frame, columns=columns))
    )


def test_ids_stay_when_rows_are_sorted_added_and_corrected(frame):
    """An id belongs to what a row asks for: not to its place, nor to its mask."""
    before = {record.label: record.annotation_id for record in iter_records(frame)}
    changed = frame.iloc[::-1].copy()
    changed["mask"] = pd.array([Mask.from_bbox((0, 0, 1, 1), (20, 30))] * 6, "mask")
    changed = changed.drop(index=["u", "z"])  # u and z ask for the same
    after = {record.label: record.annotation_id for record in iter_records(changed)}

    assert len(set(before.values())) == 6
    assert after == {label: before[label] for label in after}


def test_points_tell_rows_apart_whatever_holds_them():
    """A tuple, a list and an array of the same points are the same question; other points are another."""
    ids = [
        AnnotationIds().give("a.png", None, points)
        for points in ((1, 2), [1, 2], np.array([1.0, 2.0]), [2, 1])
    ]

    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert all(0 < number < 2**53 for number in ids)


def test_a_frame_without_masks_is_refused(frame):
    """A missing or foreign mask column is an error that names it."""
    with pytest.raises(OptionError, match="'mask'"):
        list(iter_records(frame.drop(columns="mask")))
    with pytest.raises(OptionError, match="'prompt' holds no masks"):
        list(iter_records(frame, columns=RecordColumns(mask="prompt")))


def test_what_is_no_source_is_refused(frame, tmp_path):
    """A number, a folder that is no dataset and a damaged file are told apart."""
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")

    with pytest.raises(OptionError, match="int"):
        list(iter_records(3))
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        list(iter_records(tmp_path))
    with pytest.raises(MaskError, match=r"bad\.parquet"):
        list(iter_records(tmp_path / "bad.parquet"))


@pytest.mark.slow
def test_memory_does_not_grow_with_rows(tmp_path):
    """Ten times the rows take the same memory where records are read from a dataset.

    Kept records would take 10 MB more; what else the process does meanwhile is allowed one.
    """
    mask = Mask.from_bbox((2, 3, 4, 5), (20, 30))
    peaks = []
    for count in (2000, 20_000):
        frame = pd.DataFrame(
            {"prompt": [f"thing {row}" for row in range(count)], "mask": pd.array([mask] * count, "mask")}
        )
        path = tmp_path / str(count)
        frame.sam.to_parquet(path, row_group_size=250, artifacts="none")
        del frame
        tracemalloc.start()
        arrow = 0
        for record in iter_records(path, open_pictures=False, batch_rows=250):
            if record.position % 250 == 0:
                arrow = max(arrow, pa.total_allocated_bytes())
        peaks.append(tracemalloc.get_traced_memory()[1] + arrow)
        tracemalloc.stop()

    assert record.position == 19_999
    assert peaks[1] < peaks[0] + 1_000_000
