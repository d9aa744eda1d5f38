"""The run-length codec against pycocotools, byte for byte."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
import pycocotools.mask as coco
import pytest
import skimage.data
import skimage.transform
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.errors import MaskError
from samframe.masks import Mask, counts_from_runs, decode, decode_batch, encode, encode_batch
from samframe.masks.rle.bits import columns_of, transpose_bits
from samframe.masks.rle.codec import toggles_from_array, toggles_from_bits

SIZES = st.tuples(st.integers(0, 90), st.integers(0, 90))
SAMPLES = ("astronaut", "camera", "cat", "coffee", "coins", "moon", "page", "text")


@st.composite
def pixels(draw: st.DrawFn) -> np.ndarray:
    """Draw a mask of any content: noise of any density, rectangles, or columns all set."""
    height, width = draw(SIZES)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    match draw(st.sampled_from(["noise", "boxes", "columns", "any"])):
        case "noise":
            return random.random((height, width)) < draw(st.sampled_from([0, 0.01, 0.2, 0.5, 0.95, 1]))
        case "boxes":
            array = np.zeros((height, width), dtype=bool)
            for _ in range(draw(st.integers(0, 5))):
                top, left = random.integers(0, height + 1), random.integers(0, width + 1)
                array[top : random.integers(0, height + 1), left : random.integers(0, width + 1)] ^= True
            return array
        case "columns":
            return np.broadcast_to(random.random(width) < 0.5, (height, width))
    return draw(hnp.arrays(bool, (min(height, 12), min(width, 12))))


def reference(array: np.ndarray) -> bytes:
    """Return pycocotools' bytes."""
    return coco.encode(np.asfortranarray(array.astype(np.uint8)))["counts"]


@given(pixels())
@settings(deadline=None, max_examples=300)
def test_bytes_are_those_of_pycocotools(array):
    """Any shape from 0 to 90 pixels a side and any content gives pycocotools' bytes."""
    assert encode(array) == reference(array)


@given(pixels())
@settings(deadline=None, max_examples=300)
def test_pixels_come_back_from_pycocotools_bytes(array):
    """What pycocotools wrote is decoded to the same pixels, bool and in C order."""
    decoded = decode(reference(array), array.shape)

    assert decoded.dtype == bool
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, array)


# pycocotools 2.0.11 has an __array__ without the copy keyword that numpy 2 asks for.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(pixels())
@settings(deadline=None, max_examples=60)
def test_pycocotools_reads_what_is_written(array):
    """Pycocotools decodes samframe's bytes to the same pixels."""
    if not array.size:
        return
    rle = {"size": list(array.shape), "counts": encode(array)}

    assert np.array_equal(coco.decode(rle), array)


@given(st.lists(st.integers(0, 2**32), max_size=6), SIZES, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
@settings(deadline=None, max_examples=100)
def test_a_batch_gives_what_single_masks_give(seeds, size_hw, density):
    """`encode_batch` equals `encode` mask by mask."""
    stack = np.array([np.random.default_rng(seed).random(size_hw) < density for seed in seeds])
    stack = stack.reshape(len(seeds), *size_hw)

    assert encode_batch(stack) == [encode(mask) for mask in stack]


@given(st.lists(st.integers(0, 2**32), max_size=6), SIZES, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
@settings(deadline=None, max_examples=100)
def test_a_batch_comes_back(seeds, size_hw, density):
    """`decode_batch` returns the stack, bool and in C order; neighbours that are full do not run together."""
    stack = np.array([np.random.default_rng(seed).random(size_hw) < density for seed in seeds])
    stack = stack.reshape(len(seeds), *size_hw).astype(bool)
    pixels = decode_batch([encode(mask) for mask in stack], size_hw)

    assert pixels.dtype == bool
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, stack)


def test_a_batch_of_counts_in_other_spellings_is_decoded():
    """Runs of length 0 in one mask of a batch are merged, the others are as they were."""
    counts = [b"13", counts_from_runs([1, 1, 0, 2]), b"13"]

    assert np.array_equal(decode_batch(counts, (2, 2)), np.stack([decode(one, (2, 2)) for one in counts]))


@pytest.mark.parametrize("wrong", [b"5", b"", b"T", b"p", b"O5"])
def test_a_batch_names_the_mask_that_is_none(wrong):
    """Malformed counts among sound ones raise MaskError with their position."""
    with pytest.raises(MaskError, match="Element 1"):
        decode_batch([b"13", wrong, b"13"], (2, 2))


@given(pixels())
@settings(deadline=None, max_examples=100)
def test_bits_are_transposed(array):
    """Packed rows become packed columns, of any height and width."""
    if array.size:
        columns = transpose_bits(np.packbits(array, axis=1))

        assert np.array_equal(columns[: array.shape[1]], np.packbits(array.T, axis=1))
        assert np.array_equal(columns_of(array), array.T)


@pytest.mark.parametrize("size_hw", [(64, 64), (61, 67), (1, 4096), (4096, 1)])
@pytest.mark.parametrize("density", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_noise_and_stripes_are_exact(size_hw, density, step):
    """What has a change at nearly every pixel takes the dense roads both ways, alone and in a batch."""
    noise = np.random.default_rng(3).random(size_hw) < density
    stripes = np.broadcast_to(np.arange(size_hw[0])[:, None] // step % 2 == 0, size_hw)
    for array in (noise, stripes, ~stripes, stripes ^ (np.random.default_rng(4).random(size_hw) < 0.001)):
        assert encode(array) == reference(array)
        assert np.array_equal(decode(reference(array), size_hw), array)
        assert encode_batch(np.stack([array, ~array])) == [reference(array), reference(~array)]


def test_a_long_batch_is_cut_into_parts_without_a_seam():
    """More masks than fit one pass are still encoded one by one exactly."""
    stack = np.random.default_rng(0).random((150, 256, 256)) < 0.001

    assert encode_batch(stack) == [encode(mask) for mask in stack]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("side", [97, 256, 512])
@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_sample_photographs_give_pycocotools_bytes(name, side, threshold):
    """Thresholded photographs, noisy ones too, are byte-exact at three sizes, both ways."""
    picture = skimage.transform.resize(getattr(skimage.data, name)(), (side, side * 3 // 2))
    array = picture.reshape(*picture.shape[:2], -1).mean(axis=2) > threshold

    assert encode(array) == reference(array)
    assert np.array_equal(decode(reference(array), array.shape), array)


@pytest.mark.parametrize(
    "make", [np.asfortranarray, lambda a: a[::-1][::-1], lambda a: np.repeat(a, 2, axis=1)[:, ::2]]
)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int64, np.float32])
def test_memory_order_and_dtype_do_not_matter(make, dtype):
    """Fortran order, strides and any dtype give the same bytes: what is not zero is foreground."""
    array = np.random.default_rng(1).random((60, 70)) < 0.3

    assert encode(make(array.astype(dtype) * dtype(1))) == reference(array)


def test_values_that_are_multiples_of_256_are_foreground():
    """A wide integer is not cut to its lowest byte."""
    assert encode(np.array([[0, 256], [512, 0]])) == reference(np.array([[0, 1], [1, 0]]))


@pytest.mark.parametrize("ndim", [0, 1, 3])
def test_an_array_that_is_no_picture_is_refused(ndim):
    """Only two axes are a mask."""
    with pytest.raises(MaskError, match="two axes"):
        encode(np.zeros((2,) * ndim, dtype=bool))


def test_a_stack_needs_three_axes():
    """A single mask is no stack."""
    with pytest.raises(MaskError, match="three axes"):
        encode_batch(np.zeros((4, 4), dtype=bool))


@given(pixels())
@settings(deadline=None, max_examples=60)
def test_packed_rows_give_the_toggles_of_their_pixels(array):
    """Rows packed to bits, as a PNG of one bit holds them, need not be unpacked."""
    if array.size:
        bits = np.packbits(array, axis=1)

        assert np.array_equal(toggles_from_bits(bits, array.shape), toggles_from_array(array))


def test_one_pixel():
    """The smallest mask: background, and foreground from the first pixel on."""
    assert [encode([[0]]), encode([[1]])] == [b"1", b"01"]
    assert decode(b"01", (1, 1)).tolist() == [[True]]


@pytest.mark.slow
def test_20000_by_20000_pixels():
    """400 million pixels are encoded and decoded exactly."""
    array = np.zeros((20_000, 20_000), dtype=np.uint8)
    array[17:19_990, 5:19_999] = 1
    array[3000:9000, 4000:12_000] = 0
    counts = encode(array)

    assert counts == coco.encode(np.asfortranarray(array))["counts"]
    assert np.array_equal(decode(counts, array.shape), array.view(bool))


def test_more_than_2_to_the_31_pixels():
    """Positions past int32 are exact: 60,000 x 60,000 pixels, as runs only."""
    size = (60_000, 60_000)
    a, b = Mask.from_bbox((10, 20, 59_980, 59_970), size), Mask.from_bbox((59_000, 59_000, 1000, 1000), size)

    assert a.area == 59_980 * 59_970
    assert a.bbox_xywh == (10, 20, 59_980, 59_970)
    assert (a & b).area == 990 * 990
    assert Mask(a.counts, size) == a
    assert abs(a.iou(b) - 990**2 / (59_980 * 59_970 + 1000**2 - 990**2)) < 1e-15
