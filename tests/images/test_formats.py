"""Cells as other libraries hold them, and files of every format that Pillow opens, sent as the API takes them."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image as Pillow

from samframe.errors import ImageError
from samframe.images import read_image

RGB = np.dstack([np.full((6, 9), 200), np.tile(np.arange(9) * 20, (6, 1)), np.full((6, 9), 30)]).astype(
    np.uint8
)


def file_of(picture, kind, **options):
    """The bytes of a picture in a format."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def sent_of(cell):
    """The picture that is sent for a cell, and its Image."""
    image = read_image(cell)
    with Pillow.open(io.BytesIO(base64.b64decode(image.payload()))) as picture:
        picture.load()
        return picture, image


PNG = file_of(Pillow.fromarray(RGB), "PNG")


@pytest.mark.parametrize(
    "kind", ["TIFF", "BMP", "DIB", "PPM", "TGA", "ICNS", "PCX", "SGI", "QOI", "JPEG2000", "DDS"]
)
def test_a_lossless_file_is_sent_as_its_pixels(tmp_path, kind):
    """As bytes and as a path: a PNG of the same pixels goes out, and the note names the format."""
    picture = (
        Pillow.fromarray(np.kron(RGB, np.ones((128, 128, 1), np.uint8))[:16, :16]) if kind == "ICNS" else None
    )
    data = file_of(picture or Pillow.fromarray(RGB), kind)
    path = tmp_path / "a.bin"
    path.write_bytes(data)

    sent, image = sent_of(data)

    assert sent.format == "PNG"
    if picture is None:
        np.testing.assert_array_equal(np.asarray(sent.convert("RGB")), RGB)
    assert image.note.startswith(image.note.split()[0] + " is sent as PNG")
    assert read_image(path).identity == image.identity


def test_avif():
    """A lossy format, near enough."""
    sent, image = sent_of(file_of(Pillow.fromarray(RGB), "AVIF", quality=95))

    assert (sent.format, image.stored_hw) == ("PNG", (6, 9))
    assert np.abs(np.asarray(sent.convert("RGB")).astype(int) - RGB).mean() < 16


def test_heic():
    """A phone's picture, where the plugin is installed."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()

    sent, image = sent_of(file_of(Pillow.fromarray(np.kron(RGB, np.ones((16, 16, 1), np.uint8))), "HEIF"))

    assert (sent.format, image.stored_hw, image.note) == ("PNG", (96, 144), "HEIF is sent as PNG")


def test_heic_without_its_plugin_names_it(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    data = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64)

    with pytest.raises(ImageError, match=r"HEIC.*pillow-heif.*samframe\[heif\]"):
        read_image(data)


def test_pages_bits_and_floats_by_the_stated_rule():
    """The first page; the upper 8 of 16 bits; floats in 0..1, in 0..255 and beyond; CMYK as colours."""
    one, other = Pillow.fromarray(RGB), Pillow.new("RGB", (20, 4))
    pages, image = sent_of(file_of(one, "TIFF", save_all=True, append_images=[other]))
    assert (pages.size, "first page" in image.note) == ((9, 6), True)

    wide, image = sent_of(file_of(Pillow.fromarray(np.array([[0, 0x1234, 0xFFFF]], np.uint16)), "TIFF"))
    assert (np.asarray(wide).tolist(), "16 bits" in image.note) == ([[0, 0x12, 0xFF]], True)

    for values, expected in (
        ([[0.0, 0.5, 1.0]], [[0, 128, 255]]),
        ([[0.0, 128.4, 255.0]], [[0, 128, 255]]),
        ([[-1.0, 0.0, 1.0]], [[0, 128, 255]]),
        ([[np.nan, 0.0, 2000.0]], [[0, 0, 255]]),
        ([[3e4, 3e4, 3e4]], [[0, 0, 0]]),
    ):
        floats, image = sent_of(file_of(Pillow.fromarray(np.array(values, np.float32)), "TIFF"))
        assert (np.asarray(floats).tolist(), "floats" in image.note) == (expected, True)

    cmyk, _ = sent_of(file_of(one.convert("CMYK"), "TIFF"))
    assert cmyk.mode == "RGB"


def test_a_turned_tiff_lies_as_pillow_gives_it():
    """Pillow's reader turns it upright: points and masks are in that raster."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    sent, image = sent_of(file_of(Pillow.fromarray(RGB), "TIFF", exif=exif))

    assert (image.stored_hw, image.orientation, sent.size) == ((9, 6), 1, (6, 9))


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 6\n",
        b"II*\x00" + bytes(8),
        b"BM" + bytes(60),
        file_of(Pillow.fromarray(RGB), "TIFF")[:-40],
        bytes(range(256)) * 4,
    ],
)
def test_what_cannot_be_read_is_refused(data):
    """Programs in files are not run, and files that are cut short are found out."""
    with pytest.raises(ImageError):
        read_image(data)


def test_a_bomb_is_refused_from_its_header():
    """Before a pixel is decoded."""
    data = bytearray(file_of(Pillow.new("1", (16, 16)), "BMP"))
    data[18:26] = (30_000).to_bytes(4, "little") * 2

    with pytest.raises(ImageError, match=r"megapixels|bomb"):
        read_image(bytes(data))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: {"bytes": PNG, "path": None},
        lambda path: {"bytes": PNG, "path": "gone.png"},
        lambda path: {"bytes": None, "path": str(path)},
        lambda path: {"path": path},
        lambda path: {"bytes": bytearray(PNG)},
        lambda path: {"bytes": memoryview(PNG), "sha256": "x"},
        lambda path: {"bytes": b"", "path": str(path)},
        lambda path: {"bytes": float("nan"), "path": str(path)},
        lambda path: pa.scalar({"bytes": PNG, "path": "a.png"}),
        lambda path: pa.scalar(PNG),
        lambda path: pa.scalar(str(path)),
    ],
)
def test_records_of_hugging_face(tmp_path, make):
    """A record is its bytes, or else the file it names: the same job as the file itself."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    assert read_image(make(path)).identity == read_image(path).identity


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ({"bytes": None, "path": None}, "the cell is empty"),
        ({"bytes": b""}, "the cell is empty"),
        ({}, "with nothing in it"),
        ({"array": [1]}, "'bytes' or 'path' is wanted"),
        ({"bytes": "text", "path": None}, "bytes are of type str"),
        ({"bytes": b"no picture", "path": "a.png"}, "'a.png': plain text"),
    ],
)
def test_records_without_an_image(cell, words):
    """What is wrong with them is said."""
    with pytest.raises(ImageError, match=words):
        read_image(cell)


def test_a_record_s_url_is_passed_on():
    """The dataset viewer's ``src``."""
    assert read_image({"src": "https://h/a.png", "height": 3}).identity == "url:https://h/a.png"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://h/a b.png", "https://h/a%20b.png"),
        (" https://h/a b.png\n", "https://h/a%20b.png"),
        ("https://h/a.png?q=red car", "https://h/a.png?q=red%20car"),
        ('https://h/"a"<1>.png', "https://h/%22a%22%3C1%3E.png"),
        ("https://h/a%20b.png", "https://h/a%20b.png"),
    ],
)
def test_spaces_in_urls_are_encoded(url, sent):
    """The request carries the encoded URL, and the note says so where something changed."""
    image = read_image(url)

    assert image.payload() == sent
    assert (image.note is not None) == (url.strip() != sent)
