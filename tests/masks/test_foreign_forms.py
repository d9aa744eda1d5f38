"""What other programs hold as masks becomes one, or is refused with what it is and what to pass."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

import samframe
from samframe.errors import MaskError
from samframe.masks import Mask, MaskArray

OBJECT = np.zeros((40, 50), bool)
OBJECT[8:25, 10:33] = True
OBJECT[12:15, 20:24] = False
OTHER = np.roll(OBJECT, 12, axis=0) & ~OBJECT


def png(array, mode=None, palette=None, **options):
    picture = Image.fromarray(array) if mode is None else Image.fromarray(array, mode)
    if palette is not None:
        picture = Image.fromarray(array).convert("L")
        picture = picture.convert("P")
        picture = Image.frombytes("P", picture.size, array.astype(np.uint8).tobytes())
        picture.putpalette(palette)
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


NUMBERS = (OBJECT * 1 + OTHER * 2).astype(np.uint8)
VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
HIDDEN = np.dstack([np.zeros((40, 50, 3), np.uint8), (OBJECT * 255).astype(np.uint8)])
NOISE = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
CUTOUT = np.dstack([NOISE, (OBJECT * 255).astype(np.uint8)])
RED = np.dstack([OBJECT * np.uint8(255), OBJECT * np.uint8(0), OBJECT * np.uint8(0)])
VOID = np.where(OTHER, 255, OBJECT * 15).astype(np.uint8)
BRIGHT = np.where(OTHER, 90, OBJECT * 200).astype(np.uint8)

NO_MASKS = {
    "a map of 0, 1, 2": (png(NUMBERS), "numbers 0, 1, 2", {"value": 1}),
    "a map of 0, 7": (png((OBJECT * 7).astype(np.uint8)), "numbers 0, 7", {"value": 7}),
    "a map with a void border": (png(VOID), "numbers 0, 15, 255", {"value": 15}),
    "a map of bright numbers": (png(BRIGHT), "numbers 0, 90, 200", {"value": 200}),
    "a palette": (png(NUMBERS, palette=VOC), "palette.*0, 1, 2", {"value": 1}),
    "16 bits": (png((OBJECT * 300 + OTHER * 301).astype(np.uint16)), "16 bits.*0, 300, 301", {"value": 300}),
    "its mask in the transparency": (png(HIDDEN), "channel='alpha'", {"channel": "alpha"}),
    "a cut-out": (png(CUTOUT), "coloured.*channel='alpha'", {"channel": "alpha"}),
    "red on black": (png(RED), "coloured", {"channel": "red"}),
    "half bright": (png((OBJECT * 128 + OTHER * 100).astype(np.uint8)), "numbers", {"threshold": 128}),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_MASKS)
def test_a_png_that_is_no_mask_is_refused_and_read_by_the_rule_that_is_named(name):
    """Silently, each gave an empty mask or a part of one."""
    data, words, rule = NO_MASKS[name]

    with pytest.raises(MaskError, match=words):
        Mask.from_png(data)
    assert Mask.from_png(data, **rule) == Mask.from_numpy(OBJECT)


def soft():
    large = Image.fromarray((OBJECT * 255).astype(np.uint8)).resize((400, 320), Image.Resampling.NEAREST)
    return np.asarray(large.resize((100, 80), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(
    "data",
    [
        png((OBJECT * 255).astype(np.uint8)),
        png(OBJECT.astype(np.uint8)),
        png((OBJECT * 65535).astype(np.uint16)),
        png(OBJECT.astype(np.uint16)),
        png(np.dstack([(OBJECT * 255).astype(np.uint8)] * 3)),
        png(np.dstack([np.full((40, 50), 255, np.uint8), (OBJECT * 255).astype(np.uint8)])),
        png(OBJECT.astype(np.uint8), palette=[0, 0, 0, 255, 255, 255]),
    ],
)
def test_a_png_that_is_a_mask_is_read_without_a_rule(data):
    """Black and white, 0 and 1, gray, colours, 16 bits, white that is transparent, palettes of black and white."""
    assert Mask.from_png(data) == Mask.from_numpy(OBJECT)


def test_soft_edges_are_those_of_a_mask():
    """Shades of an edge are many, and few pixels each."""
    assert Mask.from_png(png(soft())) == Mask.from_numpy(soft() >= 128)


@pytest.mark.parametrize(
    "rule",
    [
        {"value": 1, "threshold": 3},
        {"value": "1"},
        {"value": 1.5},
        {"value": []},
        {"threshold": 0},
        {"threshold": 300},
        {"channel": "x"},
    ],
)
def test_a_rule_that_is_none_is_refused(rule):
    """Before a wrong mask is made."""
    with pytest.raises(MaskError):
        Mask.from_png(png(NUMBERS), **rule)


@pytest.mark.parametrize(
    "array",
    [
        np.linspace(0, 1, 12).reshape(3, 4),
        np.full((3, 4), 0.25, np.float16),
        np.array([[np.nan, 1.0]]),
        np.array([[-3.5, 2.0]]),
    ],
)
def test_floats_between_want_a_threshold(array):
    """Probabilities and logits are zero nowhere: all of them would be foreground."""
    for convert in (
        Mask.from_numpy,
        lambda one: pd.Series([one]).astype("mask"),
        lambda one: pd.array(one[None], dtype="mask"),
    ):
        with pytest.raises(MaskError, match="threshold"):
            convert(array)
    assert Mask.from_numpy(array, threshold=0.5) == Mask.from_numpy(array >= 0.5)


def test_floats_of_0_and_1_are_a_mask():
    """As NumPy and PyTorch keep them."""
    assert Mask.from_numpy(OBJECT.astype(np.float32)) == Mask.from_numpy(OBJECT)
    assert Mask.from_numpy((OBJECT * 3).astype(np.int64)) == Mask.from_numpy(OBJECT)
    with pytest.raises(MaskError, match="object"):
        Mask.from_numpy(np.array([["a", None]], dtype=object))


RINGS = [[3.0, 4.0, 40.5, 6.0, 20.0, 35.25], [30, 30, 48, 30, 48, 39]]


def test_astype_takes_polygons_with_their_size():
    """To the pixel what pycocotools makes of them; without the size the error says how to give it."""
    expected = Mask.from_coco(coco_mask.merge(coco_mask.frPyObjects(RINGS, 40, 50)))
    cells = [
        {"size": [40, 50], "polygons": RINGS},
        {"height": 40, "width": 50, "segmentation": RINGS, "id": 3},
        {"size": [40, 50], "segmentation": expected.to_coco()},
        json.dumps({"size": [40, 50], "polygons": RINGS}),
        None,
    ]

    found = pd.Series(cells).astype("mask")

    assert found.tolist()[:4] == [expected] * 4
    assert found[4] is pd.NA
    with pytest.raises(MaskError, match=r"from_polygons.*read_coco"):
        pd.Series([RINGS]).astype("mask")


def test_astype_takes_both_kinds_of_run_lengths_pictures_and_hugging_face_cells():
    """One column of all forms."""
    mask = Mask.from_numpy(OBJECT)
    edges = np.flatnonzero(np.diff(OBJECT.ravel(order="F"), prepend=False)).tolist()
    runs = np.diff([0, *edges, OBJECT.size]).tolist()
    jpeg = io.BytesIO()
    Image.fromarray((OBJECT * 255).astype(np.uint8)).resize((400, 320), 0).save(jpeg, "JPEG", quality=95)
    cells = [
        mask.to_coco(),
        {"size": [40, 50], "counts": runs},
        Image.fromarray(OBJECT),
        Image.fromarray((OBJECT * 255).astype(np.uint8)),
        Image.fromarray((OBJECT * 255).astype(np.uint8)).convert("RGB"),
        {"bytes": png((OBJECT * 255).astype(np.uint8)), "path": "a.png"},
        OBJECT,
    ]

    found = pd.Series(cells, dtype=object).astype("mask")

    assert found.tolist() == [mask] * len(cells)
    assert (
        pd.Series([{"bytes": jpeg.getvalue(), "path": None}]).astype("mask")[0].resize((40, 50)).iou(mask)
        > 0.99
    )
    with pytest.raises(MaskError, match="numbers"):
        pd.Series([Image.fromarray(NUMBERS)], dtype=object).astype("mask")
    with pytest.raises(MaskError, match="path"):
        pd.Series([{"bytes": None, "path": "a.png"}]).astype("mask")


def test_one_column_with_missing_masks_can_be_turned_and_stacked():
    """Pandas hands its own word for no value on."""
    masks = pd.DataFrame({"mask": pd.array([Mask.from_numpy(OBJECT), None], dtype="mask")}, index=["a", "b"])

    assert masks.stack().dtype == "mask"  # noqa: PD013 - that is what is tested
    assert masks.T.dtypes.tolist() == ["mask", "mask"]
    assert masks.T.loc["mask", "b"] is pd.NA
    assert masks.unstack().isna().tolist() == [False, True]  # noqa: PD010
    assert MaskArray.from_masks([None]).to_numpy(na_value=None).tolist() == [None]


def test_to_sql_stores_coco_text():
    """As to_csv does, and it comes back."""
    masks = pd.DataFrame({"mask": pd.array([Mask.from_numpy(OBJECT), None], dtype="mask"), "n": [1, 2]})
    with sqlite3.connect(":memory:") as base:
        masks.to_sql("masks", base, index=False)
        back = pd.read_sql("select * from masks", base)

    base.close()
    assert back["mask"].astype("mask").tolist() == masks["mask"].tolist()


def test_json_encoders_that_ask_get_coco():
    """simplejson, Pyramid and the like; Python's own is told how."""
    mask = Mask.from_numpy(OBJECT)

    assert mask.__json__() == mask.for_json() == mask.to_coco()
    assert json.loads(json.dumps({"mask": mask}, default=lambda one: one.to_coco()))["mask"] == mask.to_coco()


@pytest.mark.parametrize("bits", [2, 4])
def test_numbers_in_few_bits_are_the_file_s_own(bits, tmp_path):
    """Pillow stretches gray of 2 and 4 bits to 255; the numbers in the file are 0, 1, 2."""
    rows = b""
    for line in NUMBERS:
        padded = np.concatenate([line, np.zeros(-len(line) % (8 // bits), np.uint8)]).reshape(-1, 8 // bits)
        shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
        rows += b"\0" + (padded << shifts).sum(axis=1).astype(np.uint8).tobytes()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 50, 40, bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    (tmp_path / "a.png").write_bytes(data)

    with pytest.raises(MaskError, match="numbers 0, 1, 2"):
        Mask.from_png(data)
    assert Mask.from_png(data, value=1) == Mask.from_numpy(OBJECT)
    assert samframe.read_masks(tmp_path)["label"].tolist() == ["1", "2"]
