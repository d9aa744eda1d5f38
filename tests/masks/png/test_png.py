"""PNG files to masks and back: every filter, colour type and depth against the specification, and damaged files."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from samframe.errors import MaskError
from samframe.masks import Mask
from samframe.masks.png import container as _png


@pytest.fixture(params=["zlib", "zlib_ng.zlib_ng"], autouse=True, scope="module")
def inflater(request):
    """Both inflaters read the same files and refuse the same damage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_png, "_zlib", pytest.importorskip(request.param))
        yield


GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def paeth(a: int, b: int, c: int) -> int:
    """Return the specification's predictor of left, above and above left."""
    away = {value: abs(a + b - c - value) for value in (a, b, c)}
    return a if away[a] <= away[b] and away[a] <= away[c] else b if away[b] <= away[c] else c


def filtered(rows: np.ndarray, filters: list[int], n_bytes: int) -> bytes:
    """Filter packed rows (H, row bytes) as the specification says, a filter a row; ``n_bytes`` is a pixel's."""
    out, above = bytearray(), [0] * rows.shape[1]
    for row, kind in zip(rows.tolist(), filters, strict=True):
        left, corner = [0] * n_bytes + row, [0] * n_bytes + above
        predicted = {
            0: lambda *_: 0,
            1: lambda a, b, c: a,
            2: lambda a, b, c: b,
            3: lambda a, b, c: (a + b) // 2,
            4: paeth,
        }[kind]
        out.append(kind)
        out += bytes((x - predicted(*abc)) % 256 for x, *abc in zip(row, left, above, corner, strict=False))
        above = row
    return bytes(out)


def write(
    samples: np.ndarray, filters: list[int], *, colour: int = GRAY, depth: int = 8, palette: bytes = b""
) -> bytes:
    """Return a PNG of samples (H, W) or (H, W, channels), a filter a row."""
    height, width = samples.shape[:2]
    flat = samples.reshape(height, -1).astype(np.uint8)
    if depth < 8:
        bits = np.unpackbits(flat[..., None], axis=2)[..., 8 - depth :].reshape(height, -1)
        flat = np.packbits(bits, axis=1)
    body = filtered(flat, filters, max(1, CHANNELS[colour] * depth // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [
            SIGNATURE,
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette) if palette else b"",
            chunk(b"IDAT", zlib.compress(body)),
            chunk(b"IEND", b""),
        ]
    )


@st.composite
def pictures(draw: st.DrawFn, values: tuple[int, ...]) -> tuple[np.ndarray, list[int]]:
    """Draw pixels of these values, in long runs or as noise, and a filter for each row."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 150))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    cell = draw(st.sampled_from([1, 3, 20]))
    coarse = random.integers(0, len(values), (-(-height // cell), -(-width // cell)))
    pixels = np.array(values)[np.kron(coarse, np.ones((cell, cell), dtype=int))[:height, :width]]
    kinds = draw(st.sampled_from([(0, 1, 2, 3, 4), (1, 2, 4), (2,), (4,), (0,), (1,), (2, 4)]))
    return pixels, [kinds[at] for at in random.integers(0, len(kinds), height)]


@given(pictures((0, 255)) | pictures((0, 1)), st.sampled_from([GRAY, RGB, GRAY_ALPHA, RGBA]))
@settings(deadline=None, max_examples=100)
def test_black_and_white_in_every_filter_and_colour_type(picture, colour):
    """Pixels of two values come back, whatever filters the rows have and however many channels say the same."""
    pixels, filters = picture
    samples = np.repeat(pixels[..., None], CHANNELS[colour], axis=2)
    if colour in (GRAY_ALPHA, RGBA):
        samples[..., -1] = 255

    assert Mask.from_png(write(samples, filters, colour=colour)) == Mask.from_numpy(pixels)


@given(
    pictures((0, 255)) | pictures((0, 1)) | pictures((0, 254, 255)) | pictures((0, 255, 1)),
    st.sampled_from([GRAY, RGB, GRAY_ALPHA, RGBA]),
    st.sampled_from([255, 255, 254, 0]),
)
@settings(deadline=None, max_examples=200)
def test_plain_reader_takes_black_and_opaque_white_and_nothing_else(picture, colour, opacity):
    """What it reads is 0 and 255 in every pixel, and opaque."""
    pixels, filters = picture
    samples = np.repeat(pixels[..., None], CHANNELS[colour], axis=2)
    if colour in (GRAY_ALPHA, RGBA):
        samples[..., -1] = opacity
    mask = Mask.from_plain_png(write(samples, filters, colour=colour))
    is_plain = np.isin(pixels, (0, 255)).all() and (colour in (GRAY, RGB) or opacity == 255)

    assert mask is None or is_plain
    assert mask is None or mask == Mask.from_numpy(pixels == 255)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_plain_reader_reads_what_pillow_writes(mode):
    """Pillow's own choice of filters is one that it knows."""
    pixels = np.zeros((60, 80), dtype=bool)
    pixels[10:30, 20:61] = pixels[25:50, 5:40] = True
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").convert(mode).save(file, "PNG")

    assert Mask.from_plain_png(file.getvalue()) == Mask.from_numpy(pixels)


def test_plain_reader_leaves_animations_palettes_and_transparency_alone():
    """A file that may show more than its first picture, or other colours, is not for it."""
    pixels = np.zeros((4, 9), dtype=np.uint8)
    plain = write(pixels, [2] * 4)
    head = SIGNATURE + plain[8:33]
    others = [
        head + chunk(b"acTL", struct.pack(">II", 2, 0)) + plain[33:],
        head + chunk(b"tRNS", b"\x00\x00") + plain[33:],
        write(pixels, [2] * 4, colour=PALETTE, palette=bytes(3) + b"\xff" * 3),
        write(pixels, [2] * 4, depth=2),
        write(np.zeros((4, 9, 3), dtype=np.uint8), [2] * 4, colour=RGB, depth=1),
    ]

    assert Mask.from_plain_png(plain) is not None
    assert [Mask.from_plain_png(other) for other in others] == [None] * 5


@given(pictures((0, 255)), pictures((0, 255)), st.sampled_from([GRAY_ALPHA, RGBA]))
@settings(deadline=None, max_examples=200)
def test_what_cannot_be_seen_is_background_in_every_filter(picture, opacity, colour):
    """White that is transparent counts as black, whatever the filters say of its opacity."""
    height, width = (min(one[0].shape[axis] for one in (picture, opacity)) for axis in (0, 1))
    pixels, seen = picture[0][:height, :width], opacity[0][:height, :width]
    samples = np.repeat(pixels[..., None], CHANNELS[colour], axis=2)
    samples[..., -1] = seen

    data = write(samples, picture[1][:height], colour=colour)
    assert Mask.from_png(data, threshold=128) == Mask.from_numpy((pixels == 255) & (seen == 255))


@given(pictures((0, 1, 2, 127, 128, 254, 255)))
@settings(deadline=None, max_examples=120)
def test_gray_is_foreground_from_half_on(picture):
    """Other values than black and white are never taken for them: a threshold goes by luma."""
    pixels, filters = picture

    assert Mask.from_png(write(pixels, filters), threshold=128) == Mask.from_numpy(pixels >= 128)


@given(pictures((0, 255)), pictures((0, 255)), pictures((0, 255)))
@settings(deadline=None, max_examples=100)
def test_colours_go_by_their_luma(red, green, blue):
    """Channels that differ are weighed as Pillow weighs them."""
    height, width = (min(picture[0].shape[axis] for picture in (red, green, blue)) for axis in (0, 1))
    samples = np.stack([picture[0][:height, :width] for picture in (red, green, blue)], axis=2)
    luma = Image.fromarray(samples.astype(np.uint8)).convert("L")

    data = write(samples, red[1][:height], colour=RGB)
    assert Mask.from_png(data, threshold=128) == Mask.from_numpy(np.asarray(luma) >= 128)


@given(pictures((0, 1)), st.sampled_from([(bytes(3) + b"\xff" * 3, 1), (b"\xff" * 3 + bytes(3), 0)]))
@settings(deadline=None, max_examples=100)
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_of_every_depth(depth, picture, palette):
    """Indices are looked up before they are compared, also where the first colour is the white one."""
    pixels, filters = picture
    colours, white = palette

    assert Mask.from_png(
        write(pixels, filters, colour=PALETTE, depth=depth, palette=colours)
    ) == Mask.from_numpy(pixels == white)


@given(pictures((0, 1)))
@settings(deadline=None, max_examples=100)
def test_one_bit_a_pixel(picture):
    """Bits are filtered by bytes; what fills up the last byte of a row is no pixel."""
    pixels, filters = picture

    assert Mask.from_png(write(pixels, filters, depth=1)) == Mask.from_numpy(pixels)


def test_paeth_rows_with_many_changes():
    """Noise, whose Paeth rows change at every other pixel, takes the road of whole rows to the same mask."""
    pixels = np.random.default_rng(0).integers(0, 2, (40, 700)) * 255

    assert Mask.from_png(write(pixels, [4] * 40)) == Mask.from_numpy(pixels)


def test_transparent_pixels_are_background():
    """White that cannot be seen is black; half seen, it counts by half."""
    rgba = np.full((2, 4, 4), 255)
    rgba[0, :, 3] = (0, 127, 128, 255)

    assert Mask.from_png(write(rgba, [0, 0], colour=RGBA)).to_numpy()[0].tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_sixteen_bits_are_read_by_their_high_byte():
    """A 16-bit mask of 0 and 65535 is not clipped to white where it is gray."""
    sink = io.BytesIO()
    Image.fromarray(np.array([[0, 300, 40_000, 65_535]], dtype=np.uint16)).save(sink, format="PNG")

    assert Mask.from_png(sink.getvalue()).to_numpy().tolist() == [[False, False, True, True]]


def test_interlaced_files_are_read():
    """Adam7's seven passes come together."""
    pixels = (np.random.default_rng(1).random((21, 19)) < 0.5) * 255
    passes = [pixels[top::down, left::across] for top, left, down, across in ADAM7]
    body = b"".join(filtered(part, [0] * len(part), 1) for part in passes if part.size)
    data = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 19, 21, 8, 0, 0, 0, 1))
    data += chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")

    assert Mask.from_png(data) == Mask.from_numpy(pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("optimize", [False, True])
def test_what_pillow_writes_comes_back(mode, optimize):
    """Files of a picture library, several data chunks among them, of an object with a hole and ragged edges."""
    y, x = np.mgrid[:300, :500]
    away = np.hypot(y - 150, x - 240)
    pixels = ((away < 100 + 10 * np.sin(x / 7)) & (away > 30)) | (
        np.random.default_rng(0).random((300, 500)) < 0.01
    )
    sink = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255).convert(mode).save(sink, format="PNG", optimize=optimize)

    assert Mask.from_png(sink.getvalue()) == Mask.from_numpy(pixels)


@given(pictures((0, 1)), st.sampled_from([1, 8]))
@settings(deadline=None)
def test_what_is_written_is_read_by_pillow_and_comes_back(picture, depth):
    """`to_png` gives black and white in either depth."""
    mask = Mask.from_numpy(picture[0])
    data = mask.to_png(bit_depth=depth)

    assert Mask.from_png(data) == mask
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("L")), picture[0] * 255)


@pytest.mark.parametrize(("size_hw", "depth"), [((0, 3), 8), ((3, 0), 1), ((3, 3), 2)])
def test_what_png_does_not_know_is_refused(size_hw, depth):
    """An image without pixels and other depths raise MaskError."""
    with pytest.raises(MaskError):
        Mask.from_numpy(np.zeros(size_hw)).to_png(bit_depth=depth)


def test_every_flipped_byte_is_found():
    """Checksums leave no byte of a file in which a wrong mask could hide."""
    data = Mask.from_bbox((3, 2, 9, 5), (12, 20)).to_png()
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x55
        with pytest.raises(MaskError):
            Mask.from_png(bytes(damaged))


def test_a_file_cut_anywhere_is_refused():
    """Half a download is no mask."""
    data = Mask.from_bbox((3, 2, 9, 5), (12, 20)).to_png()
    for end in range(len(data)):
        with pytest.raises(MaskError):
            Mask.from_png(data[:end])


@given(st.binary(max_size=80))
@settings(deadline=None, max_examples=200)
def test_any_data_behind_a_sound_header_is_a_mask_or_an_error(body):
    """Data that is no stream, a short or long one, or of unknown filters raises MaskError and nothing else."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0))
    for data in (body, zlib.compress(body)):
        try:
            mask = Mask.from_png(SIGNATURE + header + chunk(b"IDAT", data) + chunk(b"IEND", b""))
        except MaskError:
            continue
        assert mask.size_hw == (2, 3)


@pytest.mark.parametrize("side", [2**15, 2**31 - 1])
def test_a_header_that_claims_too_much_is_refused_unread(side):
    """A few bytes cannot make the reader ask for gigabytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))

    with pytest.raises(MaskError, match="claims"):
        Mask.from_png(SIGNATURE + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def test_a_stream_that_inflates_to_more_than_its_header_says_is_refused():
    """A bomb of 200 MB behind a header of six pixels is not inflated whole."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0))

    with pytest.raises(MaskError, match="not that of 2 rows"):
        Mask.from_png(SIGNATURE + header + chunk(b"IDAT", data) + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", SIGNATURE, b"\xff\xd8\xff" + bytes(20), SIGNATURE + bytes(40)]
)
def test_what_is_no_png_is_refused(data):
    """Other files and a bare signature raise MaskError."""
    with pytest.raises(MaskError):
        Mask.from_png(data)


@given(pictures((0, 1, 90, 128, 255)))
@settings(deadline=None)
def test_brightness_is_that_of_the_pixels(picture):
    """The reader of gray pixels gives them as they are."""
    pixels, filters = picture

    assert np.array_equal(_png.read_gray_png(write(pixels, filters)), pixels)
