"""A job's output is read as a mask whatever its encoding, and refused if it is none."""

from __future__ import annotations

import io
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFilter

from samframe.errors import MaskError
from samframe.segmind.output import OutputError, read_mask


def save(picture, kind="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = PillowImage.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def blobs(seed=0, size_hw=(120, 160)):
    """Draw a mask of a few ellipses, as segmentations look."""
    picture = PillowImage.new("L", size_hw[::-1])
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        x, y = rng.integers(10, size_hw[1] - 10), rng.integers(10, size_hw[0] - 10)
        width, height = rng.integers(10, size_hw[0] // 3, 2)
        draw.ellipse((x - width, y - height, x + width, y + height), fill=255)
    return np.asarray(picture) > 0


def grey(mask, high=255, dtype=np.uint8):
    return mask.astype(dtype) * dtype(high)


def rgb(mask, high=255):
    return np.dstack([grey(mask, high)] * 3)


def with_alpha(mask, *, seen, hidden):
    """Return RGBA: the alpha channel is the mask, the colours are as given."""
    colour = np.where(mask[..., None], np.uint8(seen), np.uint8(hidden))
    return np.dstack([colour.astype(np.uint8), grey(mask)])


def palette(mask, colours, indexes=(0, 1)):
    pixels = np.where(mask, indexes[1], indexes[0]).astype("u1")
    picture = PillowImage.frombytes("P", mask.shape[::-1], pixels.tobytes())
    table = [0] * 768
    for index, colour in zip(indexes, colours, strict=True):
        table[3 * index : 3 * index + 3] = colour
    picture.putpalette(table)
    return picture


def photograph(mode="RGB"):
    """Draw something smooth and many-coloured with texture on it."""
    rng = np.random.default_rng(1)
    small = PillowImage.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    picture = np.asarray(small.resize((160, 120), PillowImage.Resampling.BICUBIC)).astype(int)
    return PillowImage.fromarray(
        (picture + rng.integers(-9, 9, picture.shape)).clip(0, 255).astype("u1")
    ).convert(mode)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_16_bit(pixels):
    """Write a PNG of 16-bit RGB, which Pillow can only read."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def in_mode(mode, kind="PNG", high=255, **options):
    """Give a function: mask to the bytes of a file in the mode and format."""
    return lambda mask: save(PillowImage.fromarray(grey(mask, high)).convert(mode), kind, **options)


LOSSLESS = {
    **{f"png {mode}": in_mode(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    **{f"png {mode} 0/1": in_mode(mode, high=1) for mode in ("L", "LA", "RGB", "RGBA")},
    **{f"webp {mode}": in_mode(mode, "WEBP", lossless=True) for mode in ("L", "RGB", "RGBA")},
    "webp 0/1": lambda m: save(rgb(m, 1), "WEBP", lossless=True),
    "webp with metadata": in_mode("RGB", "WEBP", 1, lossless=True, icc_profile=b"x" * 200),
    "png optimized": lambda m: save(grey(m), optimize=True),
    "png bits=2": lambda m: save(palette(m, [(0, 0, 0), (255, 255, 255)]), bits=2),
    "png 16 bit": lambda m: save(grey(m, 65535, np.uint16)),
    "png 16 bit 0/1": lambda m: save(grey(m, 1, np.uint16)),
    "png 16 bit 0/255": lambda m: save(grey(m, 255, np.uint16)),
    "png 16 bit RGB": lambda m: png_16_bit(np.dstack([grey(m, 65535, np.uint16)] * 3)),
    "png 0/128": lambda m: save(grey(m, 128)),
    "palette black, white": lambda m: save(palette(m, [(0, 0, 0), (255, 255, 255)])),
    "palette of 0/1 greys": lambda m: save(palette(m, [(0, 0, 0), (1, 1, 1)])),
    "palette black, red": lambda m: save(palette(m, [(0, 0, 0), (128, 0, 0)])),
    "palette all black": lambda m: save(palette(m, [(0, 0, 0), (0, 0, 0)])),
    "palette indexes 0/255": lambda m: save(palette(m, [(0, 0, 0), (0, 90, 0)], (0, 255))),
    "palette other indexes": lambda m: save(palette(m, [(0, 0, 0), (255, 255, 255)], (7, 3))),
    "alpha over white": lambda m: save(with_alpha(m, seen=255, hidden=255)),
    "alpha over black": lambda m: save(with_alpha(m, seen=0, hidden=0)),
    "alpha as the colours": lambda m: save(with_alpha(m, seen=255, hidden=0)),
    "alpha over red": lambda m: save(with_alpha(m, seen=(255, 0, 0), hidden=0)),
    "alpha in webp": lambda m: save(with_alpha(m, seen=255, hidden=0), "WEBP", lossless=True),
    "LA by alpha": lambda m: save(np.dstack([np.full(m.shape, 255, np.uint8), grey(m)])),
    "half transparent": lambda m: save(np.dstack([rgb(m), np.full(m.shape, 128, np.uint8)])),
}


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=15, deadline=None)
@given(mask=hnp.arrays(bool, st.tuples(st.integers(2, 20), st.integers(2, 20))))
def test_lossless_encoding_gives_the_exact_mask(name, mask):
    """Every format, mode and range of values gives each pixel back, whatever the mask looks like."""
    # Where all pixels are alike some encodings do not say what the one value means; see below.
    mask[0, 0], mask[-1, -1] = False, True
    result = read_mask(LOSSLESS[name](mask))

    np.testing.assert_array_equal(result.mask.to_numpy(), mask)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("quality", [30, 50, 75, 95])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_lossy_encoding_gives_the_mask_but_for_its_edges(kind, quality, mode):
    """JPEG and lossy WebP give the mask; at most 0.2 % of the pixels differ, all of them on an edge."""
    for seed in range(8):
        mask = blobs(seed)
        found = read_mask(
            save(PillowImage.fromarray(grey(mask)).convert(mode), kind, quality=quality)
        ).mask.to_numpy()
        solid = PillowImage.fromarray(grey(mask))
        inner = np.asarray(solid.filter(ImageFilter.MinFilter(3))) > 0
        outer = np.asarray(solid.filter(ImageFilter.MaxFilter(3))) > 0

        assert (found != mask).mean() <= 0.002
        assert not (inner & ~found).any()
        assert not (found & ~outer).any()


def test_soft_edges_are_cut_in_the_middle():
    """A mask whose edges were smoothed over a pixel or two is one still."""
    mask = blobs()
    found = read_mask(
        save(PillowImage.fromarray(grey(mask)).filter(ImageFilter.GaussianBlur(1)))
    ).mask.to_numpy()

    assert (found != mask).mean() < 0.01


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(("value", "share"), [(0, 0.0), (255, 1.0)])
def test_empty_and_full_masks(kind, value, share):
    """All black is an empty mask, all white a full one, in every format."""
    assert (
        read_mask(save(PillowImage.new("RGB", (40, 30), (value,) * 3), kind)).mask.to_numpy().mean() == share
    )


@pytest.mark.parametrize(
    ("picture", "share"),
    [
        (np.ones((4, 5), np.uint8), 1.0),
        (np.full((4, 5), 65535, np.uint16), 1.0),
        (np.zeros((4, 5), np.uint16), 0.0),
        (np.zeros((4, 5, 4), np.uint8), 0.0),
        (np.full((4, 5, 4), (255, 255, 255, 0), np.uint8), 0.0),
        (np.full((4, 5, 4), (0, 0, 0, 255), np.uint8), 0.0),
        (np.full((4, 5, 4), 255, np.uint8), 1.0),
    ],
)
def test_uniform_pictures(picture, share):
    """One value alone: 1 and the top are full, 0 and the invisible are empty."""
    assert read_mask(save(picture)).mask.to_numpy().mean() == share


def test_notes_say_what_was_unusual():
    """An ordinary file needs no note; another says how it was read."""
    mask = blobs()

    assert read_mask(LOSSLESS["png L"](mask)).notes == ()
    assert read_mask(LOSSLESS["png L 0/1"](mask)).notes == ("values 0 and 1",)
    assert read_mask(LOSSLESS["alpha over white"](mask)).notes == ("mask in the alpha channel",)
    assert read_mask(LOSSLESS["palette black, red"](mask)).notes == ("palette indexes",)


def flipped(data):
    damaged = bytearray(data)
    damaged[len(damaged) // 2] ^= 4
    return bytes(damaged)


GOOD = save(grey(blobs()))
RAMP = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
NO_MASKS = {
    "nothing": (b"", "0 bytes"),
    "HTML": (b"<!DOCTYPE html><html><body>502", "an HTML page"),
    "JSON": (b'{"error": "not found"}', "JSON text"),
    "zeros": (b"\x00" * 100, "zero bytes"),
    "GIF": (save(grey(blobs()), "GIF"), "a GIF image, not a PNG, JPEG or WebP"),
    "TIFF": (save(grey(blobs()), "TIFF"), "a TIFF image"),
    "half a PNG": (GOOD[: len(GOOD) // 2], "cannot be read"),
    "a PNG without an end": (GOOD[:-12], "cannot be read"),
    "a PNG with a flipped bit": (flipped(GOOD), "cannot be read"),
    "half a JPEG": (save(grey(blobs()), "JPEG")[:-300], "cannot be read"),
    "a JPEG without an end": (save(grey(blobs()), "JPEG")[:-2], "end marker"),
    "half a WebP": (save(rgb(blobs()), "WEBP")[:-200], "cannot be read"),
    "a bomb": (GOOD[:16] + struct.pack(">II", 30_000, 10_000) + GOOD[24:], "megapixels"),
    "an animation": (save(rgb(blobs()), save_all=True, append_images=[photograph()]), "several pictures"),
    "a photograph": (save(photograph()), "coloured"),
    "a photograph as JPEG": (save(photograph(), "JPEG"), "coloured"),
    "a photograph as WebP": (save(photograph(), "WEBP"), "coloured"),
    "a photograph with a palette": (save(photograph().quantize(64)), "coloured"),
    "a grey photograph": (save(photograph("L")), "neither black nor white"),
    "a grey photograph as JPEG": (save(photograph("L"), "JPEG"), "neither black nor white"),
    "a grey photograph of 16 bits": (save(np.asarray(photograph("L")).astype(np.uint16) * 257), "neither"),
    "an overlay": (
        save(PillowImage.blend(photograph(), PillowImage.new("RGB", (160, 120), "red"), 0.5)),
        "coloured",
    ),
    "a photograph cut out": (save(np.dstack([np.asarray(photograph()), grey(blobs())])), "cut out"),
    "a photograph under soft alpha": (save(np.dstack([np.asarray(photograph()), RAMP])), "transparency"),
    "an invisible photograph": (
        save(np.dstack([np.asarray(photograph()), RAMP * 0])),
        "transparent everywhere",
    ),
    "colours against alpha": (save(with_alpha(blobs(), seen=0, hidden=255)), "contradict"),
    "white on red": (save(np.dstack([grey(blobs()) // 2 + 127, grey(blobs()), grey(blobs())])), "coloured"),
    "a ramp": (save(RAMP), "neither black nor white"),
    "a soft map": (
        save(PillowImage.fromarray(grey(blobs())).filter(ImageFilter.GaussianBlur(15))),
        "neither",
    ),
    "a faint soft map": (save(RAMP // 8), "nothing in it is white"),
    "labels 0, 1, 2": (save(grey(blobs(0)) // 255 + grey(blobs(1)) // 255), "nothing in it is white"),
    "labels 0, 128, 255": (
        save(np.where(np.arange(160) < 8, np.uint8(128), grey(blobs()))),
        "away from every edge",
    ),
    "one even grey": (save(PillowImage.new("L", (40, 30), 100)), "one even grey"),
    "0/1 as JPEG": (save(grey(blobs(), 1), "JPEG", quality=95), "nothing in it is white"),
    "0/1 as 16-bit RGB": (png_16_bit(np.dstack([grey(blobs(), 1, np.uint16)] * 3)), "16-bit"),
    "CMYK": (save(PillowImage.new("CMYK", (8, 8)), "JPEG"), "mode CMYK"),
}


@pytest.mark.parametrize("name", NO_MASKS)
def test_what_is_no_mask_is_refused_by_name(name):
    """Damaged files and pictures of something else are errors that say what was found."""
    data, words = NO_MASKS[name]

    with pytest.raises(OutputError, match=words):
        read_mask(data)


def test_output_error_is_a_mask_error():
    """A handler of MaskError catches it."""
    assert issubclass(OutputError, MaskError)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([GOOD, save(grey(blobs()), "JPEG"), save(rgb(blobs()), "WEBP")]), st.data())
def test_damaged_output_is_refused_or_a_mask(data, draw):
    """Any damage gives a mask of some size or an OutputError, never another error or a warning."""
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        mask = read_mask(bytes(damaged)).mask.to_numpy()
    except OutputError:
        return
    assert mask.ndim == 2


@given(st.integers(8, len(GOOD) - 1), st.integers(0, 7))
def test_no_flipped_bit_of_a_png_goes_unseen(where, bit):
    """Behind the signature every single wrong bit of a PNG is found, or changes no pixel."""
    damaged = bytearray(GOOD)
    damaged[where] ^= 1 << bit
    try:
        mask = read_mask(bytes(damaged)).mask.to_numpy()
    except OutputError:
        return
    np.testing.assert_array_equal(mask, blobs())


def test_masks_are_read_in_many_threads():
    """Readers in threads do not disturb each other."""
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(read_mask(GOOD).mask.to_numpy())) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 16
    assert all(np.array_equal(mask, blobs()) for mask in results)
