"""What is sent: a file's own bytes where the API takes them, otherwise the picture encoded anew."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from samframe.images import read_image


def opened(image):
    picture = PillowImage.open(io.BytesIO(base64.b64decode(image.payload())))
    picture.load()
    return picture


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("PNG", "1", {}),
        ("PNG", "P", {}),
        ("PNG", "LA", {}),
        ("PNG", "RGBA", {}),
        ("JPEG", "RGB", {"quality": 60, "comment": b"mine"}),
        ("JPEG", "L", {"progressive": True}),
        ("GIF", "P", {}),
    ],
)
def test_plain_file_is_sent_untouched(save, colours, kind, mode, options):
    """PNG, JPEG and still GIF of at most 2048 px go out byte for byte."""
    data = save(PillowImage.fromarray(colours(20, 2048)).convert(mode), kind, **options)
    image = read_image(data)

    assert base64.b64decode(image.payload()) == data
    assert (image.is_untouched, image.stored_hw, image.sent_hw) == (True, (20, 2048), (20, 2048))


def test_webp_is_sent_as_png_of_the_same_pixels(save, colours):
    """The API takes no WebP, so its pixels go out as PNG."""
    data = save(colours(20, 30), "WEBP", lossless=True)
    picture = opened(read_image(data))

    assert picture.format == "PNG"
    np.testing.assert_array_equal(np.asarray(picture), colours(20, 30))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_sends_its_first_frame(save, kind):
    """Of an animation the first frame is sent, alone."""
    frames = [PillowImage.new("RGB", (30, 20), colour) for colour in ("red", "blue", "lime")]
    picture = opened(
        read_image(save(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True))
    )

    assert not getattr(picture, "is_animated", False)
    assert picture.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("size_hw", "sent_hw"),
    [
        ((150, 3000), (102, 2048)),
        ((3000, 150), (2048, 102)),
        ((2049, 7), (2048, 7)),
        ((1, 9000), (1, 2048)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_image_is_scaled_to_2048(save, colours, kind, size_hw, sent_hw):
    """The longer side is brought to 2048 px, the other in proportion; JPEG stays JPEG."""
    image = read_image(save(colours(*size_hw), kind))
    picture = opened(image)

    assert (picture.size[::-1], image.sent_hw, image.stored_hw) == (sent_hw, sent_hw, size_hw)
    assert picture.format == kind


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_scaled_image_shows_the_same_picture(save, colours, kind):
    """Scaling moves nothing: the gradient is where it was."""
    array = colours(300, 4200)
    array[..., 2] = 0
    picture = opened(read_image(save(array, kind, **({"quality": 95} if kind == "JPEG" else {}))))
    wanted = PillowImage.fromarray(array).resize(picture.size, PillowImage.Resampling.BOX)

    assert np.abs(np.asarray(picture).astype(int) - np.asarray(wanted)).max() <= 6


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(save, exif, colours, kind, orientation):
    """What is sent stands upright, as Pillow's exif_transpose has it, and says no more of a rotation."""
    data = save(colours(24, 40), kind, exif=exif(orientation), lossless=True, quality=95)
    image = read_image(data)
    with PillowImage.open(io.BytesIO(data)) as stored:
        wanted = ImageOps.exif_transpose(stored).convert("RGB")
    picture = opened(image)

    assert picture.getexif().get(0x0112, 1) == 1
    assert (picture.size, image.stored_hw) == (wanted.size, (24, 40))
    assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - np.asarray(wanted)).max() <= 12


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_meaningless_orientation_is_ignored(save, exif, colours, orientation):
    """An orientation that EXIF does not know leaves the file as it is."""
    assert read_image(save(colours(20, 30), "JPEG", exif=exif(orientation))).is_untouched


@pytest.mark.parametrize("value", [0, 255, 256, 4096, 65535])
def test_16_bit_png_is_sent_in_8_bits(save, value):
    """16-bit grey keeps its upper 8 bits, whatever the picture's own range."""
    picture = opened(read_image(save(np.full((4, 5), value, np.uint16))))

    assert (picture.mode, picture.getpixel((0, 0))) == ("L", value >> 8)


def test_cmyk_jpeg_is_sent_as_rgb_jpeg(save):
    """CMYK, which readers take in different ways, goes out as RGB."""
    picture = opened(read_image(save(PillowImage.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")))
    red, green, blue = picture.getpixel((8, 8))

    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert red > 200
    assert max(green, blue) < 60


def test_transparency_survives_encoding_anew(save):
    """Where a picture must be encoded anew its transparency is kept, as PNG."""
    array = np.zeros((10, 4000, 4), np.uint8)
    array[:, 2000:] = 255
    picture = opened(read_image(save(array)))

    assert (picture.mode, picture.getpixel((10, 2))[3], picture.getpixel((2000, 2))[3]) == ("RGBA", 0, 255)


def test_palette_with_a_transparent_colour_is_kept(save):
    """A palette's transparent colour stays transparent after scaling."""
    picture = PillowImage.new("P", (3000, 10), 1)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    sent = opened(read_image(save(picture, "PNG", transparency=1)))

    assert sent.mode == "RGBA"
    assert sent.getextrema()[3] == (0, 0)


def test_metadata_is_left_out_where_encoded_anew(save, exif, colours):
    """Comments, profiles and EXIF do not travel with what samframe encodes."""
    data = save(
        colours(20, 30), "JPEG", exif=exif(6), comment=b"hidden words", icc_profile=b"hidden profile" * 20
    )
    sent = base64.b64decode(read_image(data).payload())

    assert b"hidden" in data
    assert b"hidden" not in sent


def test_source_of_a_pillow_image_is_left_as_it_was(colours):
    """Neither the pixels nor the .info of a user's picture change."""
    picture = PillowImage.fromarray(colours(20, 30))
    picture.info["mine"] = 1
    read_image(picture).payload()

    assert picture.info == {"mine": 1}
    np.testing.assert_array_equal(np.asarray(picture), colours(20, 30))
