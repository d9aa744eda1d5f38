"""Pixels for viewers: the stored raster in RGB."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from PIL import Image as PillowImage

from samframe.errors import ImageError
from samframe.images import read_image


def test_pixels_are_those_of_the_file(png, colours):
    """An RGB file comes back value for value, writable."""
    pixels = read_image(png).pixels()
    pixels[0, 0] = 0

    np.testing.assert_array_equal(pixels[1:], colours(20, 30)[1:])


def test_pixels_are_not_turned(save, exif, colours):
    """Pixels are in the frame of points and masks: as stored, before EXIF rotation."""
    image = read_image(save(colours(20, 30), "PNG", exif=exif(6)))

    np.testing.assert_array_equal(image.pixels(), colours(20, 30))


def test_grey_becomes_three_channels():
    """A grey array is shown in RGB."""
    pixels = read_image(np.full((4, 5), 9, np.uint8)).pixels()

    assert (pixels.shape, pixels.dtype, int(pixels.min()), int(pixels.max())) == ((4, 5, 3), np.uint8, 9, 9)


def test_transparency_is_seen_on_white():
    """What is transparent is white, as in a browser."""
    array = np.zeros((4, 5, 4), np.uint8)
    array[:, :2, 3] = 255

    np.testing.assert_array_equal(read_image(array).pixels()[0, :, 0], [0, 0, 255, 255, 255])


def test_pixels_of_a_large_file_are_not_scaled(save, colours):
    """Only what is sent is brought down to 2048 px."""
    assert read_image(save(colours(10, 3000), "JPEG")).pixels().shape == (10, 3000, 3)


def test_file_that_is_no_image_any_more_is_an_image_error(tmp_path, png):
    """Trouble on reading again names the file."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    image = read_image(path)
    path.write_bytes(b"<html>")

    with pytest.raises(ImageError, match=r"a\.png': an HTML page"):
        image.pixels()


def test_threads_that_read_leave_the_warning_filters_as_they_were(save, colours):
    """Silencing Pillow in many threads at once does not leak into the process."""
    before = list(warnings.filters)
    data = save(colours(200, 300), "JPEG")
    threads = [threading.Thread(target=lambda: [read_image(data) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert warnings.filters == before


def test_import_loads_no_image_library():
    """To import samframe.images, and to pass URLs on, loads neither Pillow nor fsspec."""
    code = (
        "import sys, samframe.images as i; i.read_image('https://h/a.png'); "
        "print([m for m in ('PIL', 'fsspec') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_files_are_closed(tmp_path, save, recwarn):
    """No handle is left open, whether reading goes well or not."""
    good, bad = tmp_path / "a.png", tmp_path / "b.png"
    good.write_bytes(save(PillowImage.new("RGB", (9, 9))))
    bad.write_bytes(b"GIF89a")
    read_image(good).pixels()
    with pytest.raises(ImageError):
        read_image(bad)
    gc.collect()

    assert not recwarn.list
