"""What samframe exports, its readers give back equal."""

from __future__ import annotations

import json

from drawn import H, W, frame_of, positives, size_of
from hypothesis import given, settings
from hypothesis import strategies as st

import samframe
from samframe.errors import OptionError

shape = st.tuples(st.integers(8, W - 8), st.integers(8, H - 8), st.integers(2, 20), st.booleans())
rows = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["cat", "dog", "bïrd 犬"]), st.lists(shape, max_size=3)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(rows)
def test_coco_comes_back_with_its_ids(tmp_path_factory, given):
    """Masks, labels, splits and annotation ids; an image without objects is a row of its own."""
    folder = tmp_path_factory.mktemp("coco")
    df = frame_of(folder, given)
    df.sam.to_coco(folder / "coco")

    back = samframe.read_coco(folder / "coco")

    assert positives(back) == positives(df, "prompt")
    assert back["error"].isna().all()
    written = [json.loads(line) for line in (folder / "coco" / "rows.jsonl").read_text().splitlines()]
    ids = {number for line in written for number in line["annotations"]}
    assert set(back["annotation_id"].dropna()) == ids if ids else "annotation_id" not in back
    assert set(back["split"]) == {"train"}
    assert set(back["image"].map(size_of)) == {(W, H)}


@settings(max_examples=15, deadline=None)
@given(rows)
def test_yolo_comes_back_as_its_report_says(tmp_path_factory, given):
    """One outline an object: the mask read is the mask that was measured."""
    folder = tmp_path_factory.mktemp("yolo")
    df = frame_of(folder, given)
    if not (df["mask"].sam.area > 0).any():
        return
    try:
        report = df.sam.to_yolo(folder / "yolo")
    except OptionError as error:
        assert "min_iou" in str(error)  # noqa: PT017 - no outline says any of them well
        return

    back = samframe.read_yolo(folder / "yolo")

    assert back["error"].isna().all()
    found = back[back["mask"].sam.area > 0]
    assert len(found) == report.rows_written
    if report.iou_min == 1.0 and not report.rows_left_out:
        assert positives(back) == positives(df, "prompt")


@settings(max_examples=10, deadline=None)
@given(rows)
def test_hugging_face_comes_back_from_files_and_from_memory(tmp_path_factory, given):
    """All rows, ids included."""
    folder = tmp_path_factory.mktemp("hf")
    df = frame_of(folder, given)
    if not (df["mask"].sam.area > 0).any():
        return
    df.sam.to_huggingface(folder / "hf")

    for back in (
        samframe.read_huggingface(folder / "hf"),
        samframe.read_huggingface(df.sam.to_huggingface()),
    ):
        rows = back["row"].tolist()
        assert back["mask"].tolist() == df["mask"].iloc[rows].tolist()
        assert back["prompt"].tolist() == df["prompt"].iloc[rows].tolist()
        assert back["annotation_id"].is_unique
        assert back["error"].isna().all()


def test_semantic_maps_come_back(tmp_path):
    """Masks that do not overlap, by class, in both forms."""
    df = frame_of(
        tmp_path,
        [
            (0, "cat", [(20, 20, 9, True)]),
            (0, "dog", [(60, 40, 9, False)]),
            (1, "dog", []),
            (2, "cat", [(9, 9, 3, False)]),
        ],
    )
    df.sam.to_semantic(tmp_path / "semantic")
    df.sam.to_huggingface(tmp_path / "hf", task="semantic")

    back = samframe.read_semantic(tmp_path / "semantic")
    other = samframe.read_huggingface(tmp_path / "hf")

    assert positives(back) == positives(df, "prompt")
    assert (
        other.loc[other["mask"].sam.area > 0, "mask"].map(str).tolist()
        == back.loc[back["mask"].sam.area > 0, "mask"].map(str).tolist()
    )
    assert back["label"].isna().sum() == 1
    assert set(back["split"]) == {"train"}


@settings(max_examples=10, deadline=None)
@given(rows)
def test_label_studio_comes_back_with_its_ids(tmp_path_factory, given):
    """Masks are predictions there, their regions are called by the annotation's id."""
    folder = tmp_path_factory.mktemp("studio")
    df = frame_of(folder, given)
    if not (df["mask"].sam.area > 0).any():
        return
    df.sam.to_label_studio(folder / "studio")
    df.sam.to_coco(folder / "coco")

    back = samframe.read_label_studio(folder / "studio", predictions=True)

    found = back[back["mask"].notna() & (back["mask"].sam.area.fillna(0) > 0)]
    assert positives(found) == positives(df, "prompt")
    assert sorted(found["annotation_id"]) == sorted(
        samframe.read_coco(folder / "coco")["annotation_id"].dropna()
    )
    assert found["error"].isna().all()
    assert set(found["image"].map(size_of)) == {(W, H)}
