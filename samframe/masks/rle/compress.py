"""Run lengths to COCO's compressed characters, for one mask or for many in one pool.

The format is that of ``rleToString`` in pycocotools' ``maskApi.c``: from the fourth run on the difference to the run
two before; five bits a character, lowest first, 0x20 for "more follows", the sign in 0x10 of the last, plus 48.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["counts_from_pool"]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]

_MORE = 0x20
_SIGN = 0x10
_ONE = 2  # the offsets of one mask: its start and its end
_ZERO = 48
_TABLE = 16384  # differences from -16384 to 16383 are at most three characters and are looked up
_MANY = 4096  # differences of one mask from which it is worth asking whether nearly all are one character


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
    if not runs.size:
        return b"", np.zeros(offsets.size, dtype=np.int64)
    deltas = _deltas(runs, offsets)
    if offsets.size == _ONE:
        counts = _compress_one(deltas)
        return counts, np.array([0, len(counts)], dtype=np.int64)
    words, longs = _words(deltas)
    n_chars = 1 + (words > 0xFF).view(np.int8) + (words > 0xFFFF)  # noqa: PLR2004 - one byte, two bytes
    wide = np.zeros((words.size, 1 if not longs.size else 4), dtype="<u4")
    wide[:, 0] = words
    if longs.size:
        spelt = [_spell(value) for value in deltas[longs].tolist()]
        n_chars[longs] = [len(text) for text in spelt]
        wide[longs] = np.frombuffer(b"".join(text.ljust(16, b"\0") for text in spelt), dtype="<u4").reshape(
            -1, 4
        )
    ends = np.zeros(words.size + 1, dtype=np.int64)
    np.cumsum(n_chars, out=ends[1:])
    return wide.tobytes().translate(None, b"\0"), ends[offsets]


def _compress_one(deltas: Ints) -> bytes:
    """Return one mask's characters."""
    if deltas.size > _MANY:
        several = np.flatnonzero((deltas < -_SIGN) | (deltas >= _SIGN))
        if several.size < deltas.size // 100:
            return _splice_noise(deltas, several)
    words, longs = _words(deltas)
    little = words.astype("<u4", copy=False)
    if not longs.size:
        return little.tobytes().translate(None, b"\0")
    pieces: list[bytes] = []
    start = 0
    for at in longs.tolist():
        pieces += (little[start:at].tobytes().translate(None, b"\0"), _spell(int(deltas[at])))
        start = at + 1
    pieces.append(little[start:].tobytes().translate(None, b"\0"))
    return b"".join(pieces)


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


def _splice_noise(deltas: Ints, several: Offsets) -> bytes:
    """Return one noisy mask's characters: single bytes, and the rare numbers of several put between them."""
    extra = [_spell(value)[1:] for value in deltas[several].tolist()]
    singles = deltas.astype(np.uint8)
    singles &= 31
    singles += _ZERO
    singles[several] += _MORE
    if not extra:
        return singles.tobytes()
    where = np.repeat(several + 1, [len(text) for text in extra])
    return np.insert(singles, where, np.frombuffer(b"".join(extra), dtype=np.uint8)).tobytes()
