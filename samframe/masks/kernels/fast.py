"""Kernels by rlemasklib, for what it does at least 1.5 times as fast as NumPy: simple masks, one after another.

It works in 32 bits and is slow where a mask is noise: None says that NumPy is to do it. What comes here is checked and
fits its size; `canonical`, which checks, lets nothing through whose numbers do not fit 30 bits.

rlemasklib: https://github.com/isarandi/rlemasklib (BSD).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rlemasklib import RLEMask

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "canonical",
    "component_areas",
    "components",
    "counts",
    "decode",
    "encode",
    "grown",
    "polygon",
    "shrunk",
    "toggles",
    "union",
]

Ints = npt.NDArray[np.integer[Any]]
Size = tuple[int, int]

_MAX_PIXELS = 2**31
_MAX_CHARS = 1 << 14  # NumPy spells and reads longer counts faster
_MAX_RADIUS = 64
_SAMPLE = 512  # pixels of a row that are looked at
_SHAPES = ("disk", "square")
_NOISE = 32  # more than one change in this many pixels
#: Characters as "e" where a number ends, "m" where more follows, "x" where they are none of the format's.
_KINDS = b"x" * 48 + b"e" * 32 + b"m" * 32 + b"x" * 144


def _suits(n_chars: int, size_hw: Size) -> bool:
    """Say whether a mask of so many characters is one that rlemasklib is quick with."""
    return n_chars <= _MAX_CHARS and 0 < size_hw[0] * size_hw[1] < _MAX_PIXELS


def _read(counts: bytes, size_hw: Size) -> RLEMask:
    return RLEMask.from_dict({"size": size_hw, "counts": counts})


def _written(mask: RLEMask) -> bytes:
    spelt: bytes = mask.to_dict()["counts"]
    return spelt


def toggles(counts: bytes, size_hw: Size) -> Ints | None:
    """Return where a mask begins and ends."""
    if not _suits(len(counts), size_hw):
        return None
    runs = _read(counts, size_hw).counts_view
    return np.add.accumulate(runs[: runs.size & ~1], dtype=np.int32)


def counts(toggles: Ints, size_hw: Size) -> bytes | None:
    """Return the canonical counts of toggles."""
    if not toggles.size or not _suits(toggles.size, size_hw):
        return None
    n_pixels = size_hw[0] * size_hw[1]
    ends_inside = int(toggles[-1]) < n_pixels
    runs = np.empty(toggles.size + ends_inside, dtype=np.uint32)
    runs[0] = toggles[0]
    np.subtract(toggles[1:], toggles[:-1], out=runs[1 : toggles.size], casting="unsafe")
    if ends_inside:
        runs[-1] = n_pixels - int(toggles[-1])
    return _written(RLEMask.from_counts(runs, shape=size_hw))


def canonical(counts: bytes, size_hw: Size) -> bytes | None:
    """Return the canonical spelling of counts from anywhere; None for what is malformed, too."""
    kinds = counts.translate(_KINDS)
    whole = kinds.endswith(b"e") and b"x" not in kinds and b"mmmmmm" not in kinds
    if not (whole and _suits(len(counts), size_hw)):
        return None
    try:  # no run passes 2**32, for none has more terms than there are characters
        return _written(_read(counts, size_hw))
    except ValueError:  # the runs do not sum to the pixels: NumPy's check says so
        return None


def encode(pixels: npt.NDArray[Any]) -> bytes | None:
    """Return the canonical counts of an array of shape (H, W): what is not zero is foreground."""
    if not 0 < pixels.size < _MAX_PIXELS:
        return None
    if not (pixels.flags.c_contiguous or pixels.flags.f_contiguous) or pixels.dtype not in (bool, np.uint8):
        pixels = np.ascontiguousarray(pixels != 0)
    if not pixels.flags.writeable:  # rlemasklib asks for an array that could be written to
        pixels = pixels.copy(order="K")
    lines = pixels if pixels.flags.c_contiguous else pixels.T
    sample = lines[:: max(1, len(lines) // 6), :_SAMPLE]
    if np.count_nonzero(sample[:, 1:] != sample[:, :-1]) * _NOISE > sample.size:
        return None
    return _written(RLEMask.from_array(pixels, is_sparse=True))


def decode(counts: bytes, out: npt.NDArray[np.bool_]) -> bool:
    """Set the pixels of a mask in an array of zeros of shape (H, W), in C order; False where NumPy is to do it."""
    size_hw = (out.shape[0], out.shape[1])
    if not _suits(len(counts), size_hw) or len(counts) * _NOISE > out.size:
        return False
    _read(counts, size_hw).decode_into(out.view(np.uint8), fg_value=1)
    return True


def components(counts: bytes, size_hw: Size, connectivity: int) -> list[bytes] | None:
    """Return the canonical counts of each component, in the column-major order of their first pixels."""
    if not _suits(len(counts), size_hw):
        return None
    found = _read(counts, size_hw).connected_components(connectivity=connectivity)
    return [counts] if len(found) == 1 else [_written(part) for part in found]


def grown(counts: bytes, size_hw: Size, radius: int, shape: str) -> bytes | None:
    """Return the canonical counts of a mask dilated by a disk or a square."""
    fits = shape in _SHAPES and 0 < radius < min(*size_hw, _MAX_RADIUS)
    if not (fits and _suits(len(counts), size_hw)):
        return None
    return _written(_dilated(_read(counts, size_hw), radius, shape))


def shrunk(counts: bytes, size_hw: Size, radius: int, shape: str) -> bytes | None:
    """Return the canonical counts of a mask eroded by a disk or a square, background around the image."""
    fits = shape in _SHAPES and 0 < 2 * radius < min(*size_hw, _MAX_RADIUS)
    if not (fits and _suits(len(counts), size_hw)):
        return None
    height, width = size_hw
    left = ~_dilated(~_read(counts, size_hw), radius, shape)
    inner = left.crop(np.array([radius, radius, width - 2 * radius, height - 2 * radius], dtype=np.uint32))
    return _written(inner.pad(radius, radius, radius, radius))


def _dilated(mask: RLEMask, radius: int, shape: str) -> RLEMask:
    if shape == "square":
        return mask.dilate(kernel_shape="square", kernel_size=2 * radius + 1)
    parts, reached, tall = [], 0, mask.copy()
    for dx in range(-radius, 1):  # towards the middle the disk is taller
        rise = math.isqrt(radius * radius - dx * dx)
        if rise > reached:
            tall.dilate_vertical(rise - reached, rise - reached, inplace=True)
            reached = rise
        parts += [tall.shift((0, dx)), tall.shift((0, -dx))] if dx else [tall]
    return RLEMask.union(parts)


def component_areas(counts: bytes, size_hw: Size, connectivity: int) -> Ints | None:
    """Return the area of each component."""
    if not _suits(len(counts), size_hw):
        return None
    stats = _read(counts, size_hw).connected_component_stats(connectivity=connectivity)
    return np.empty(0, dtype=np.int64) if stats is None else stats[0].astype(np.int64)


def union(masks: Sequence[bytes], size_hw: Size) -> bytes | None:
    """Return the canonical counts of what any mask covers."""
    if not masks or not all(_suits(len(one), size_hw) for one in masks):
        return None
    return _written(RLEMask.union([_read(one, size_hw) for one in masks]))


def polygon(ring: Any, size_hw: Size) -> bytes | None:
    """Return the canonical counts of one ring, flat or (n, 2), by pycocotools' rule."""
    try:
        corners = np.array(ring, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    sound = corners.size >= 6 and (corners.shape[1:] == (2,) or (corners.ndim == 1 and not corners.size & 1))  # noqa: PLR2004
    far = 4 * max(size_hw)  # lines are walked: not for miles
    if not (
        sound and 0 < size_hw[0] * size_hw[1] < _MAX_PIXELS and -far < corners.min() <= corners.max() < far
    ):
        return None
    return _written(RLEMask.from_polygon(corners.ravel(), imshape=size_hw))
