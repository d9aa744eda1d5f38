"""What a cell may hold."""

from __future__ import annotations

import base64
import enum
import io
import sys
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PillowImage

from samframe.errors import ImageError
from samframe.images import read_image


def sent(image):
    return base64.b64decode(image.payload(), validate=True)


@pytest.mark.parametrize(
    "form",
    [
        lambda path, data: str(path),
        lambda path, data: path,
        lambda path, data: np.str_(path),
        lambda path, data: path.as_uri(),
        lambda path, data: f"file://localhost{path}",
        lambda path, data: f"file:{path}",
        lambda path, data: data,
        lambda path, data: bytearray(data),
        lambda path, data: memoryview(data),
        lambda path, data: np.bytes_(data),
        lambda path, data: "data:image/png;base64," + base64.b64encode(data).decode(),
        lambda path, data: "DATA:image/jpeg;charset=x;BASE64," + base64.encodebytes(data).decode(),
        lambda path, data: "data:," + quote_from_bytes(data),
        lambda path, data: base64.b64encode(data).decode(),
        lambda path, data: base64.encodebytes(data).decode().rstrip("=\n"),
    ],
)
def test_each_form_of_a_file_sends_its_own_bytes(form, tmp_path, png):
    """A path, a file URI, bytes, a data URI and plain base64 text all lead to the same bytes."""
    path = tmp_path / "a b#1%.png"
    path.write_bytes(png)

    assert sent(read_image(form(path, png))) == png


def test_relative_path_starts_at_the_working_directory(tmp_path, png, monkeypatch):
    """A relative path is found from the working directory, and stays found after it changes."""
    (tmp_path / "a.png").write_bytes(png)
    monkeypatch.chdir(tmp_path)
    image = read_image("a.png")
    monkeypatch.chdir("/")

    assert sent(image) == png


def test_tilde_is_the_home_folder(tmp_path, png, monkeypatch):
    """A leading ~ is expanded."""
    (tmp_path / "a.png").write_bytes(png)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert sent(read_image("~/a.png")) == png


def test_fsspec_object_is_read(png):
    """An object of an fsspec store is sent as its bytes."""
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/bucket/a.png", png)

    assert sent(read_image("memory://bucket/a.png")) == png


def test_missing_fsspec_names_the_extra(monkeypatch):
    """Without fsspec an object store's URL says what to install."""
    monkeypatch.setitem(sys.modules, "fsspec", None)

    with pytest.raises(ImageError, match=r"pip install samframe\[fsspec\]"):
        read_image("s3://bucket/a.png")


def test_missing_object_is_an_image_error():
    """An object that is not there is an error of the row."""
    pytest.importorskip("fsspec")

    with pytest.raises(ImageError, match="no such object"):
        read_image("memory://bucket/none.png")


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 4)])
def test_array_is_sent_as_png_of_its_values(shape):
    """A uint8 array of each shape arrives with its values unchanged."""
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = sent(read_image(array))

    with PillowImage.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        np.testing.assert_array_equal(
            np.asarray(picture), array.reshape(20, 30) if shape[2:] == (1,) else array
        )


def test_strided_and_read_only_arrays_are_read(colours):
    """Views, Fortran order and read-only arrays are as good as any."""
    array = colours(40, 60)[::-2, ::3]
    array.setflags(write=False)

    assert read_image(array).identity == read_image(np.asfortranarray(array)).identity


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "PA", "RGBX"]
)
def test_pillow_image_of_each_mode_is_sent(mode):
    """A Pillow image of every usual mode becomes a PNG of 8 bits a channel."""
    picture = PillowImage.new(mode, (30, 20))

    assert sent(read_image(picture)).startswith(b"\x89PNG")


def test_pillow_image_read_from_jpeg_stays_whole(save, colours):
    """A user's lazily opened JPEG is neither shrunk nor closed by reading it."""
    with PillowImage.open(io.BytesIO(save(colours(150, 4200), "JPEG"))) as picture:
        image = read_image(picture)
        size = picture.size

    assert (size, image.stored_hw, image.sent_hw) == ((4200, 150), (150, 4200), (73, 2048))


@pytest.mark.parametrize(
    "cell",
    [
        None,
        float("nan"),
        np.float64("nan"),
        np.float32("nan"),
        pd.NA,
        pd.NaT,
        "",
        "  \n",
        "\u200b\ufeff",
        b"",
    ],
)
def test_empty_cell_says_so(cell):
    """A missing value, an empty text and empty bytes are errors that say so."""
    with pytest.raises(ImageError, match=r"empty|0 bytes"):
        read_image(cell)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (3, "type int is no image"),
        (1.5, "type float"),
        (True, "type bool"),
        ([1, 2], "type list"),
        ({"file": "a.png"}, "type dict"),
        (object(), "type object"),
        (np.zeros((4, 5), bool), r"\(array \* 255\)\.astype"),
        (np.zeros((4, 5)), "array of float64.*0..255"),
        (np.zeros((4, 5), np.uint16), "array of uint16"),
        (np.zeros((4, 5), object), "array of object"),
        (np.zeros((3, 40, 50), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)"),
        (np.zeros((1, 4, 5, 3), np.uint8), r"shape \(1, 4, 5, 3\)"),
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.zeros((), np.uint8), r"shape \(\)"),
        (np.zeros((0, 5), np.uint8), "no pixels"),
        (PillowImage.new("RGB", (0, 3)), "no pixels"),
    ],
)
def test_what_is_no_image_says_what_it_is(cell, words):
    """Other values, dtypes and shapes are errors that name the trouble or the remedy."""
    with pytest.raises(ImageError, match=words):
        read_image(cell)


def test_path_of_bytes_is_refused():
    """A path object whose path is bytes is an error."""

    class BytesPath:
        def __fspath__(self):
            return b"/a.png"

    with pytest.raises(ImageError, match="path of bytes"):
        read_image(BytesPath())


@pytest.mark.parametrize(
    "cell",
    ["ftp://h/a.png", "local:///etc/passwd", "zip://a::s3://b/c.zip", "s3://a::file:///b", "javascript://x"],
)
def test_other_schemes_are_not_read(cell):
    """Schemes that are no object store, and chains of them, are refused by name."""
    with pytest.raises(ImageError, match="is not read"):
        read_image(cell)


def test_enum_of_text_is_its_value():
    """A member of an enum of strings is read by its value, not by its name."""

    class Place(str, enum.Enum):  # noqa: UP042 - StrEnum would not show the difference
        A = "https://h/a.png"

    assert read_image(Place.A).payload() == "https://h/a.png"


@pytest.mark.parametrize("cell", ["C:/images/a.png", "C:\\images\\a.png", "D:a.png", "odd:/a.png"])
def test_drive_letter_is_no_scheme(cell):
    """A Windows drive is part of a path, which is then not found here."""
    with pytest.raises(ImageError, match="no such file"):
        read_image(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "data:image/png;base64",
        "data:image/png;base64,@@@@",
        "data:image/png;base64,iVBORw0KGgo",
        "data:,hello",
    ],
)
def test_broken_data_uri_is_an_error_without_its_content(cell):
    """A data URI that holds no whole picture is an error."""
    with pytest.raises(ImageError, match="data"):
        read_image(cell)


def test_error_does_not_quote_a_long_data_uri(png):
    """A message stays short however long the cell is."""
    uri = "data:image/png;base64," + base64.b64encode(png[:-20] * 500).decode()

    with pytest.raises(ImageError) as caught:
        read_image(uri)
    assert len(str(caught.value)) < 200


def test_name_that_looks_like_base64_is_a_path(tmp_path, png, monkeypatch):
    """Base64 of no picture is taken for the name of a file, as it was before."""
    name = "iVBORw0KGgoAAAANSUhEUgAAAAAAAAAAAAAAAAAA.png"
    (tmp_path / name).write_bytes(png)
    monkeypatch.chdir(tmp_path)

    assert read_image(Path(name)).identity == read_image(name).identity
