"""Every form that an output may take."""

from __future__ import annotations

import base64
import hashlib
import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from samframe.server import DrawnEngine, OutputForm
from samframe.server.work.outputs import mask_file, overlay_file

BOX = np.zeros((24, 40), bool)
BOX[6:20, 9:31] = True


def decode(raw):
    with Image.open(io.BytesIO(raw)) as picture:
        picture.load()
        return picture


@pytest.mark.parametrize(
    ("mode", "high"), list(product(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"], [255, 1]))
)
def test_png_modes(mode, high):
    """Each mode is what the file says, and its brighter value is the foreground."""
    picture = decode(mask_file(BOX, OutputForm(mode=mode, high=high)))
    values = np.asarray(picture.convert("RGB") if mode == "P" else picture)
    first = values if values.ndim == 2 else values[..., 0]
    tops = {("1", 255): 1, ("1", 1): 1, ("I;16", 255): 65535}

    assert picture.mode == mode
    assert np.array_equal(first > 0, BOX)
    assert first.max() == tops.get((mode, high), high)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_rings(mode):
    """JPEG is not two-valued near the edges, and its nearer half is still the mask."""
    values = np.asarray(
        decode(mask_file(BOX, OutputForm(file_format="JPEG", mode=mode, quality=70))).convert("L")
    )

    assert len(np.unique(values)) > 2
    assert np.array_equal(values > 127, BOX)


@pytest.mark.parametrize(("mode", "quality"), list(product(["RGB", "RGBA"], [90, 100])))
def test_webp(mode, quality):
    """WEBP, lossy or lossless, is the mask when halved."""
    picture = decode(mask_file(BOX, OutputForm(file_format="WEBP", mode=mode, quality=quality)))

    assert picture.format == "WEBP"
    assert np.mean((np.asarray(picture.convert("L")) > 127) == BOX) > 0.99


def test_other_size():
    """A mask may come in another size than the image's."""
    small = np.asarray(decode(mask_file(BOX, OutputForm(size_hw=(12, 20)))))

    assert np.array_equal(small > 0, BOX[::2, ::2])


@pytest.mark.parametrize(
    ("inline", "head"), [("base64", "iVBORw0KGgo"), ("data-uri", "data:image/png;base64,iVBO")]
)
def test_inline_output(make_peer, inline, head):
    """With ``base64=true`` the file comes in the answer, as text or as a data URI, and no image is listed."""
    result = make_peer(output=OutputForm(inline=inline)).run(base64=True)
    raw = base64.b64decode(result["output"].rpartition(",")[2])

    assert result["output"].startswith(head)
    assert "images" not in result
    assert decode(raw).size == (64, 48)


def test_inline_may_come_unasked(make_peer):
    """A server may answer inline although a URL was expected."""
    result = make_peer(output=OutputForm(always_inline=True)).run()

    assert result["output"].startswith("iVBORw0KGgo")


@pytest.mark.parametrize(("file_format", "suffix"), [("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_file_name_and_type_follow_the_format(make_peer, file_format, suffix):
    """The result and the download name the type of the file."""
    peer = make_peer(output=OutputForm(file_format=file_format, mode="RGB"))
    result = peer.run()
    answer = peer.http.get(result["output"])

    assert result["output"].endswith(suffix)
    assert (
        result["images"][0]["content_type"]
        == answer.headers["content-type"]
        == f"image/{file_format.lower()}"
    )


def test_overlay_paints_the_mask_over_the_image():
    """Outside the mask the picture is untouched."""
    rgb = np.full((*BOX.shape, 3), 100, np.uint8)
    painted = np.asarray(decode(overlay_file(rgb, BOX)))

    assert np.array_equal((painted != 100).any(axis=2), BOX)


def test_overlay_is_the_default(peer):
    """Where overlay_mask is not sent, the answer is a picture, as the API documents."""
    result = peer.run(overlay_mask=None)
    painted = np.asarray(decode(peer.http.get(result["output"]).content))
    photo = np.asarray(decode(peer.photo))
    truth = (
        DrawnEngine().draw((48, 64), image_sha256=hashlib.sha256(peer.photo).hexdigest(), prompt="boy").mask
    )

    assert painted.shape == (48, 64, 3)
    assert np.array_equal(painted[~truth], photo[~truth])
    assert (painted[truth] != photo[truth]).mean() > 0.9
