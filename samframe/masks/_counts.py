"""COCO's compressed counts: the bytes of run lengths, of one mask or of many in one pool.

The format is that of ``rleToString`` and ``rleFrString`` in pycocotools' ``maskApi.c``: run lengths in
column-major order, background first; from the fourth run on the difference to the run two before; five bits a
character, lowest first, 0x20 for "more follows", the sign in 0x10 of the last character, plus 48.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError

__all__ = [
    "canonical_counts",
    "check_size",
    "checked_toggles",
    "counts_from_pool",
    "counts_from_runs",
    "counts_from_toggles",
    "position_dtype",
    "runs_from_counts",
    "toggles_from_counts",
    "toggles_from_pool",
    "validate",
]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MORE = 0x20
_SIGN = 0x10
_ONE = 2  # the offsets of one mask: its start and its end
_ZERO = 48
_MAX_SIDE = 2**31 - 1  # the sides are stored as int32
_MAX_PIXELS = 2**48  # far past any image, and every sum of runs stays exact
_MAX_CHARS = 12  # 12 * 5 bits hold every difference of runs, and no number wraps around 2**64
_TABLE = 16384  # differences from -16384 to 16383 are at most three characters and are looked up
_FEW_LONG = 8  # longer numbers of one mask that are spelt one by one

# What a character adds: five bits where more follow; at the end of a number they carry its sign.
_GROUP_VALUES = np.concatenate([np.arange(16), np.arange(-16, 0), np.arange(32)]).astype(np.int64)


def check_size(size_hw: Any) -> tuple[int, int]:
    """Return ``size_hw`` as two Python ints.

    Raises
    ------
    MaskError
        If it is not two integers from 0 to 2**31 - 1, or of more than 2**48 pixels.
    """
    try:
        height, width = size_hw
        size = (height.__index__(), width.__index__())
    except (AttributeError, TypeError, ValueError):
        raise MaskError(f"a mask's size is (height, width) in whole pixels, not {size_hw!r}") from None
    if not (0 <= size[0] <= _MAX_SIDE and 0 <= size[1] <= _MAX_SIDE):
        raise MaskError(f"a mask's height and width lie between 0 and {_MAX_SIDE}, not {size}")
    if size[0] * size[1] > _MAX_PIXELS:
        raise MaskError(f"a mask has at most 2**48 pixels, not {size[0]} x {size[1]}")
    return size


def position_dtype(n_pixels: int) -> type[np.int32 | np.int64]:
    """Return the integer type that holds positions 0 to ``n_pixels``: int32 below 2**31, else int64."""
    return np.int32 if n_pixels < 2**31 else np.int64


def counts_from_runs(runs: npt.ArrayLike) -> bytes:
    """Return COCO's compressed counts of run lengths.

    Parameters
    ----------
    runs : array_like of int, shape (n_runs,)
        Column-major run lengths, background first.

    Returns
    -------
    bytes
        ASCII characters 48 to 111.
    """
    values = np.asarray(runs, dtype=np.int64)
    return counts_from_pool(values, np.array([0, values.size], dtype=np.int64))[0]


def counts_from_pool(runs: Ints, offsets: Offsets) -> tuple[bytes, Offsets]:
    """Compress the run lengths of many masks at once.

    Parameters
    ----------
    runs : ndarray of int, shape (n_runs,)
        The run lengths of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``runs[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    counts : bytes
        The counts of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``counts[offsets[i]:offsets[i + 1]]``.
    """
    deltas = _deltas(runs, offsets)
    words, longs = _words(deltas)
    one_mask = offsets.size == _ONE
    if one_mask and longs.size <= _FEW_LONG:
        counts = _splice(words, deltas, longs)
        return counts, np.array([0, len(counts)], dtype=np.int64)
    wide = np.zeros((words.size, 1 if not longs.size else 4), dtype=np.uint32)
    wide[:, 0] = words
    if longs.size:
        spelt = b"".join(_spell(int(value)).ljust(16, b"\0") for value in deltas[longs])
        wide[longs] = np.frombuffer(spelt, dtype="<u4").reshape(-1, 4)
    raw = wide.astype("<u4", copy=False).tobytes()
    used = np.frombuffer(raw, dtype=np.uint8).reshape(words.size, -1) != 0
    ends = np.zeros(words.size + 1, dtype=np.int64)
    np.cumsum(np.count_nonzero(used, axis=1), out=ends[1:])
    return raw.translate(None, b"\0"), ends[offsets]


def _deltas(runs: Ints, offsets: Offsets) -> Ints:
    """Return each run less the run two before it, from a mask's fourth run on."""
    deltas = runs.copy()
    if offsets.size == _ONE:
        deltas[3:] -= runs[1:-2]
        return deltas
    deltas[2:] -= runs[:-2]
    heads = offsets[:-1, None] + np.arange(3)
    whole = heads[heads < offsets[1:, None]]
    deltas[whole] = runs[whole]
    return deltas


@functools.cache
def _word_table() -> npt.NDArray[np.uint32]:
    """Return -16384 to 16383 spelt in words of up to three bytes: first character lowest, 0 where unused."""
    values = np.arange(-_TABLE, _TABLE)
    words = np.zeros(values.size, dtype=np.uint32)
    alive = np.ones(values.size, dtype=bool)
    for group in range(3):
        more = (values < -(16 << 5 * group)) | (values >= 16 << 5 * group)
        characters = ((values >> 5 * group) & 31) + 32 * more + _ZERO
        words += (np.where(alive, characters, 0) << 8 * group).astype(np.uint32)
        alive = more
    return words


def _words(deltas: Ints) -> tuple[npt.NDArray[np.uint32], Offsets]:
    """Return each difference spelt in a word, and the indices of those too long for one (their words are 0)."""
    table = _word_table()
    shifted = deltas + _TABLE
    longs = np.flatnonzero((shifted < 0) | (shifted >= 2 * _TABLE))
    shifted[longs] = 0
    words = table[shifted]
    words[longs] = 0
    return words, longs


def _spell(value: int) -> bytes:
    """Return the characters of one difference of any length."""
    characters = bytearray()
    while True:
        group, value = value & 31, value >> 5
        if value == (-1 if group & _SIGN else 0):
            characters.append(group + _ZERO)
            return bytes(characters)
        characters.append(group + _MORE + _ZERO)


def _splice(words: npt.NDArray[np.uint32], deltas: Ints, longs: Offsets) -> bytes:
    """Return one mask's characters: its words without empty bytes, and the few long numbers between."""
    short = words < 256  # noqa: PLR2004 - one character
    n_short = int(np.count_nonzero(short))
    if n_short + longs.size == words.size and not longs.size:
        return words.astype(np.uint8).tobytes()
    little = words.astype("<u4", copy=False)
    if words.size - n_short < words.size // 100:
        return _splice_noise(deltas, np.flatnonzero(~short), longs)
    if not longs.size:
        return little.tobytes().translate(None, b"\0")
    pieces, start = [], 0
    for at in longs.tolist():
        pieces += (little[start:at].tobytes().translate(None, b"\0"), _spell(int(deltas[at])))
        start = at + 1
    pieces.append(little[start:].tobytes().translate(None, b"\0"))
    return b"".join(pieces)


def _splice_noise(deltas: Ints, several: Offsets, longs: Offsets) -> bytes:
    """Return one noisy mask's characters: single bytes, and the rare longer numbers put between them."""
    spots = np.sort(np.concatenate([several, longs]))
    extra = [_spell(value)[1:] for value in deltas[spots].tolist()]
    first = (deltas & 31) + _ZERO
    first[spots] += _MORE
    where = np.repeat(spots + 1, [len(text) for text in extra])
    singles = first.astype(np.uint8)
    return np.insert(singles, where, np.frombuffer(b"".join(extra), dtype=np.uint8)).tobytes()


def runs_from_counts(counts: bytes) -> npt.NDArray[np.int64]:
    """Return the run lengths that compressed counts stand for.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.

    Returns
    -------
    ndarray of int64, shape (n_runs,)
        Column-major run lengths, background first.

    Raises
    ------
    MaskError
        If a byte is none of the format's characters, a number breaks off or is too long, or a run is negative.
    """
    pool = np.frombuffer(counts, dtype=np.uint8)
    runs, _ = _runs_from_pool(pool, np.array([0, pool.size], dtype=np.int64))
    if runs.size and int(runs.min()) < 0:
        raise MaskError("malformed RLE counts: a run is negative")
    return runs


def _runs_from_pool(pool: npt.NDArray[np.uint8], offsets: Offsets) -> tuple[npt.NDArray[np.int64], Offsets]:
    """Return the run lengths of every mask of a pool; arithmetic is modulo 2**64, signs are not checked."""
    if not pool.size:
        return np.empty(0, np.int64), np.zeros(offsets.size, np.int64)
    groups = pool - np.uint8(_ZERO)
    if int(groups.max()) > 63:  # noqa: PLR2004 - six bits a character
        raise MaskError("malformed RLE counts: a byte is none of the characters '0' to 'o'")
    more = groups >= _MORE
    one_mask = offsets.size == _ONE
    if more[-1] or (not one_mask and more[offsets[1:][offsets[1:] > offsets[:-1]] - 1].any()):
        raise MaskError("malformed RLE counts: the last number breaks off")
    values = _GROUP_VALUES.take(groups)
    joined = np.flatnonzero(more)
    if joined.size:
        _join_groups(values, more, joined)
        begins = np.ones(more.size, dtype=bool)
        np.logical_not(more[:-1], out=begins[1:])
        values = values[begins]
    run_offsets = offsets - np.searchsorted(joined, offsets)
    return _undo_deltas(values, run_offsets), run_offsets


def _join_groups(values: npt.NDArray[np.int64], more: npt.NDArray[np.bool_], joined: Offsets) -> None:
    """Put the groups of longer numbers together, in place, at the group where each number starts."""
    low = values[joined]
    values[joined] = low + (values[joined + 1] << 5)
    longer = np.flatnonzero(more[joined + 1])
    if longer.size > _FEW_LONG:
        _join_many(values, more, joined, low)
        return
    n_chars, before = 2, -2
    for which in longer[::-1].tolist():
        at = int(joined[which])
        n_chars = n_chars + 1 if at == before - 1 else 3
        if n_chars > _MAX_CHARS:
            raise MaskError(f"malformed RLE counts: a number of more than {_MAX_CHARS} characters")
        values[at] = low[which] + (values[at + 1] << 5)
        before = at


def _join_many(
    values: npt.NDArray[np.int64], more: npt.NDArray[np.bool_], joined: Offsets, low: npt.NDArray[np.int64]
) -> None:
    """Put numbers together where many have three characters or more: one pass a character."""
    layer, n_chars = np.flatnonzero(more[joined + 1]), 2
    while layer.size:
        n_chars += 1
        if n_chars > _MAX_CHARS:
            raise MaskError(f"malformed RLE counts: a number of more than {_MAX_CHARS} characters")
        values[joined[layer]] = low[layer] + (values[joined[layer] + 1] << 5)
        layer = layer[more[joined[layer] + n_chars - 1]]


def _undo_deltas(deltas: npt.NDArray[np.int64], offsets: Offsets) -> npt.NDArray[np.int64]:
    """Return run lengths of the differences of many masks: two interleaved running sums a mask."""
    n_runs = np.diff(offsets)
    if offsets.size == _ONE:
        runs = deltas
        if runs.size > 3:  # noqa: PLR2004 - the format's own threshold
            np.add.accumulate(deltas[1::2], out=runs[1::2])
            np.add.accumulate(deltas[2::2], out=runs[2::2])
        return runs
    # Every mask is padded to an even number of runs, so that its two chains are columns of one table.
    n_rows = (n_runs + 1) // 2
    row_offsets = np.zeros(offsets.size, dtype=np.int64)
    np.cumsum(n_rows, out=row_offsets[1:])
    table = np.zeros((int(row_offsets[-1]), 2), dtype=np.int64)
    where = np.arange(deltas.size) + np.repeat(2 * row_offsets[:-1] - offsets[:-1], n_runs)
    table.ravel()[where] = deltas
    third = row_offsets[:-1][n_rows > 1]
    table[third + 1, 0] -= table[third, 0]  # the third run is written whole, not as a difference to the first
    sums = np.cumsum(table, axis=0)
    filled = np.flatnonzero(n_rows)
    base = np.zeros((filled.size, 2), dtype=np.int64)
    base[1:] = sums[row_offsets[filled[1:]] - 1]
    sums -= np.repeat(base, n_rows[filled], axis=0)
    return sums.ravel()[where]


def toggles_from_counts(counts: bytes, size_hw: tuple[int, int]) -> Ints:
    """Return where a mask begins and ends, from counts that are trusted to be valid.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    ndarray of int32 or int64, shape (2 * n_spans,)
        ``start, end, start, end ...`` as column-major positions ``x * height + y``, ends excluded.
    """
    runs = runs_from_counts(counts)
    return np.add.accumulate(runs[: runs.size & ~1], dtype=position_dtype(size_hw[0] * size_hw[1]))


def toggles_from_pool(
    pool: npt.NDArray[np.uint8], offsets: Offsets, dtype: type[np.int32 | np.int64] = np.int64
) -> tuple[Ints, Offsets]:
    """Decode the counts of many masks at once, which are trusted to be valid.

    Parameters
    ----------
    pool : ndarray of uint8, shape (n_bytes,)
        The compressed counts of all masks, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``pool[offsets[i]:offsets[i + 1]]``.
    dtype : numpy int32 or int64
        Type of the positions; see `position_dtype`.

    Returns
    -------
    toggles : ndarray of `dtype`, shape (n_toggles,)
        ``start, end, start, end ...`` of all masks, column-major positions, ends excluded.
    offsets : ndarray of int64, shape (n + 1,)
        Mask i owns ``toggles[offsets[i]:offsets[i + 1]]``; every mask has an even number.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    first = int(offsets[0])
    runs, run_offsets = _runs_from_pool(pool[first : int(offsets[-1])], offsets - first)
    sums = np.zeros(runs.size + 1, dtype=np.int64)
    np.cumsum(runs, out=sums[1:])
    n_runs = np.diff(run_offsets)
    n_toggles = n_runs & ~1
    toggles = (sums[1:] - np.repeat(sums[run_offsets[:-1]], n_runs)).astype(dtype)
    odd = n_runs & 1
    if odd.any():  # the last run is background: no toggle ends it
        toggles = np.delete(toggles, run_offsets[1:][odd == 1] - 1)
    toggle_offsets = np.zeros(offsets.size, dtype=np.int64)
    np.cumsum(n_toggles, out=toggle_offsets[1:])
    return toggles, toggle_offsets


def counts_from_toggles(toggles: Ints, size_hw: tuple[int, int]) -> bytes:
    """Return the canonical counts of spans.

    Parameters
    ----------
    toggles : ndarray of int, shape (2 * n_spans,)
        ``start, end, start, end ...``, strictly increasing column-major positions, ends excluded.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    bytes
    """
    n_pixels = size_hw[0] * size_hw[1]
    if not toggles.size:
        return counts_from_runs([n_pixels])
    ends_inside = int(toggles[-1]) < n_pixels
    positions = np.empty(toggles.size + 1 + ends_inside, dtype=toggles.dtype)
    positions[0] = 0
    positions[1 : toggles.size + 1] = toggles
    if ends_inside:
        positions[-1] = n_pixels
    runs = positions[1:] - positions[:-1]
    return counts_from_pool(runs, np.array([0, runs.size], dtype=np.int64))[0]


def validate(counts: bytes, size_hw: tuple[int, int]) -> None:
    """Check that counts stand for one mask of this size.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If the bytes are malformed, a run is negative, or the runs do not sum to ``height * width``.
    """
    _checked_runs(counts, check_size(size_hw))


def canonical_counts(counts: bytes, size_hw: tuple[int, int]) -> bytes:
    """Check counts and return the one spelling that `encode` would give the same mask.

    Parameters
    ----------
    counts : bytes
        COCO's compressed counts; runs of length 0 inside and numbers longer than need be are accepted.
    size_hw : (int, int)
        Height and width in pixels.

    Returns
    -------
    bytes
        Equal for equal masks of one size.

    Raises
    ------
    MaskError
        As `validate`.
    """
    return checked_toggles(counts, size_hw)[1]


def checked_toggles(counts: bytes, size_hw: tuple[int, int]) -> tuple[Ints, bytes]:
    """Check counts and return their toggles, as `toggles_from_counts`, and their canonical spelling.

    Raises
    ------
    MaskError
        As `validate`.
    """
    size = check_size(size_hw)
    runs, sums = _checked_runs(counts, size)
    positions = sums[: runs.size & ~1].astype(position_dtype(size[0] * size[1]), copy=False)
    if runs.size > 1 and not runs[1:].all():
        toggles = cancel_pairs(positions)
        return toggles, counts_from_toggles(toggles, size)
    if not runs.size:
        return positions, b"0"
    return positions, counts if _is_shortest(counts) else counts_from_runs(runs)


def _is_shortest(counts: bytes) -> bool:
    """Say whether no number ends in a group that only repeats the sign of the group before."""
    groups = np.frombuffer(counts, dtype=np.uint8) - np.uint8(_ZERO)
    ends = np.flatnonzero((groups[:-1] >= _MORE) & (groups[1:] < _MORE)) + 1
    last, signed = groups[ends], (groups[ends - 1] & _SIGN) != 0
    return not bool((last == np.where(signed, 31, 0)).any())


def cancel_pairs(toggles: Ints) -> Ints:
    """Drop positions that occur an even number of times from a sorted array, keep one of every other."""
    if toggles.size < 2:  # noqa: PLR2004 - no pair
        return toggles
    new = np.ones(toggles.size, dtype=bool)
    np.not_equal(toggles[1:], toggles[:-1], out=new[1:])
    if new.all():
        return toggles
    first = np.flatnonzero(new)
    times = np.diff(first, append=toggles.size)
    return toggles[first[times & 1 == 1]]


def _checked_runs(
    counts: bytes, size_hw: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the run lengths and their running sums, all of them tested."""
    n_pixels = size_hw[0] * size_hw[1]
    runs = runs_from_counts(counts)
    sums = np.add.accumulate(runs)
    longest = int(runs.max(initial=0))
    may_wrap = longest * runs.size >= 2**63  # then a sum that wraps around int64 shows as a negative one
    total = int(sums[-1]) if runs.size else 0
    if total != n_pixels or longest > n_pixels or (may_wrap and int(sums.min()) < 0):
        raise MaskError(
            f"malformed RLE counts: the runs do not sum to {size_hw[0]} x {size_hw[1]} = {n_pixels} pixels"
        )
    return runs, sums
