"""Boxes of the stored raster in the raster that is sent: turned by EXIF, scaled, clipped."""

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from samframe.errors import ImageError
from samframe.images import read_image


def stored_picture(tmp_path, size_hw, box, orientation):
    """A picture as stored, white in the box, with an EXIF orientation."""
    pixels = np.zeros((*size_hw, 3), np.uint8)
    x1, y1, x2, y2 = box
    pixels[y1:y2, x1:x2] = 255
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"{orientation}.png"
    Pillow.fromarray(pixels).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size_hw", [(60, 90), (1500, 3000)])
def test_a_box_lands_where_its_pixels_land(tmp_path, size_hw, orientation):
    """In all eight orientations, scaled or not: within a pixel of what is white in the upright picture as sent."""
    height, width = size_hw
    box = (width // 10, height // 4, width // 3, height // 2)
    path = stored_picture(tmp_path, size_hw, box, orientation)
    image = read_image(path)
    with Pillow.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        sent = upright.resize((image.sent_hw[1], image.sent_hw[0]))
    ys, xs = np.nonzero(np.asarray(sent.convert("L")) > 127)

    (got,) = image.boxes_to_sent([box])

    np.testing.assert_allclose(got, (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), atol=1)


def test_edges_are_clipped_and_no_box_is_empty(tmp_path):
    """A box that juts out ends at the edge; a thin one in a picture scaled down keeps a pixel."""
    small = read_image(np.zeros((50, 80, 3), np.uint8))
    large = read_image(np.zeros((50, 8000, 3), np.uint8))

    assert small.boxes_to_sent([(-5, 10, 90, 60)]) == ((0, 10, 80, 50),)
    assert small.boxes_to_sent([(0, 0, 80, 50)]) == ((0, 0, 80, 50),)
    ((x1, y1, x2, y2),) = large.boxes_to_sent([(7999, 49, 8000, 50)])
    assert (x2 - x1, y2 - y1) == (1, 1)
    assert x2 <= 2048


def test_a_url_s_boxes_are_as_they_were():
    """Its size is not known."""
    assert read_image("https://host/a.png").boxes_to_sent([(1.4, 2, 3e4, 4)]) == ((1, 2, 30000, 4),)


@pytest.mark.parametrize("boxes", [[(1, 2, 3)], [("a", 1, 2, 3)], [(1, 2, float("nan"), 4)]])
def test_what_is_no_box(boxes):
    """Four finite numbers are wanted."""
    with pytest.raises(ImageError, match="boxes must be"):
        read_image("https://host/a.png").boxes_to_sent(boxes)
