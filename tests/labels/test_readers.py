"""YOLO, PNG masks, label maps, Hugging Face and supervision read as frames."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest
import supervision as sv
from drawn import H, W, disk, frame_of, picture, positives, size_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.errors import LabelError, OptionError
from samframe.labels.places import ImageSize
from samframe.labels.readers.yolo import _mask, _numbers
from samframe.masks import Mask


@pytest.fixture
def yolo(tmp_path):
    """A dataset as people make it: lists of classes by number, two splits, boxes, segments, faults."""
    picture(tmp_path / "images" / "train" / "a.png", 1)
    picture(tmp_path / "images" / "train" / "deep" / "b.jpg", 2)
    picture(tmp_path / "images" / "val" / "c.png", 3)
    (tmp_path / "images" / "val" / "broken.png").write_bytes(b"no image")
    lines = {
        "train/a.txt": "0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n1 0.5 0.5 0.25 0.5\n\n1 0.5 0.5 0.25 0.5 0.875\n",
        "train/deep/b.txt": "0 0.1 0.2 0.3\n0 1.5 0.2 0.3 0.4 0.5 0.6\n7 0.5 0.5 0.2 0.2\nx 1 2 3 4\n.5 .5 .5 .2 .2\n",
        "train/orphan.txt": "0 0.5 0.5 0.1 0.1\n",
    }
    for name, text in lines.items():
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nnames: [cat, 'dög']\n"
    )
    return tmp_path


def test_yolo_segments_and_boxes(yolo):
    """A segment is filled as ultralytics fills it; four numbers are a box, a fifth is the score."""
    frame = (
        samframe.read_yolo(yolo / "data.yaml")
        .set_index("image")
        .loc[str(yolo / "images" / "train" / "a.png")]
    )

    expected = np.zeros((H, W), np.uint8)
    corners = np.array([[0.25, 0.25], [0.5, 0.25], [0.5, 0.75], [0.25, 0.75]]) * (W, H)
    cv2.fillPoly(expected, [corners.astype(np.int32)], 1)
    assert (frame["mask"].iloc[0].to_numpy() == expected).all()
    assert frame["mask"].iloc[1].bbox_xywh == (30, 15, 20, 30)
    assert frame["label"].tolist() == ["cat", "dög", "dög"]
    assert frame["score"].tolist() == [pd.NA, pd.NA, 0.875]
    assert frame["line"].tolist() == [1, 2, 4]


def test_yolo_faults_stay_in_their_lines(yolo):
    """Each says its file and line; images without labels are negatives."""
    frame = samframe.read_yolo(yolo)

    errors = frame["error"].dropna().tolist()
    for words in (
        "b.txt:1: a class and 3 numbers",
        "b.txt:2: numbers that are no shares",
        "b.txt:3: there is no class of the number 7",
        "b.txt:4: no line of numbers",
        "b.txt:5: a class is a whole number",
        "orphan.txt: there is no image",
        "broken.png",
    ):
        assert any(words in error for error in errors), words
    negative = frame[frame["image"] == str(yolo / "images" / "val" / "c.png")].iloc[0]
    assert negative["label"] is pd.NA
    assert negative["mask"] == Mask.from_numpy(np.zeros((H, W)))


def test_yolo_images_that_exif_turns(tmp_path):
    """Labels are of the upright image, masks lie on the stored one."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = picture(tmp_path / "images" / "a.jpg", exif=exif)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.25 1 0.5\n")

    mask = samframe.read_yolo(tmp_path, names=["cat"])["mask"][0]

    assert mask.size_hw == size_of(path)[::-1] == (H, W)
    assert mask.bbox_xywh == (0, 0, W // 2, H)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, W - 1), st.integers(0, H - 1)), min_size=3, max_size=8, unique=True))
def test_yolo_polygons_are_near_opencv_s(corners):
    """Slanted lines may differ by pixels of the border, no more."""
    expected = np.zeros((H, W), np.uint8)
    cv2.fillPoly(expected, [np.array(corners, np.int32)], 1)
    line = " ".join(["0", *(f"{(x + 0.5) / W:.8f} {(y + 0.5) / H:.8f}" for x, y in corners)])
    found = _mask(_numbers(line)[1], ImageSize((H, W))).to_numpy()

    border = np.zeros((H, W), np.uint8)
    cv2.polylines(border, [np.array(corners, np.int32)], isClosed=True, color=1, thickness=3)
    assert not ((found != expected.astype(bool)) & (border == 0)).any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("names: [a\n", "no YAML"),
        ("- 1\n", "no data.yaml"),
        ("names: {x: y}\ntrain: images\n", "names are texts"),
        ("names: &a [*a]\ntrain: images\n", "names are texts"),
        ("names: [a]\n", "names no folder"),
        ("names: [a]\ntrain: images/none\n", "names no folder"),
        ("x" * (1 << 21), "bytes"),
    ],
)
def test_yaml_that_is_none_is_refused(tmp_path, text, words):
    """Cycles of anchors, wrong types, missing folders, megabytes."""
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "data.yaml").write_text(text)

    with pytest.raises(LabelError, match=words):
        samframe.read_yolo(tmp_path)


def test_folders_of_masks_and_maps(tmp_path):
    """Black and white is one mask; numbers, palettes and 16 bits are an object each; the rest are errors."""
    masks, images = tmp_path / "masks", tmp_path / "images"
    masks.mkdir()
    for name in ("one", "map", "sixteen", "pal"):
        picture(images / f"{name}.jpg")
    a, b = disk(20, 20, 9).to_numpy(), disk(60, 40, 9).to_numpy()
    Image.fromarray((a * 255).astype(np.uint8)).save(masks / "one-17.png")
    Image.fromarray((a * 3 + b * 255).astype(np.uint8)).save(masks / "map.png")
    Image.fromarray((a * 1000 + b * 1001).astype(np.uint16)).save(masks / "sixteen.png")
    palette = Image.frombytes("P", (W, H), a.astype(np.uint8).tobytes())
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.save(masks / "pal.png")
    (masks / "bad.png").write_bytes(b"PNG")
    picture(masks / "photo.png")

    frame = samframe.read_masks(masks, images, labels={1: "cat", 3: "dog", 1000: "bird", 1001: "fox"})

    by_file = dict(iter(frame.groupby(frame["file"].str.rsplit("/").str[-1])))
    assert by_file["one-17.png"]["mask"].tolist() == [Mask.from_numpy(a)]
    assert by_file["one-17.png"]["image"].tolist() == [str(images / "one.jpg")]
    assert by_file["map.png"]["label"].tolist() == ["dog"]  # 255 has no name: void
    assert by_file["sixteen.png"]["label"].tolist() == ["bird", "fox"]
    assert by_file["sixteen.png"]["mask"].tolist() == [Mask.from_numpy(a), Mask.from_numpy(b)]
    assert by_file["pal.png"]["label"].tolist() == ["cat"]
    assert by_file["bad.png"]["error"].notna().all()
    assert "colour" in by_file["photo.png"]["error"].iloc[0]
    with pytest.raises(OptionError, match="labels"):
        samframe.read_masks(masks, labels="cat")


def test_a_picture_that_claims_gigabytes_is_refused_unread(tmp_path):
    """Its header is enough."""
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (tmp_path / "huge.png").write_bytes(bytes(data))

    assert "limit" in samframe.read_masks(tmp_path)["error"][0]
    assert "limit" in samframe.read_semantic(tmp_path)["error"][0]


def test_supervision_reads_and_is_read(tmp_path):
    """Detections, mappings, datasets; supervision's own reader of our COCO sees what ours does."""
    masks = [disk(20, 20, 9), disk(60, 40, 12)]
    boxes = np.array(
        [[m.bbox_xywh[0], m.bbox_xywh[1], m.bbox_xywh[0] + 1, m.bbox_xywh[1] + 1] for m in masks], float
    )
    found = sv.Detections(
        xyxy=boxes,
        mask=np.stack([m.to_numpy() for m in masks]),
        class_id=np.array([1, 0]),
        confidence=np.array([0.5, 0.25]),
    )

    frame = samframe.from_supervision(found, "a.png", labels=["cat", "dog"])

    assert frame["mask"].tolist() == masks
    assert frame["label"].tolist() == ["dog", "cat"]
    assert frame["score"].tolist() == [0.5, 0.25]
    assert samframe.from_supervision({"a.png": found, "b.png": sv.Detections.empty()})["image"].tolist() == [
        "a.png",
        "a.png",
        "b.png",
    ]
    with pytest.raises(OptionError, match="Detections"):
        samframe.from_supervision([1])
    df = frame_of(tmp_path, [(0, "cat", [(20, 20, 9, False)]), (1, "dog", [(40, 30, 12, False)])])
    df.sam.to_coco(tmp_path / "coco")
    dataset = sv.DetectionDataset.from_coco(
        str(tmp_path / "coco" / "train"),
        str(tmp_path / "coco" / "annotations" / "instances_train.json"),
        force_masks=True,
    )
    assert positives(samframe.from_supervision(dataset)) == positives(samframe.read_coco(tmp_path / "coco"))


def test_hugging_face_label_maps_of_others(tmp_path):
    """A column of numbers an image, names given; text labels; damaged files; missing columns."""
    datasets = pytest.importorskip("datasets")
    a, b = disk(20, 20, 9).to_numpy(), disk(60, 40, 9).to_numpy()
    numbers = Image.fromarray((a * 1 + b * 2).astype(np.uint8))
    features = datasets.Features({"image": datasets.Image(), "annotation": datasets.Image()})
    made = datasets.Dataset.from_dict(
        {"image": [numbers, numbers], "annotation": [numbers, None]}, features=features
    )

    frame = samframe.read_huggingface(made, labels={1: "cat", 2: "dog"})

    assert frame["label"].tolist() == ["cat", "dog", pd.NA]
    assert frame["mask"].tolist()[:2] == [Mask.from_numpy(a), Mask.from_numpy(b)]
    assert "no mask" in frame["error"][2]
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(LabelError, match="no Parquet"):
        samframe.read_huggingface(tmp_path)
    with pytest.raises(OptionError, match="no column"):
        samframe.read_huggingface(made, mask_col="nope")
    with pytest.raises(OptionError, match="hub"):
        samframe.read_huggingface(3)
