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
_FEW = 8  # longer differences that are spelt one by one
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
    if offsets.size == _ONE and deltas.size > _MANY:
        several = np.flatnonzero((deltas < -_SIGN) | (deltas >= _SIGN))
        if several.size < deltas.size // 100:
            counts = _splice_noise(deltas, several)
            return counts, np.array([0, len(counts)], dtype=np.int64)
    words, longs = _words(deltas)
    wide, long_chars = words.astype("<u4", copy=False), np.empty(0, dtype=np.int8)
    if longs.size:
        spelt, long_chars = _long_words(deltas[longs])
        wide = np.zeros((words.size, spelt.shape[1]), dtype="<u8")
        wide[:, 0] = words
        wide[longs] = spelt
    counts = wide.tobytes().translate(None, b"\0")
    if offsets.size == _ONE:
        return counts, np.array([0, len(counts)], dtype=np.int64)
    n_chars = 1 + (words > 0xFF).view(np.int8) + (words > 0xFFFF)  # noqa: PLR2004 - one byte, two bytes
    n_chars[longs] = long_chars
    ends = np.zeros(words.size + 1, dtype=np.int64)
    np.cumsum(n_chars, out=ends[1:])
    return counts, ends[offsets]


def _long_words(values: Ints) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """Return differences of any length spelt in one or two words each, and how many characters each has."""
    if values.size <= _FEW:
        spelt = [_spell(value) for value in values.tolist()]
        wide = b"".join(text.ljust(16, b"\0") for text in spelt)
        return np.frombuffer(wide, dtype="<u8").reshape(-1, 2), np.array(
            [len(text) for text in spelt], dtype=np.int8
        )
    n_groups = int(max(values.max(), ~values.min())).bit_length() // 5 + 1
    words = np.zeros((values.size, 1 + (n_groups > 8)), dtype="<u8")  # noqa: PLR2004 - characters of a word
    n_chars = np.zeros(values.size, dtype=np.int8)
    alive = np.ones(values.size, dtype=bool)
    for group in range(n_groups):
        rest = values >> 5 * group
        more = (rest < -_SIGN) | (rest >= _SIGN)
        characters = np.where(alive, (rest & 31) + _MORE * more + _ZERO, 0).astype(np.uint64)
        words[:, group // 8] |= characters << np.uint64(8 * (group % 8))
        n_chars += alive
        alive = alive & more
    return words, n_chars


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
