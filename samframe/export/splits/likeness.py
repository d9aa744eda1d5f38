"""Perceptual hashes: which pictures are copies of one another, scaled, re-encoded or brightened."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

__all__ = ["NEAR_DUPLICATE_BITS", "link_near_duplicates", "perceptual_hash"]

#: Of 63 bits, how many may differ between near-duplicates. Unrelated pictures differ in about half of them.
NEAR_DUPLICATE_BITS = 6

_SIDE = 32
_LOW = 8
_BITS = 64
#: Pairs compared at a time.
_CHUNK = 4_000_000


def perceptual_hash(rgb: npt.NDArray[np.uint8]) -> int:
    """Return 63 bits that say how a picture looks: signs of its lowest spatial frequencies.

    The picture in grey, 32 x 32 pixels, is put through a discrete cosine transform; each of the lowest 8 x 8
    coefficients but the mean is compared with their median (C. Zauner, "Implementation and benchmarking of perceptual
    image hash functions", 2010). Scaling, re-encoding and brightness change few bits; a flip, a turn or a crop is
    another picture.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (h, w, 3)
    """
    grey = rgb.astype(np.float64) @ (0.299, 0.587, 0.114)
    rows, columns = (_means(side) for side in grey.shape)
    wave = _cosines()
    spectrum = wave @ (rows @ grey @ columns.T) @ wave.T
    # A flat picture has no frequencies: noise of the arithmetic must not decide.
    low = np.round(spectrum.ravel()[1:], 6)
    return int(np.packbits(low > np.median(low), bitorder="big").view(">u8")[0]) if low.size else 0


def _means(side: int) -> npt.NDArray[np.float64]:
    """Return the matrix, (32, side), that averages `side` pixels to 32, each by the share that it covers."""
    edges = np.linspace(0, side, _SIDE + 1)
    pixels = np.arange(side)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    averages: npt.NDArray[np.float64] = np.clip(shares, 0, None) * (_SIDE / side)
    return averages


@functools.cache
def _cosines() -> npt.NDArray[np.float64]:
    """Return the first 8 rows of the discrete cosine transform of 32 values."""
    angles = np.pi / _SIDE * (np.arange(_SIDE) + 0.5) * np.arange(_LOW)[:, None]
    waves: npt.NDArray[np.float64] = np.cos(angles)
    return waves


def link_near_duplicates(hashes: npt.ArrayLike, *, max_bits: int) -> list[int]:
    """Return for each hash the least position that it is linked to, by steps of at most `max_bits` differing bits.

    Parameters
    ----------
    hashes : array_like of uint64
        As :func:`perceptual_hash` gives them.
    max_bits : int
        0 to 63.
    """
    if not np.size(hashes):
        return []
    values, inverse = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    roots = np.arange(len(values))
    for some in _candidates(values, max_bits):
        for a, b in some.tolist():
            least = min(_root(roots, a), _root(roots, b))
            roots[_root(roots, a)] = roots[_root(roots, b)] = least
    first: dict[int, int] = {}
    return [
        first.setdefault(_root(roots, int(value)), position)
        for position, value in enumerate(inverse.tolist())
    ]


def _root(roots: npt.NDArray[np.int64], at: int) -> int:
    while roots[at] != at:
        roots[at] = roots[roots[at]]
        at = int(roots[at])
    return at


def _candidates(values: npt.NDArray[np.uint64], max_bits: int) -> list[npt.NDArray[np.int64]]:
    """Return pairs of positions that differ in at most `max_bits` bits.

    Of `max_bits` + 1 bands of bits, two such hashes share one whole: only those that do are compared.
    """
    bounds = np.linspace(0, _BITS, max_bits + 2).astype(int)
    pairs = []
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        band = (values >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order][:1] + np.uint64(1)))
        for bucket in np.split(order, starts[1:]):
            size = max(1, _CHUNK // len(bucket))
            for begin in range(0, len(bucket) if len(bucket) > 1 else 0, size):
                rows = bucket[begin : begin + size]
                near = _differing_bits(values[rows, None] ^ values[None, bucket]) <= max_bits
                a, b = np.nonzero(near)
                ahead = rows[a] < bucket[b]
                pairs.append(np.stack([rows[a][ahead], bucket[b][ahead]], axis=1))
    return pairs


def _differing_bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    counts = _BIT_COUNTS[values.view(np.uint8)].reshape(*values.shape, 8)
    return np.asarray(counts.sum(axis=-1, dtype=np.uint8), dtype=np.int64)


_BIT_COUNTS = np.array([value.bit_count() for value in range(256)], dtype=np.uint8)
