"""One mask's compressed characters to run lengths; see `compress`, and `column_decode` for many masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError

__all__ = ["expand", "is_shortest"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MORE = 0x20
_SIGN = 0x10
_ZERO = 48
_MAX_CHARS = 12  # 12 * 5 bits hold every difference of runs, and no number wraps around 2**64
_FEW_LONG = 8  # longer numbers that are put together one by one


def expand(counts: bytes) -> Ints:
    """Return the run lengths of a mask, int64 or, where they fit, int32; signs are not checked.

    Arithmetic is modulo 2**64.
    """
    if not counts:
        return np.empty(0, np.int64)
    groups = np.frombuffer(counts, dtype=np.uint8) - np.uint8(_ZERO)
    if int(groups.max()) > 63:  # noqa: PLR2004 - six bits a character
        raise MaskError("malformed RLE counts: a byte is none of the characters '0' to 'o'")
    more = groups >= _MORE
    if more[-1]:
        raise MaskError("malformed RLE counts: the last number breaks off")
    joined = np.flatnonzero(more)
    values: Ints = (groups ^ np.uint8(_SIGN)).astype(np.int32 if _fits_int32(more, joined) else np.int64)
    values -= _SIGN
    if joined.size:
        values[joined] = groups[joined] - np.uint8(_MORE)  # five bits without a sign: more follow
        _join_groups(values, more, joined)
        begins = np.ones(more.size, dtype=bool)
        np.logical_not(more[:-1], out=begins[1:])
        values = values[begins]
    if values.size > 3:  # noqa: PLR2004 - the format's own threshold
        for chain in (values[1::2], values[2::2]):  # two interleaved running sums
            together = chain.copy()  # numpy adds up with a stride at half the speed
            chain[:] = np.add.accumulate(together, out=together)
    return values


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


def is_shortest(counts: bytes) -> bool:
    """Say whether no number ends in a group that only repeats the sign of the group before."""
    groups = np.frombuffer(counts, dtype=np.uint8) - np.uint8(_ZERO)
    ends = np.flatnonzero((groups[:-1] >= _MORE) & (groups[1:] < _MORE)) + 1
    last, signed = groups[ends], (groups[ends - 1] & _SIGN) != 0
    return not bool((last == np.where(signed, 31, 0)).any())
