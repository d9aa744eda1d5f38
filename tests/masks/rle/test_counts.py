"""COCO's compressed counts: what is accepted, what is refused, and the one spelling of each mask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.errors import MaskError
from samframe.masks import Mask, counts_from_runs, decode, encode, runs_from_counts, validate
from samframe.masks.rle.counts import (
    canonical_counts,
    counts_from_pool,
    toggles_from_counts,
    toggles_from_pool,
)

RUNS = st.lists(st.integers(0, 2**33), max_size=40)


def slow_runs(counts: bytes) -> list[int] | None:
    """Read counts character by character, as maskApi.c does, or return None where they are malformed."""
    runs: list[int] = []
    value = shift = 0
    for byte in counts:
        if not 48 <= byte <= 111:
            return None
        group = byte - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        if runs[-1] < 0 or shift > 60:
            return None
        value = shift = 0
    return None if shift else runs


@given(RUNS)
@settings(deadline=None)
def test_runs_come_back(runs):
    """Any run lengths survive their compression."""
    assert runs_from_counts(counts_from_runs(runs)).tolist() == runs


@given(st.binary(max_size=40) | st.text(st.sampled_from("0123OPQ_`no"), max_size=40).map(str.encode))
@settings(deadline=None, max_examples=1500)
def test_any_bytes_are_read_as_one_by_one_or_refused(counts):
    """Fuzzed bytes either give the runs that a plain reader gives, or MaskError; nothing else."""
    expected = slow_runs(counts)
    try:
        runs = runs_from_counts(counts).tolist()
    except MaskError:
        runs = None

    assert runs == expected


@given(st.binary(max_size=30) | st.text(st.sampled_from("0123OPQ_`no"), max_size=30).map(str.encode))
@settings(deadline=None, max_examples=1000)
def test_any_bytes_are_a_mask_of_their_pixels_or_refused(counts):
    """Fuzzed bytes are decoded to what their runs say, or refused; never to another mask."""
    runs = slow_runs(counts)
    size_hw = (7, sum(runs) // 7) if runs is not None else (7, 3)
    if size_hw[1] > 10_000:
        return
    try:
        pixels = decode(counts, size_hw)
    except MaskError:
        assert runs is None or sum(runs) % 7
        return

    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    assert np.array_equal(pixels.T.ravel(), values)


@given(st.lists(st.integers(0, 5), max_size=12))
@settings(deadline=None)
def test_equal_masks_have_equal_counts(runs):
    """Runs of length 0, which other tools write, are merged: masks compare and hash by their pixels."""
    size_hw = (sum(runs), 1)
    written = counts_from_runs(runs)

    assert canonical_counts(written, size_hw) == encode(decode(written, size_hw))


@pytest.mark.parametrize("spelling", [b"4", b"T0", b"TP0"])
def test_numbers_longer_than_need_be_are_respelt(spelling):
    """A number padded with empty groups is accepted and written short."""
    assert canonical_counts(spelling, (2, 2)) == b"4"


@pytest.mark.parametrize(
    ("counts", "size_hw"),
    [
        (b"3", (2, 2)),
        (b"5", (2, 2)),
        (b"", (2, 2)),
        (b"O5", (2, 2)),
        (b"T", (2, 2)),
        (b"/", (0, 0)),
        (b"p", (0, 0)),
    ],
)
def test_wrong_sums_signs_ends_and_characters_are_refused(counts, size_hw):
    """Too few or many pixels, a negative run, a number that breaks off, and foreign characters."""
    with pytest.raises(MaskError):
        validate(counts, size_hw)


def test_a_number_past_64_bits_does_not_wrap_into_a_valid_one():
    """Sixteen characters that are 4 modulo 2**64 are no 4."""
    wrapping = b"T" + b"P" * 12 + b"@"

    with pytest.raises(MaskError):
        validate(wrapping, (2, 2))


def test_sums_that_wrap_around_int64_are_refused():
    """Runs whose sum is the mask's pixels only modulo 2**64 are no mask."""
    runs = [2**47] * 2**17 + [4]

    with pytest.raises(MaskError):
        validate(counts_from_runs(runs), (2**24, 2**23))


@pytest.mark.parametrize("size_hw", [(-1, 2), (2.0, 2), (2,), None, (2**31, 1), (2**30, 2**30), ("2", 2)])
def test_sizes_that_are_none_are_refused(size_hw):
    """A size is two whole numbers below 2**31, of at most 2**48 pixels."""
    with pytest.raises(MaskError):
        Mask(b"4", size_hw)


def test_a_mask_without_pixels_has_one_spelling():
    """Empty counts are read as those of a mask of no pixels, which pycocotools writes as 0."""
    assert canonical_counts(b"", (0, 5)) == canonical_counts(b"0", (0, 5)) == b"0"


@given(st.lists(st.lists(st.integers(1, 2**20), min_size=1, max_size=9), max_size=8))
@settings(deadline=None)
def test_a_pool_is_its_masks_one_by_one(masks):
    """Compressing and decoding many masks at once gives what each gives alone."""
    offsets = np.cumsum([0, *(len(runs) for runs in masks)])
    counts, ends = counts_from_pool(
        np.array([run for runs in masks for run in runs], dtype=np.int64), offsets
    )
    singles = [counts[a:b] for a, b in itertools.pairwise(ends)]
    toggles, bounds = toggles_from_pool(np.frombuffer(counts, dtype=np.uint8), ends)
    parts = [toggles[a:b].tolist() for a, b in itertools.pairwise(bounds)]

    assert singles == [counts_from_runs(runs) for runs in masks]
    assert parts == [
        toggles_from_counts(one, (sum(runs), 1)).tolist() for one, runs in zip(singles, masks, strict=True)
    ]


def test_a_noisy_mask_with_a_few_long_numbers_is_spelt_right():
    """Thousands of single characters with rare longer numbers between them, the fast path for noise."""
    runs = np.random.default_rng(0).integers(1, 8, 20_000)
    runs[[0, 7000, 7001, 19_999]] = [2**31, 900, 40_000, 17]

    assert runs_from_counts(counts_from_runs(runs)).tolist() == runs.tolist()
    assert slow_runs(counts_from_runs(runs)) == runs.tolist()
