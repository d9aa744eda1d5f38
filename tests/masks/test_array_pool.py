"""What mask arrays share, and when they stop sharing it."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samframe.masks import Mask, MaskArray
from samframe.masks.columns import measures as _columns


def _masks(count, seed=0, size_hw=(7, 9)):
    rng = np.random.default_rng(seed)
    return [Mask.from_numpy(rng.random(size_hw) < rng.random()) for _ in range(count)]


def _pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # what was pickled here


def _areas(array):
    return _columns.areas(array.pool, array.positions, fill=-1).tolist()


@pytest.fixture
def array():
    return MaskArray._from_sequence(_masks(100))


def test_filter_take_and_copy_share_the_pool(array):
    """Selecting rows copies no mask."""
    parts = [array[:60], array[np.arange(100) % 2 == 0], array.take([5, 5, -1]), array.copy()]

    assert all(part.pool is array.pool for part in parts)


def test_joining_parts_of_one_pool_shares_it(array):
    """Concatenating what was split apart copies no mask."""
    whole = MaskArray._concat_same_type([array[:50], array[50:]])

    assert whole.pool is array.pool
    assert (whole == array).all()


def test_pickle_of_a_slice_holds_the_slice_only(array):
    """A pickle of two rows out of a hundred does not carry the other ninety-eight."""
    part = array[3:5]

    assert len(pickle.dumps(part)) < len(pickle.dumps(array)) / 4
    assert _pickled(part).equals(part)


def test_copy_of_a_small_slice_lets_the_rest_go(array):
    """A copy of a few rows does not keep the others in memory."""
    part = array[3:5].copy()

    assert len(part.pool) == 2
    assert part.equals(array[3:5])


def test_nbytes_counts_what_is_reached(array):
    """A slice reports its own masks, not the pool's; a mask that occurs twice is counted once."""
    twice = array.take([0, 0])

    assert array[:1].nbytes < array.nbytes / 50
    assert twice.nbytes == array.take([0]).nbytes + 8


def test_writing_leaves_the_pool_of_others_alone(array):
    """A write to a copy does not show in the original, though both share a pool."""
    before = list(array)
    clone = array.copy()

    clone[0] = array[1]
    clone[1] = Mask.from_numpy(np.ones((2, 2)))
    clone[2:4] = None

    assert list(array) == before
    assert clone.isna().tolist()[:5] == [False, False, True, True, False]


def test_writes_one_by_one_are_all_kept(array):
    """Many single writes, as a loop does them, are all there afterwards."""
    fresh = _masks(50, seed=1)
    for position, mask in enumerate(fresh):
        array[position] = mask

    assert list(array[:50]) == fresh


def test_measures_survive_growth_of_the_pool(array):
    """Areas and boxes worked out before a write stay right after it."""
    areas = [mask.area for mask in array]
    known = _areas(array)

    array[7] = Mask.from_numpy(np.ones((2, 3)))

    assert known == areas
    assert _areas(array) == [*areas[:7], 6, *areas[8:]]
    assert _columns.bboxes(array.pool, array.positions)[7].tolist() == [0, 0, 3, 2]


OTHERS = _masks(3, seed=2, size_hw=(4, 5))
#: What is done at a position to an array and to a list of masks alike.
STEPS = {
    "take": (lambda a, at: a.take([at, 0, at]), lambda m, at: [m[at], m[0], m[at]]),
    "set": (lambda a, at: _written(a.copy(), at, OTHERS[0]), lambda m, at: _written(list(m), at, OTHERS[0])),
    "na": (lambda a, at: _written(a.copy(), at, pd.NA), lambda m, at: _written(list(m), at, pd.NA)),
    "join": (lambda a, _: MaskArray._concat_same_type([a, a[:2]]), lambda m, _: m + m[:2]),
    "copy": (lambda a, _: a.copy(), lambda m, _: m),
    "slice": (lambda a, at: a[at:], lambda m, at: m[at:]),
    "absorb": (
        lambda a, _: MaskArray._concat_same_type([a, MaskArray._from_sequence(OTHERS)]),
        lambda m, _: m + OTHERS,
    ),
    "pickle": (lambda a, _: _pickled(a), lambda m, _: m),
}


def _written(values, at, value):
    values[at] = value
    return values


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99)), max_size=10))
def test_any_sequence_of_selections_matches_a_list(steps):
    """Whatever is taken, written, joined and copied, the array holds what a list of masks would."""
    masks = [*_masks(6), None]
    array, model = MaskArray._from_sequence(masks), [pd.NA if mask is None else mask for mask in masks]
    for name, position in steps:
        on_array, on_list = STEPS[name]
        at = position % len(model)
        array, model = on_array(array, at), on_list(model, at)

    assert list(array) == model
    assert _areas(array) == [-1 if mask is pd.NA else mask.area for mask in model]
