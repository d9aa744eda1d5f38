"""Identity, payload, and reading many cells at once."""

from __future__ import annotations

import base64
import hashlib
import pickle
import tracemalloc

import numpy as np
import pytest
from PIL import Image as PillowImage

from samframe.errors import ImageError, OptionError
from samframe.images import Image, read_image, read_images


def test_identity_is_the_hash_of_what_is_sent(save, colours, exif):
    """Untouched or encoded anew, the identity is the sha256 of the bytes in the payload."""
    for data in (save(colours(9, 9)), save(colours(9, 3000)), save(colours(9, 12), "JPEG", exif=exif(6))):
        image = read_image(data)
        digest = hashlib.sha256(base64.b64decode(image.payload())).hexdigest()

        assert image.identity == f"sha256:{digest}"


def test_same_picture_in_any_form_has_one_identity(tmp_path, png):
    """The same bytes under two paths, and as bytes, are one image."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png)

    assert len({read_image(cell).identity for cell in (tmp_path / "a.png", tmp_path / "b.png", png)}) == 1


def test_array_and_pillow_image_of_equal_pixels_have_one_identity(colours):
    """Encoding anew gives the same bytes for the same pixels, wherever they come from."""
    array = colours(20, 30)
    picture = PillowImage.fromarray(array)
    picture.info["dpi"] = (72, 72)

    assert read_image(array).identity == read_image(picture).identity == read_image(array.copy()).identity


@pytest.mark.parametrize("width", [30, 3000])
def test_file_that_changed_is_not_sent(tmp_path, save, colours, width):
    """A file that is another one when its payload is made is an error, not a surprise."""
    path = tmp_path / "a.png"
    path.write_bytes(save(colours(20, width)))
    image = read_image(path)
    path.write_bytes(save(colours(21, width)))

    with pytest.raises(ImageError, match=r"a\.png.*changed after"):
        image.payload()


def test_array_that_changed_is_not_sent(colours):
    """An array that was written to after the plan is not sent under the old identity."""
    array = colours(20, 30)
    image = read_image(array)
    array[0, 0] = 7

    with pytest.raises(ImageError, match="changed after"):
        image.payload()


def test_file_that_is_gone_is_an_image_error(tmp_path, png):
    """A file deleted after the plan is an error of the row."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    image = read_image(path)
    path.unlink()

    with pytest.raises(ImageError, match="no such file"):
        image.payload()


def test_image_survives_pickling(tmp_path, png):
    """An Image of a path can go to another process."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    image = read_image(path)

    assert pickle.loads(pickle.dumps(image)).payload() == image.payload()  # noqa: S301 - made on this line


def test_repr_holds_no_content(png):
    """Neither bytes nor base64 appear in a repr."""
    uri = "data:image/png;base64," + base64.b64encode(png).decode()

    assert all(len(repr(read_image(cell))) < 150 for cell in (png, uri))


def test_many_cells_are_read_in_order_with_errors_in_place(tmp_path, png):
    """One result a cell, in order; a bad cell does not stop the others."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    good, missing, empty, url = read_images([path, tmp_path / "none.png", None, "https://h/a.png"])

    assert isinstance(good, Image)
    assert isinstance(missing, ImageError)
    assert "empty" in str(empty)
    assert url.payload() == "https://h/a.png"


def test_equal_cells_are_read_once(tmp_path, png, monkeypatch):
    """Equal texts, equal bytes, one object, and two spellings of one file share an Image."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    monkeypatch.chdir(tmp_path)
    array = np.zeros((4, 5), np.uint8)
    cells = [str(path), "a.png", path, "./a.png", path.as_uri(), png, bytes(bytearray(png)), array, array]
    images = read_images(cells)

    assert len({id(image) for image in images[:5]}) == 1
    assert images[5] is images[6]
    assert images[7] is images[8]


def test_short_lived_cells_are_not_mixed_up():
    """Objects known by their id are kept until the call ends: a generator's arrays are told apart."""
    images = read_images(np.full((4, 5), level, np.uint8) for level in range(50))

    assert len({image.identity for image in images}) == 50


def test_errors_hold_no_traceback():
    """A million bad rows must not keep a million frames alive."""
    (error,) = read_images([b"<html>"])

    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


def test_wrong_image_root_is_raised(tmp_path):
    """A wrong image_root stops the call."""
    with pytest.raises(OptionError):
        read_images([], image_root=tmp_path / "none")


def test_ten_thousand_images_cost_little_memory(tmp_path, png):
    """An Image keeps a recipe, not bytes: well under 2 KB each."""
    paths = [tmp_path / f"{number}.png" for number in range(200)]
    for path in paths:
        path.write_bytes(png)
    read_images(paths[:1])
    tracemalloc.start()
    images = [read_image(path) for path in paths]
    used, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(images) == 200
    assert used / len(images) < 2000
