"""The decoder of whole columns against the codec of one mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samframe.errors import MaskError
from samframe.masks import Mask, MaskArray, counts_from_runs
from samframe.masks.rle.column_decode import decode_column, suspects

PIXELS = hnp.arrays(bool, st.tuples(st.integers(0, 40), st.integers(0, 40)))


def _column(masks):
    pool = MaskArray.from_masks(masks).pool
    return (*pool.bytes_view(), np.prod(pool.sizes_hw(), axis=1, dtype=np.int64))


def _check(masks):
    chars, offsets, n_pixels = _column(masks)
    toggles, bounds = decode_column(chars, offsets)
    pieces = np.split(toggles, bounds[1:-1])

    assert [piece.tolist() for piece in pieces] == [mask.toggles.tolist() for mask in masks]
    assert suspects(chars, offsets, n_pixels).tolist() == []


@given(st.lists(PIXELS, min_size=1, max_size=12))
def test_column_decodes_as_each_mask_does(arrays):
    """Masks of any size and content decode as one by one, and none is suspected."""
    _check([Mask.from_numpy(array) for array in arrays])


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_masks(seed):
    """Batches join seamlessly, with noise, stripes and large empty pictures among simple masks."""
    rng = np.random.default_rng(seed)
    kinds = [
        lambda: rng.random(rng.integers(1, 30, 2)) < rng.random(),
        lambda: np.zeros((1500, 1500), dtype=bool),
        lambda: np.arange(60)[:, None] % 2 + np.zeros((1, 7)),
        lambda: np.ones((300, 200)),
    ]
    drawn = [Mask.from_numpy(kind()) for kind in kinds for _ in range(5)]
    _check([drawn[at] for at in rng.integers(0, len(drawn), 3000)])


def test_runs_near_the_limit():
    """A picture just below 2**31 pixels decodes; one past it is left to wider integers."""
    below = Mask.from_coco({"size": [2**31 - 1, 1], "counts": [0, 2**31 - 2, 1]})
    beyond = Mask.from_coco({"size": [2**20, 2**15], "counts": [5, 2**34, 2**35 - 2**34 - 5]})
    array = MaskArray.from_masks([below, beyond])

    assert decode_column(*_column([below])[:2])[0].tolist() == [0, 2**31 - 2]
    assert array.pool.toggles(np.array([0, 1]))[0].tolist() == [0, 2**31 - 2, 5, 2**34 + 5]


@given(st.lists(st.binary(max_size=10), min_size=1, max_size=8), st.integers(0, 20), st.integers(0, 20))
def test_what_is_not_suspected_is_a_mask(counts, height, width):
    """Bytes that pass are what the codec of one mask takes and gives back unchanged."""
    lengths = np.cumsum([0, *map(len, counts)])
    chars = np.frombuffer(b"".join(counts), dtype=np.uint8)
    passed = set(range(len(counts))) - set(
        suspects(chars, lengths, np.full(len(counts), height * width)).tolist()
    )

    for at in passed:
        assert Mask(counts[at], (height, width)).counts == counts[at]


@pytest.mark.parametrize("runs", [[2**32, 2**32 + 5], [3, 2**31 + 1], [3, -1, 5], [2**33 - 5]])
def test_runs_that_wrap_are_suspected(runs):
    """Runs whose sum is right modulo 2**32 only do not pass."""
    n_pixels = sum(runs) % 2**32
    chars = np.frombuffer(counts_from_runs(runs), dtype=np.uint8)

    assert suspects(chars, np.array([0, len(chars)]), np.array([n_pixels])).tolist() == [0]
    with pytest.raises(MaskError):
        Mask(chars.tobytes(), (n_pixels, 1))
