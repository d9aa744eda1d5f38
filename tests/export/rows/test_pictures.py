"""Pictures for exporters: size, bytes and pixels on the raster that masks lie on."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from samframe.errors import ImageError
from samframe.export.rows.pictures import PictureReader, open_picture


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def _file(pixels, kind, orientation=1, **options):
    exif = Image.Exif()
    exif[0x010E] = "a description before the orientation"
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


def test_a_file_is_known_by_its_header_and_its_bytes(tmp_path, pixels):
    """A path gives size, digest, suffix by content and the file's own bytes."""
    data = _file(pixels, "JPEG")
    (tmp_path / "photo.png").write_bytes(data)

    picture = open_picture(str(tmp_path / "photo.png"))

    assert (picture.size_hw, picture.suffix, picture.n_bytes) == ((24, 32), ".jpg", len(data))
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.read() == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_raster_bytes_look_the_same_to_readers_that_turn_and_that_do_not(pixels, kind, orientation):
    """Without its EXIF orientation a picture is the stored raster for everyone, of the same format, no pixel lost."""
    data = _file(pixels, kind, orientation, **({"lossless": True} if kind == "WEBP" else {}))
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    picture = open_picture(data)
    copied = Image.open(io.BytesIO(picture.file()[0]))

    assert picture.orientation == orientation
    assert picture.size_hw == (24, 32)
    assert copied.format == kind
    assert (np.asarray(ImageOps.exif_transpose(copied).convert("RGB")) == stored).all()


def test_pixels_in_memory_become_a_png_of_the_same_pixels(pixels):
    """Arrays and Pillow images have a file's bytes too, always the same."""
    for cell in (pixels, Image.fromarray(pixels)):
        picture = open_picture(cell)

        assert picture.suffix == ".png"
        assert (np.asarray(Image.open(io.BytesIO(picture.read()))) == pixels).all()
        assert picture.sha256 == open_picture(cell).sha256


def test_a_url_is_a_reference_only():
    """Nothing is downloaded for a URL: it has neither size nor bytes, and says why."""
    picture = open_picture("https://host.example/a.png?signature=secret")

    assert picture.is_reference
    assert picture.size_hw is None
    with pytest.raises(ImageError, match="does not download"):
        picture.read()
    assert "secret" not in repr(picture)


def test_an_image_that_changes_under_the_export_is_told(tmp_path, pixels):
    """Bytes that are not those of the first look are an error, not another picture."""
    path = tmp_path / "a.png"
    path.write_bytes(_file(pixels, "PNG"))
    picture = open_picture(path)
    path.write_bytes(_file(pixels[::-1], "PNG"))

    with pytest.raises(ImageError, match="changed"):
        picture.read()


def test_reader_reads_equal_cells_once_and_tells_errors_in_words(tmp_path, pixels):
    """One look a path; what cannot be read is text that names the cell."""
    path = tmp_path / "a.png"
    path.write_bytes(_file(pixels, "PNG"))
    reader = PictureReader()

    assert reader.open(str(path)) is reader.open(str(path))
    assert "no such file" in reader.open(str(tmp_path / "b.png"))
    assert "the cell is empty" in reader.open(None)
    assert "an HTML page" in reader.open(b"<html>" + bytes(40))


def test_image_root_confines(tmp_path, pixels):
    """What lies outside of image_root is refused."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out.png").write_bytes(_file(pixels, "PNG"))

    assert "outside image_root" in PictureReader(tmp_path / "in").open("../out.png")
