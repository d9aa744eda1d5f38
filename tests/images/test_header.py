"""Pictures are judged by their header before a pixel is decoded, and what is damaged is refused."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from samframe.errors import ImageError
from samframe.images import MAX_PIXELS, describe_bytes, read_header, read_image


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def saved(kind, **options):
    file = io.BytesIO()
    PillowImage.effect_noise((61, 37), 60).convert("RGB").save(file, kind, **options)
    return file.getvalue()


FILES = {
    "PNG": saved("PNG"),
    "JPEG": saved("JPEG"),
    "progressive": saved("JPEG", progressive=True),
    "GIF": saved("GIF"),
    "WEBP": saved("WEBP"),
    "lossless": saved("WEBP", lossless=True),
    "extended": saved("WEBP", exif=PillowImage.Exif()),
}


@pytest.mark.parametrize("name", FILES)
def test_header_gives_format_and_size(name):
    """Format and size are read from the header alone."""
    header = read_header(FILES[name])

    assert header.size_hw == (37, 61)
    assert header.format == {"progressive": "JPEG", "lossless": "WEBP", "extended": "WEBP"}.get(name, name)


def bombs():
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda"
    gif = b"GIF89a\x01\x00\x01\x00\x00\x00\x00," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
    screen = b"GIF89a\xff\xff\xff\xff\x00\x00\x00,"
    webp = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\xff\x3f\x00" * 2
    return {
        "png": png_of(20_000, 15_000),
        "jpeg": jpeg,
        "gif": gif,
        "screen": screen + b"\x00" * 9,
        "webp": webp,
    }


@pytest.mark.parametrize("name", bombs())
def test_bomb_is_refused_from_the_header(name):
    """A few bytes that promise hundreds of megapixels are refused before anything is decoded."""
    with pytest.raises(ImageError, match="megapixels"):
        read_image(bombs()[name])


def test_bomb_does_not_warn():
    """Pillow's own warning of a bomb never reaches the user."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ImageError, match="megapixels"):
            read_image(png_of(MAX_PIXELS + 1, 1))

    assert not caught


def test_jpeg_of_endless_scans_is_refused(save):
    """A small JPEG that asks for thousands of passes over its pixels is refused unread."""
    data = FILES["progressive"]
    scan = data[data.rindex(b"\xff\xda") : -2]

    with pytest.raises(ImageError, match="scans"):
        read_image(data[:-2] + scan * 300 + data[-2:])


def test_limit_is_where_pillow_would_warn():
    """Whatever samframe decodes is below the size at which Pillow warns."""
    assert PillowImage.MAX_IMAGE_PIXELS >= MAX_PIXELS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><p>", "an HTML page"),
        (b"\xef\xbb\xbf\n <html>", "an HTML page"),
        (b'<?xml version="1.0"?><svg/>', "an SVG drawing"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b'{"error": 1}', "JSON text"),
        (b"not found", "plain text"),
        (b"%PDF-1.7", "a PDF document"),
        (b"II*\x00abcd", "a TIFF image"),
        (b"BM1234", "a BMP image"),
        (b"\x00\x00\x00\x20ftypheic", "an AVIF, HEIC or video file"),
        (b"\x00" * 40, "40 zero bytes"),
        (b"\x80\x81\x82", "3 unknown bytes"),
        (FILES["GIF"], "a GIF image"),
    ],
)
def test_bytes_are_described(data, words):
    """A message can say what the bytes are."""
    assert describe_bytes(data) == words


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_truncated_file_is_refused(name, share):
    """A file cut anywhere is an error, in every format."""
    data = FILES[name][: int(len(FILES[name]) * share)]

    with pytest.raises(ImageError):
        read_image(data)


def test_png_without_its_last_chunk_is_refused():
    """A PNG whose pixels are all there is still cut if its end is missing."""
    with pytest.raises(ImageError, match="truncated"):
        read_image(FILES["PNG"][:-12])


def test_flipped_bit_of_a_png_is_found():
    """A PNG with one wrong bit among its pixels is refused: the checksums are compared."""
    data = bytearray(FILES["PNG"])
    data[len(data) // 2] ^= 1

    with pytest.raises(ImageError, match="corrupt"):
        read_image(bytes(data))


def test_contradicting_sizes_are_refused():
    """A PNG that promises more rows than it holds is an error."""
    with pytest.raises(ImageError):
        read_image(png_of(10, 10))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8)
)
def test_damaged_file_is_read_or_refused_with_an_image_error(name, damage):
    """Whatever bytes are wrong, nothing but an ImageError comes out, and no warning."""
    data = bytearray(FILES[name])
    for where, value in damage:
        data[int(where * len(data))] = value
    try:
        image = read_image(bytes(data))
    except ImageError:
        return
    assert image.pixels().dtype == np.uint8


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBPVP8 "]),
    st.binary(max_size=64),
)
def test_random_bytes_are_refused(magic, body):
    """Magic bytes with anything after them are refused, not crashed on."""
    with pytest.raises(ImageError):
        read_image(magic + body)


def test_corrupt_metadata_neither_warns_nor_hinders():
    """EXIF that no one can read is not a reason to refuse the pixels, nor to warn."""
    file = io.BytesIO()
    PillowImage.new("RGB", (8, 8)).save(
        file, "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01\x03"
    )

    assert read_image(file.getvalue()).stored_hw == (8, 8)
