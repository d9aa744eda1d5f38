"""Each primitive once: rlemasklib's kernel where there is one and it suits the mask, else NumPy's.

Both give equal bytes. Counts that come in are valid and canonical, except those of `canonical_counts`, `decode` and
`decode_batch`, which check them; shapes have been checked, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks.kernels.choice import fast
from samframe.masks.rle import codec, counts
from samframe.masks.rle import decode_batch as decode_many
from samframe.masks.rle import encode_batch as encode_many
from samframe.masks.rle import paint as painting
from samframe.masks.runs import union_runs
from samframe.masks.shapes import Rings, component_toggles, dilate, erode, rasterise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from samframe.masks.shapes import Rule

__all__ = [
    "canonical_counts",
    "component_counts",
    "counts_of",
    "decode",
    "decode_batch",
    "encode",
    "encode_batch",
    "one_by_one",
    "paint",
    "paint_pool",
    "polygon_counts",
    "reshaped_counts",
    "toggles_of",
    "union_of_pool",
]

Ints = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.bool_]
Size = tuple[int, int]


class Pool(Protocol):
    """What is asked of a pool of masks."""

    def rles(self, positions: Offsets, /) -> list[bytes]:
        """Return the counts of the masks at these positions."""

    def toggles(self, positions: Offsets, /, *, keep: bool = ...) -> tuple[Ints, Offsets]:
        """Return the toggles of the masks at these positions, and where each mask's begin."""


#: Masks of a stack with fewer pixels are encoded and decoded faster many at a time.
_SMALL = 1 << 14


def toggles_of(rle: bytes, size_hw: Size) -> Ints:
    """Return where a mask begins and ends: ``start, end, start, end ...``, column-major positions, ends excluded."""
    kernels = fast()
    found: Ints | None = kernels.toggles(rle, size_hw) if kernels else None
    return counts.toggles_from_counts(rle, size_hw) if found is None else found


def counts_of(toggles: Ints, size_hw: Size) -> bytes:
    """Return the canonical counts of toggles."""
    kernels = fast()
    found: bytes | None = kernels.counts(toggles, size_hw) if kernels else None
    return counts.counts_from_toggles(toggles, size_hw) if found is None else found


def canonical_counts(rle: bytes, size_hw: Size) -> bytes:
    """Check counts from anywhere and return their canonical spelling.

    Raises
    ------
    MaskError
        If the counts are malformed or do not fit the size.
    """
    kernels = fast()
    found: bytes | None = kernels.canonical(rle, size_hw) if kernels else None
    return counts.canonical_counts(rle, size_hw) if found is None else found


def encode(array: npt.ArrayLike) -> bytes:
    """Return COCO's compressed counts of a mask, byte for byte those of pycocotools.

    Parameters
    ----------
    array : array_like, shape (H, W)
        Any dtype and memory order; what is not zero is foreground.

    Raises
    ------
    MaskError
        If the array is not two-dimensional.
    """
    pixels, kernels = np.asarray(array), fast()
    found: bytes | None = kernels.encode(pixels) if kernels and pixels.ndim == 2 else None  # noqa: PLR2004 - height, width
    return codec.encode(pixels) if found is None else found


def encode_batch(stack: npt.ArrayLike) -> list[bytes]:
    """Return COCO's compressed counts of every mask of a stack.

    Parameters
    ----------
    stack : array_like, shape (n, H, W)
        Any dtype; what is not zero is foreground.

    Returns
    -------
    list of bytes
        One a mask, each equal to what `encode` gives.

    Raises
    ------
    MaskError
        If the array is not three-dimensional.
    """
    pixels = np.asarray(stack)
    if fast() and pixels.ndim == 3 and pixels[:1].size >= _SMALL:  # noqa: PLR2004 - masks, height and width
        return [encode(mask) for mask in pixels]
    return encode_many(pixels)


def decode(rle: bytes, size_hw: Size) -> Pixels:
    """Return the pixels of a mask: ndarray of bool, shape (H, W), C order.

    Parameters
    ----------
    rle : bytes
        COCO's compressed counts.
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If the counts are malformed or do not fit the size.
    """
    size = counts.check_size(size_hw)
    return paint(canonical_counts(rle, size), size)


def decode_batch(rles: Sequence[bytes], size_hw: Size) -> Pixels:
    """Return the pixels of many masks of one size: ndarray of bool, shape (n, H, W), C order.

    Parameters
    ----------
    rles : sequence of bytes, length n
        COCO's compressed counts, one a mask.
    size_hw : (int, int)
        Height and width of every mask in pixels.

    Raises
    ------
    MaskError
        If counts are malformed or do not fit the size; the message names their position.
    """
    size = counts.check_size(size_hw)
    if not fast() or size[0] * size[1] < _SMALL:
        return decode_many(rles, size)
    out = np.zeros((len(rles), *size), dtype=bool)
    for at, rle in enumerate(rles):
        try:
            _paint_into(canonical_counts(rle, size), out[at])
        except MaskError as error:
            raise MaskError(f"Element {at}: {error}") from error
    return out


def paint(rle: bytes, size_hw: Size, toggles: Ints | None = None) -> Pixels:
    """Return the pixels of a mask: ndarray of bool, shape (H, W), C order; its toggles, where they are known, help."""
    if toggles is not None and not fast():
        return painting.paint_toggles(toggles, size_hw)
    out = np.zeros(size_hw, dtype=bool)
    _paint_into(rle, out)
    return out


def _paint_into(rle: bytes, out: Pixels) -> None:
    kernels = fast()
    if not (kernels and kernels.decode(rle, out)):
        size_hw = (out.shape[0], out.shape[1])
        out[:] = painting.paint_toggles(toggles_of(rle, size_hw), size_hw)


def paint_pool(pool: Pool, positions: Offsets, out: Pixels, places: Offsets) -> None:
    """Set the pixels of the masks at these positions of a pool at these places of a stack of zeros, (n, H, W)."""
    kernels = fast()
    left = np.ones(len(positions), dtype=bool)
    if kernels and out[:1].size >= _SMALL:
        pairs = zip(pool.rles(positions), places.tolist(), strict=True)
        left = np.array([not kernels.decode(rle, out[place]) for rle, place in pairs], dtype=bool)
    if left.any():
        painting.paint_stack(*pool.toggles(positions[left], keep=False), out, places[left])


def component_counts(rle: bytes, size_hw: Size, *, connectivity: int) -> list[bytes]:
    """Return the counts of each connected component, in the column-major order of their first pixels.

    Raises
    ------
    MaskError
        If ``connectivity`` is neither 4 nor 8.
    """
    if connectivity not in (4, 8):
        raise MaskError(f"pixels are connected 4 or 8 ways, not {connectivity}")
    kernels = fast()
    found: list[bytes] | None = kernels.components(rle, size_hw, connectivity) if kernels else None
    if found is not None:
        return found
    parts = component_toggles(toggles_of(rle, size_hw), size_hw, connectivity=connectivity)
    return [rle] if len(parts) == 1 else [counts_of(part, size_hw) for part in parts]


def one_by_one(
    kernel: str, pool: Pool, positions: Offsets, sizes_hw: npt.NDArray[Any], *further: Any
) -> list[Any] | None:
    """Return what a kernel of rlemasklib makes of each mask at these positions of a pool.

    None where NumPy is to work on all of them at once: there is no such kernel, or a mask does not suit it.
    """
    kernels, made = fast(), []
    if kernels is None:
        return None
    work = getattr(kernels, kernel)
    for rle, (height, width) in zip(pool.rles(positions), sizes_hw.tolist(), strict=True):
        found = work(rle, (height, width), *further)
        if found is None:
            return None
        made.append(found)
    return made


def reshaped_counts(
    rle: bytes, size_hw: Size, toggles: Callable[[], Ints], radius: int, *, shape: str, shrink: bool
) -> bytes:
    """Return the counts of a mask dilated or eroded; see `dilate` and `erode` of `shapes`."""
    kernels = fast()
    if kernels:
        found: bytes | None = (kernels.shrunk if shrink else kernels.grown)(rle, size_hw, radius, shape)
        if found is not None:
            return found
    runs = toggles()
    made = (erode if shrink else dilate)(
        runs, np.array([0, runs.size]), np.array([size_hw]), radius, shape=shape
    )[0]
    return counts_of(made.astype(counts.position_dtype(size_hw[0] * size_hw[1]), copy=False), size_hw)


def union_of_pool(pool: Pool, positions: Offsets, size_hw: Size) -> bytes:
    """Return the counts of what any mask at these positions of a pool covers; they have one size."""
    kernels = fast()
    found: bytes | None = kernels.union(pool.rles(positions), size_hw) if kernels else None
    if found is not None:
        return found
    toggles, offsets = pool.toggles(positions)
    return counts_of(union_runs(np.split(toggles, offsets[1:-1])), size_hw)


def polygon_counts(polygons: Iterable[Any], size_hw: Size, *, rule: Rule) -> bytes:
    """Return the counts of the polygons of one mask; see `rasterise`."""
    listed, kernels = list(polygons), fast()
    if kernels and rule == "coco" and len(listed) == 1:
        found: bytes | None = kernels.polygon(listed[0], size_hw)
        if found is not None:
            return found
    ((_, toggles, _),) = rasterise(Rings.from_lists([listed]), [size_hw], rule=rule)
    return counts_of(toggles.astype(counts.position_dtype(size_hw[0] * size_hw[1]), copy=False), size_hw)
