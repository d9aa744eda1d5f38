"""Several masks in one answer, in any form that a service may give them."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from samframe.masks import Mask
from samframe.segmind import OutputError, find_parts, pack_parts, read_parts


def png(number):
    """A mask file with as many white rows."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[: number + 1] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


FILES = {f"https://images.segmind.com/{number}.png": png(number) for number in range(3)}
URLS = list(FILES)
URIS = ["data:image/png;base64," + base64.b64encode(png(number)).decode() for number in range(3)]
RLES = [Mask.from_numpy(np.arange(64).reshape(8, 8) < 8 * (number + 1)).to_coco() for number in range(3)]
SCORES = [0.9, 0.8, 0.7]


def masks_of(result):
    """The areas and scores that a result comes to, by way of the archive that is kept."""
    parts = find_parts(result)
    files = [
        b""
        if part.reference is None
        else FILES[part.reference.url]
        if part.reference.url
        else part.reference.data
        for part in parts
    ]
    found = read_parts(pack_parts(parts, files))
    return [part.mask.area for part in found], [part.score for part in found]


@pytest.mark.parametrize(
    ("result", "has_scores"),
    [
        ({"output": URLS}, False),
        ({"output": URIS}, False),
        ({"output": [{"url": url} for url in URLS]}, False),
        ({"output": None, "images": [{"url": url} for url in URLS]}, False),
        (
            {
                "output": URLS[0],
                "images": [{"url": u, "score": s} for u, s in zip(URLS, SCORES, strict=True)],
            },
            False,
        ),
        (
            {"output": URLS, "images": [{"url": u, "score": s} for u, s in zip(URLS, SCORES, strict=True)]},
            True,
        ),
        ({"output": {"masks": URLS, "scores": SCORES, "boxes": [[0, 0, 8, 1]] * 3}}, True),
        ({"output": {"masks": RLES, "scores": SCORES}}, True),
        ({"output": {"masks": URIS, "confidences": SCORES}}, True),
        (
            {
                "output": [
                    {"mask": u, "score": s, "bbox": [0, 0, 8, 1]} for u, s in zip(URLS, SCORES, strict=True)
                ]
            },
            True,
        ),
        ({"output": [{"segmentation": r, "score": s} for r, s in zip(RLES, SCORES, strict=True)]}, True),
        (
            {"output": {"instances": [{"mask": u, "score": s} for u, s in zip(URIS, SCORES, strict=True)]}},
            True,
        ),
        ({"output": json.dumps({"masks": URLS, "scores": SCORES})}, True),
    ],
)
def test_three_masks(result, has_scores):
    """URLs, data URIs, images, mappings of masks, scores, boxes and run lengths."""
    areas, scores = masks_of(result)

    if areas == [8]:  # one URL and images beside it: the output is what counts
        return
    assert areas == [8, 16, 24]
    assert scores == (SCORES if has_scores else [None] * 3)


def test_an_archive_as_it_came():
    """A ZIP of PNG files, with what is told of them or without; folders and a Mac's files are passed over."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"masks/{number}.png", png(number))
        archive.writestr("__MACOSX/masks/0.png", b"x")
        archive.writestr("scores.json", json.dumps(SCORES))
    parts = find_parts({"output": URLS[0]})

    found = read_parts(pack_parts(parts, [out.getvalue()]))

    assert ([part.mask.area for part in found], [part.score for part in found]) == ([8, 16, 24], SCORES)


def test_the_archive_is_the_same_for_the_same_masks():
    """It is named by its bytes."""
    parts = find_parts({"output": URLS})

    assert pack_parts(parts, list(FILES.values())) == pack_parts(parts, list(FILES.values()))


def test_no_object_is_an_answer():
    """An empty list is no mask, and nothing is broken."""
    assert read_parts(pack_parts(find_parts({"output": []}), [])) == []


@pytest.mark.parametrize(
    "result",
    [{"output": None}, {"output": {}}, {"output": 7}, {"output": [7]}, {"output": ["x"] * 3000}, [], None],
)
def test_what_is_no_mask(result):
    """Is an OutputError, whatever it is."""
    if result == []:
        assert find_parts(result) == []
        return
    with pytest.raises(OutputError):
        find_parts(result)


def test_damaged_archives():
    """Cut short, without a mask, or with run lengths that are none."""
    whole = pack_parts(find_parts({"output": URLS}), list(FILES.values()))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme.txt", "x")
    wrong = pack_parts(find_parts({"output": {"masks": [{"size": [2, 2], "counts": [9]}]}}), [b""])

    for data in (whole[:-30], empty.getvalue(), wrong, b"PK\x03\x04rubbish"):
        with pytest.raises(OutputError):
            read_parts(data)
