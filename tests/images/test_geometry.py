"""Points and masks find their place between the stored raster and the one that is sent."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

from samframe.errors import ImageError
from samframe.images import geometry as _geometry
from samframe.images import read_image

ORIENTATIONS = st.integers(1, 8)
SIDES = st.integers(1, 60)


def turned(array, orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    PillowImage.fromarray(array).save(file, "PNG", exif=exif)
    with PillowImage.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


@settings(deadline=None)
@given(SIDES, SIDES, ORIENTATIONS, st.data())
def test_point_lands_on_its_own_pixel(height, width, orientation, data):
    """Unscaled, the pixel under a point is the same before and after Pillow has turned the picture."""
    array = np.arange(height * width, dtype=np.int32).reshape(height, width)
    low, high = (turned((array >> shift & 255).astype(np.uint8), orientation).astype(int) for shift in (0, 8))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    upright = low + 256 * high
    ((sent_x, sent_y),) = _geometry.points_to_sent(
        np.array([(x, y)], float), stored_hw=(height, width), sent_hw=upright.shape, orientation=orientation
    )

    assert upright[int(sent_y), int(sent_x)] == array[y, x]


@settings(deadline=None)
@given(SIDES, SIDES, ORIENTATIONS)
def test_mask_comes_back_onto_the_stored_raster(height, width, orientation):
    """Unscaled, turning a mask upright and bringing it back changes no pixel."""
    mask = np.random.default_rng(height * 100 + width).random((height, width)) > 0.5
    upright = turned(mask.astype(np.uint8), orientation).astype(bool)
    back = _geometry.mask_to_stored(upright, stored_hw=(height, width), orientation=orientation)

    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, mask)


@settings(deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), ORIENTATIONS)
def test_points_and_masks_agree_at_any_scale(stored_hw, sent_hw, orientation):
    """A stored pixel takes the value of just that sent pixel on which its centre falls."""
    labels = np.arange(sent_hw[0] * sent_hw[1]).reshape(sent_hw)
    rows, columns = np.mgrid[: stored_hw[0], : stored_hw[1]]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    sent = _geometry.points_to_sent(points, stored_hw=stored_hw, sent_hw=sent_hw, orientation=orientation)
    # Half up, with room for the rounding of a centre that falls right between two pixels.
    x, y = np.floor(sent + 0.5 + 1e-9).astype(int).clip(0, np.array(sent_hw[::-1]) - 1).T
    under = labels[y, x]
    bits = [
        _geometry.mask_to_stored(
            (labels >> bit & 1).astype(bool), stored_hw=stored_hw, orientation=orientation
        )
        for bit in range(12)
    ]
    back = sum(plane.astype(int) << bit for bit, plane in enumerate(bits))

    np.testing.assert_array_equal(back.ravel(), under)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size_hw", [(30, 50), (1200, 3000), (2900, 1000)])
def test_point_stays_on_its_object_in_a_real_file(save, exif, orientation, size_hw):
    """A point on a square stays on it in what is sent, and the square's mask comes back."""
    height, width = size_hw
    array = np.zeros((height, width, 3), np.uint8)
    top, left = height // 5, width // 2
    array[top : top + height // 3, left : left + width // 4] = 255
    image = read_image(save(array, "PNG", exif=exif(orientation), compress_level=1))
    with PillowImage.open(io.BytesIO(base64.b64decode(image.payload()))) as picture:
        seen = np.asarray(picture.convert("L")) > 127
    ((x, y),) = image.points_to_sent([(left + width // 8, top + height // 6)])
    back = image.mask_to_stored(seen)
    truth = array[..., 0] > 0

    assert seen.shape == image.sent_hw
    assert seen[round(y), round(x)]
    assert back.shape == size_hw
    assert (back & truth).sum() / (back | truth).sum() > 0.99


def test_points_are_clipped_to_the_image(colours):
    """A point outside ends on the nearest edge pixel of what is sent."""
    image = read_image(colours(20, 30))

    np.testing.assert_array_equal(
        image.points_to_sent([(-5, 3), (99, 99), (29, 19)]), [[0, 3], [29, 19], [29, 19]]
    )


@pytest.mark.parametrize(
    "points", [[(1, 2, 3)], [1, 2], [(1, float("nan"))], [(float("inf"), 0)], "ab", [("a", "b")]]
)
def test_points_that_are_none_are_refused(points, colours):
    """Points are finite pairs or an error."""
    for cell in (colours(20, 30), "https://h/a.png"):
        with pytest.raises(ImageError, match="points must be"):
            read_image(cell).points_to_sent(points)


def test_no_points_are_no_points(colours):
    """An empty array of pairs stays one."""
    assert read_image(colours(20, 30)).points_to_sent(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("shape", [(4,), (4, 5, 1), (0, 5)])
def test_mask_of_another_rank_is_refused(shape, colours):
    """A mask has rows and columns."""
    for cell in (colours(20, 30), "https://h/a.png"):
        with pytest.raises(ImageError, match="a mask must have"):
            read_image(cell).mask_to_stored(np.zeros(shape, bool))


def test_mask_of_another_size_is_stretched_by_nearest_neighbour(colours):
    """A mask of half the size comes back at the stored size, still two-valued and in place."""
    mask = np.zeros((10, 15), bool)
    mask[2:4, 5:9] = True
    back = read_image(colours(20, 30)).mask_to_stored(mask)

    np.testing.assert_array_equal(back, mask.repeat(2, axis=0).repeat(2, axis=1))
