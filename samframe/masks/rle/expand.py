"""COCO's compressed characters to run lengths, for one mask or for many in one pool; see `compress`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError

__all__ = ["is_shortest", "runs_from_pool"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MORE = 0x20
_SIGN = 0x10
_ONE = 2  # the offsets of one mask: its start and its end
_ZERO = 48
_MAX_CHARS = 12  # 12 * 5 bits hold every difference of runs, and no number wraps around 2**64
_FEW_LONG = 8  # longer numbers that are put together one by one


def runs_from_pool(pool: npt.NDArray[np.uint8], offsets: Offsets) -> tuple[Ints, Offsets]:
    """Return the run lengths of every mask of a pool, int64 or, where they fit, int32; signs are not checked.

    Arithmetic is modulo 2**64.
    """
    if not pool.size:
        return np.empty(0, np.int64), np.zeros(offsets.size, np.int64)
    groups = pool - np.uint8(_ZERO)
    if int(groups.max()) > 63:  # noqa: PLR2004 - six bits a character
        raise MaskError("malformed RLE counts: a byte is none of the characters '0' to 'o'")
    more = groups >= _MORE
    one_mask = offsets.size == _ONE
    if more[-1] or (not one_mask and more[offsets[1:][offsets[1:] > offsets[:-1]] - 1].any()):
        raise MaskError("malformed RLE counts: the last number breaks off")
    joined = np.flatnonzero(more)
    narrow = one_mask and _fits_int32(more, joined)
    values: Ints = (groups ^ np.uint8(_SIGN)).astype(np.int32 if narrow else np.int64)
    values -= _SIGN
    if joined.size:
        values[joined] = groups[joined] - np.uint8(_MORE)  # five bits without a sign: more follow
        _join_groups(values, more, joined)
        begins = np.ones(more.size, dtype=bool)
        np.logical_not(more[:-1], out=begins[1:])
        values = values[begins]
    run_offsets = offsets - np.searchsorted(joined, offsets)
    return _undo_deltas(values, run_offsets), run_offsets


def _fits_int32(more: npt.NDArray[np.bool_], joined: Offsets) -> bool:
    """Say whether no sum of the numbers can pass int32, as in a noisy mask: one or two characters each."""
    return 16 * more.size + 512 * joined.size < 2**31 and not more[joined + 1].any()


def _join_groups(values: Ints, more: npt.NDArray[np.bool_], joined: Offsets) -> None:
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


def _join_many(values: Ints, more: npt.NDArray[np.bool_], joined: Offsets, low: Ints) -> None:
    """Put numbers together where many have three characters or more: one pass a character."""
    layer, n_chars = np.flatnonzero(more[joined + 1]), 2
    while layer.size:
        n_chars += 1
        if n_chars > _MAX_CHARS:
            raise MaskError(f"malformed RLE counts: a number of more than {_MAX_CHARS} characters")
        values[joined[layer]] = low[layer] + (values[joined[layer] + 1] << 5)
        layer = layer[more[joined[layer] + n_chars - 1]]


def _undo_deltas(deltas: Ints, offsets: Offsets) -> Ints:
    """Return run lengths of the differences of many masks: two interleaved running sums a mask."""
    n_runs = np.diff(offsets)
    if offsets.size == _ONE:
        if deltas.size > 3:  # noqa: PLR2004 - the format's own threshold
            for chain in (deltas[1::2], deltas[2::2]):
                together = chain.copy()  # numpy adds up with a stride at half the speed
                chain[:] = np.add.accumulate(together, out=together)
        return deltas
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


def is_shortest(counts: bytes) -> bool:
    """Say whether no number ends in a group that only repeats the sign of the group before."""
    groups = np.frombuffer(counts, dtype=np.uint8) - np.uint8(_ZERO)
    ends = np.flatnonzero((groups[:-1] >= _MORE) & (groups[1:] < _MORE)) + 1
    last, signed = groups[ends], (groups[ends - 1] & _SIGN) != 0
    return not bool((last == np.where(signed, 31, 0)).any())
