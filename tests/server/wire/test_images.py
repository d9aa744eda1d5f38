"""What a job's image may be."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from samframe.server.wire.images import read_data_uri, read_image


def read(text, **files):
    return read_image(text, asset=files.get, max_side_px=2048)


def encoded(raw):
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF"])
def test_formats_of_the_contract_are_read(picture, file_format):
    """PNG, JPG and GIF are taken, as base64 and as a data URI."""
    raw = picture((20, 30), file_format=file_format)
    data_uri = f"data:image/{file_format.lower()};base64,{encoded(raw)}"

    assert read(encoded(raw)).raw == read(data_uri).raw == raw
    assert read(encoded(raw)).size_hw == (20, 30)
    assert read(encoded(raw)).pixels().shape == (20, 30, 3)


@pytest.mark.parametrize("file_format", ["WEBP", "BMP", "TIFF"])
def test_other_formats_are_refused(picture, file_format):
    """What the API does not list is no image."""
    with pytest.raises(ValueError, match="no PNG, JPG or GIF"):
        read(encoded(picture(file_format=file_format)))


def test_wrapped_and_unpadded_base64_is_read(picture):
    """Line breaks and missing padding are forgiven."""
    raw = picture() + b"\0"
    text = encoded(raw).rstrip("=")
    wrapped = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))

    assert read(wrapped).raw == raw


@pytest.mark.parametrize("text", ["", "####", "data:image/png;base64,", "data:image/png,abc", "ä"])
def test_text_that_is_no_base64_is_refused(text):
    """Neither a URL nor base64: the message says so."""
    with pytest.raises(ValueError, match="neither a URL nor valid base64"):
        read(text)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.png", "https://host/a.jpg", "HTTP://host/assets/other.png"]
)
def test_urls_elsewhere_are_refused(url, picture):
    """The server fetches nothing, and says that it has no internet access."""
    with pytest.raises(ValueError, match="no internet access"):
        read(url, **{"mine.png": picture()})


def test_own_asset_is_found_by_any_host_name(picture):
    """An uploaded file is its name, however the client spells the host."""
    raw = picture()

    assert read("http://localhost:1/assets/mine.png", **{"mine.png": raw}).raw == raw


def test_large_image_is_refused_from_its_header():
    """More than 2048 px on a side is refused before anything is decoded."""
    header = io.BytesIO()
    Image.new("1", (2049, 1)).save(header, "PNG")

    with pytest.raises(ValueError, match="2049 x 1 px"):
        read(encoded(header.getvalue()))


def test_bomb_is_refused():
    """A file that claims 400 megapixels is refused, with warnings as errors too."""
    header = io.BytesIO()
    Image.new("1", (1, 1)).save(header, "PNG")
    raw = bytearray(header.getvalue())
    raw[16:24] = (20_000).to_bytes(4, "big") * 2

    with pytest.raises(ValueError, match=r"no PNG|20000 x 20000"):
        read(encoded(bytes(raw)))


def test_damaged_image_is_told(picture):
    """A file cut in half has a header and no pixels."""
    image = read(encoded(picture()[:2000]))

    with pytest.raises(ValueError, match="damaged"):
        image.pixels()


def test_pixels_are_those_stored(picture):
    """EXIF rotation is not applied: points and masks count pixels as stored."""
    plain, exif = Image.open(io.BytesIO(picture((20, 30)))), Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    plain.save(out, "PNG", exif=exif)

    assert np.array_equal(read(encoded(out.getvalue())).pixels(), np.asarray(plain))


def test_data_uri_tells_its_type():
    """Parameters between type and payload are skipped."""
    assert read_data_uri("data:image/PNG;name=x;base64,QUI=") == ("image/png", b"AB")
