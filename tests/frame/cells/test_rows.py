"""Bad input is its row's trouble: a clear error there, the other rows done, nothing raised."""

from __future__ import annotations

import decimal
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

GOOD = "thing"


def bomb() -> bytes:
    """Return a PNG whose header promises 300 megapixels."""
    header = struct.pack(">IIBBBBB", 20_000, 15_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def check_one_bad(service, df, words, **options):
    """Run the first row beside good ones, and hold what every bad row must show."""
    before = service.submits
    out = service.segment(df, **options)

    assert out["status"].tolist() == ["failed", *["completed"] * (len(df) - 1)]
    assert out["error"].iloc[0].startswith("Row 0: ")
    assert words in out["error"].iloc[0]
    assert "nothing charged" in out["error"].iloc[0]
    assert out["mask"].isna().tolist() == [True, *[False] * (len(df) - 1)]
    assert service.submits - before == len(df) - 1


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        float("nan"),
        np.float32("nan"),
        pd.NA,
        pd.NaT,
        "",
        "   ",
        "\t\n",
        "\u200b",
        "\ufeff\u2060",
        "\u3164",
    ],
)
def test_a_row_without_a_prompt_is_not_sent(service, picture, prompt):
    """None, NaN, NA, empty and invisible text are no prompt, and without points nothing is asked for."""
    df = pd.DataFrame({"image": [picture()] * 2, "prompt": pd.Series([prompt, GOOD], dtype=object)})

    check_one_bad(service, df, "neither a prompt nor coordinates")


@pytest.mark.parametrize("prompt", [b"boy", 7, 7.5, True, decimal.Decimal(3), {"a": 1}])
def test_a_prompt_that_is_no_text_is_not_sent(service, picture, prompt):
    """A prompt of another type is named, with how to convert it."""
    df = pd.DataFrame({"image": [picture()] * 2, "prompt": pd.Series([prompt, GOOD], dtype=object)})

    check_one_bad(service, df, f"the prompt is a {type(prompt).__name__}".replace("the", "The"))


def test_half_a_character_is_not_sent(service, picture):
    """A lone surrogate cannot be sent as UTF-8, and the row says so."""
    df = pd.DataFrame({"image": [picture()] * 2, "prompt": pd.Series(["half \ud83d", GOOD], dtype=object)})

    check_one_bad(service, df, "lone surrogate")


IMAGES = {
    "no bytes": (b"", "0 bytes"),
    "a page": (b"<!DOCTYPE html><html><body>Not found</body></html>", "HTML"),
    "a bomb": (bomb(), "megapixel"),
    "a TIFF": (b"II*\x00\x08\x00\x00\x00" + bytes(64), "TIFF"),
    "a BMP": (b"BM" + bytes(64), "BMP"),
    "no such file": ("nowhere/to/be/found.png", "nowhere"),
    "nothing": (None, "the cell is empty"),
    "NA": (pd.NA, "the cell is empty"),
    "a number": (12, "int"),
    "floats": (np.zeros((4, 4)), "uint8"),
    "five channels": (np.zeros((4, 4, 5), dtype=np.uint8), "shape"),
    "no pixels": (np.zeros((0, 4, 3), dtype=np.uint8), "pixel"),
    "another scheme": ("ftp://example.com/a.png", "ftp"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_that_is_none_is_not_sent(service, picture, kind):
    """What cannot be an image is told in its row, before anything is sent."""
    image, words = IMAGES[kind]
    df = pd.DataFrame({"image": pd.Series([image, picture()], dtype=object), "prompt": [GOOD] * 2})

    check_one_bad(service, df, words)


@pytest.mark.parametrize("damage", ["cut in half", "a flipped bit"])
def test_a_damaged_file_is_not_sent(service, picture, file_of, damage):
    """A PNG that ends early or does not match its checksums is found before it costs anything."""
    data = bytearray(file_of(picture()))
    if damage == "cut in half":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    df = pd.DataFrame({"image": pd.Series([bytes(data), picture()], dtype=object), "prompt": [GOOD] * 2})

    check_one_bad(service, df, "")


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ((40, 5), "outside the image of 32 x 24 px"),
        ((5, -3), "outside"),
        ([(1, 2), (3, 99)], "(3, 99) lies outside"),
        ((1, 2, 3), "shape (3,)"),
        ("[[1,2]", "JSON"),
        ("yes", "JSON"),
        ([("a", "b")], "numbers"),
        ((float("nan"), 2.0), "not finite"),
        (float("inf"), "not finite"),
        (3.5, "float holds no points"),
        (b"[1,2]", "bytes"),
        ({"a": 1, "b": 2}, "dict"),
        ([[1, 2], [3]], "holds"),
        (None, "neither a prompt nor coordinates"),
        ([], "neither a prompt nor coordinates"),
    ],
)
def test_points_that_are_none_are_not_sent(service, picture, points, words):
    """Points out of bounds, of another shape or of no numbers are told in their row."""
    df = pd.DataFrame({"image": [picture()] * 2, "at": pd.Series([points, (3, 4)], dtype=object)})

    check_one_bad(service, df, words, prompt_col=None, coordinates_col="at")


def test_points_to_exclude_alone_ask_for_nothing(service, picture):
    """Points to exclude need something that is looked for."""
    df = pd.DataFrame({"image": [picture()] * 2, "yes": [None, (3, 4)], "no": [(1, 2), (5, 6)]})

    check_one_bad(
        service, df, "nothing to find", prompt_col=None, coordinates_col="yes", remove_coordinates_col="no"
    )


def test_a_refused_row_leaves_the_others(service, picture):
    """A job that fails at the service is its row's trouble too, and is not billed."""
    df = pd.DataFrame({"image": [picture()] * 3, "prompt": ["nothing", "a", "b"]})
    out = service.segment(df, details=True)

    assert out["status"].tolist() == ["failed", "completed", "completed"]
    assert "Nothing in the image matches 'nothing'" in out["error"][0]
    assert out["cost"].isna().tolist() == [True, False, False]


def test_every_row_bad_is_a_frame_still(service):
    """Where no row can be sent, the frame comes back with an error in each, and no request is made."""
    df = pd.DataFrame({"image": [None, 3, b""], "prompt": [GOOD] * 3})
    before = service.submits
    out = service.segment(df)

    assert out["status"].tolist() == ["failed"] * 3
    assert [text[:7] for text in out["error"]] == ["Row 0: ", "Row 1: ", "Row 2: "]
    assert service.submits == before


def test_a_rotated_photograph_gets_its_mask_as_it_is_stored(service, picture, file_of):
    """The rotation of EXIF is applied to what is sent, and taken back from the mask."""
    exif = Image.Exif()
    exif[0x0112] = 6
    df = pd.DataFrame({"image": [file_of(picture(), "JPEG", exif=exif)], "prompt": [GOOD]})
    out = service.segment(df)

    assert out["mask"][0].size_hw == (24, 32)
    assert out["error"].isna().all()


def test_a_large_image_gets_its_mask_in_its_own_size(service, picture):
    """Over 2048 px an image is scaled for sending, and the mask is brought back."""
    df = pd.DataFrame({"image": [picture(size_hw=(64, 4096))], "prompt": [GOOD]})
    out = service.segment(df)

    assert out["mask"][0].size_hw == (64, 4096)
    assert out["mask"][0].area > 0
    assert out["error"].isna().all()
