"""Pictures for the tests of samframe.images, small and drawn on the spot."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage


def encode(picture, kind="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = PillowImage.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def with_orientation(orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.fixture
def save():
    """Give a function: picture or array to the bytes of a file in the given format."""
    return encode


@pytest.fixture
def exif():
    """Give a function: orientation to the EXIF to save with a picture."""
    return with_orientation


@pytest.fixture
def colours():
    """Give a function: height and width to a uint8 RGB array, smooth in red and green."""

    def make(height, width):
        y, x = np.mgrid[:height, :width]
        return np.dstack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x + y) % 256]).astype(
            "u1"
        )

    return make


@pytest.fixture
def png(colours):
    """Give a PNG file of 30 x 20 pixels."""
    return encode(colours(20, 30))
