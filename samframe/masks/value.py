"""What a mask is: an immutable value of a size and canonical run-length counts, with what is measured on it."""

from __future__ import annotations

import json
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks import kernels
from samframe.masks import runs as _runs
from samframe.masks.rle import counts as _counts
from samframe.masks.shapes import components as _components
from samframe.masks.shapes import morphology as _morphology

__all__ = ["MaskValue"]

Ints = npt.NDArray[np.integer[Any]]


class MaskValue:
    """An immutable, hashable mask: equal where size and pixels are equal. See `Mask` for what is done with it."""

    __slots__ = ("_counts", "_size_hw", "_toggles")

    _counts: bytes
    _size_hw: tuple[int, int]
    _toggles: Ints | None

    def __init__(self, counts: bytes | str, size_hw: tuple[int, int]) -> None:
        size = _counts.check_size(size_hw)
        raw = counts.encode("utf-8", "surrogatepass") if isinstance(counts, str) else bytes(counts)
        self._fill(kernels.canonical_counts(raw, size), size, None)

    def _fill(self, counts: bytes, size_hw: tuple[int, int], toggles: Ints | None) -> None:
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_size_hw", size_hw)
        object.__setattr__(self, "_toggles", toggles)

    @classmethod
    def _trusted(cls, counts: bytes, size_hw: tuple[int, int], toggles: Ints | None = None) -> Self:
        """Make a mask of canonical counts without checking them."""
        mask = cls.__new__(cls)
        mask._fill(counts, size_hw, toggles)  # noqa: SLF001 - its own, made just now
        return mask

    @classmethod
    def _from_toggles(cls, toggles: Ints, size_hw: tuple[int, int]) -> Self:
        toggles = toggles.astype(_counts.position_dtype(size_hw[0] * size_hw[1]), copy=False)
        return cls._trusted(kernels.counts_of(toggles, size_hw), size_hw, toggles)

    def packed(self) -> Self:
        """Return the same mask without what was worked out of it for speed: what to keep of very many."""
        return self._trusted(self._counts, self._size_hw)

    def _made(self, toggles: Ints) -> Self:
        return self._from_toggles(toggles, self._size_hw)

    def _others(self, other: MaskValue) -> Ints:
        if self._size_hw != other._size_hw:
            raise MaskError(
                f"masks of {self._size_hw} and {other._size_hw} pixels do not overlay: resize one"
            )
        return other.toggles

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Mask is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Mask is immutable: {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._counts, self._size_hw))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MaskValue):
            return NotImplemented
        return self._size_hw == other._size_hw and self._counts == other._counts

    def __hash__(self) -> int:
        return hash((self._size_hw, self._counts))

    def __repr__(self) -> str:
        height, width = self._size_hw
        return f"Mask({height}x{width}, area={self.area})"

    def __str__(self) -> str:
        """Return the mask as COCO's JSON, so that a CSV file keeps it whole."""
        height, width = self._size_hw
        return json.dumps({"size": [height, width], "counts": self._counts.decode("ascii")})

    def __json__(self) -> dict[str, Any]:
        """Return what JSON has of it, for encoders that ask: COCO's ``{"size": [h, w], "counts": str}``.

        Python's own ``json`` does not ask: ``json.dumps(mask.to_coco())``, or ``json.dumps(data, default=str)``.
        """
        return {"size": list(self._size_hw), "counts": self._counts.decode("ascii")}

    for_json = __json__

    def __conform__(self, protocol: Any) -> str | None:
        """Return COCO's JSON text to SQLite, so that ``DataFrame.to_sql`` stores what ``to_csv`` does."""
        return str(self) if getattr(protocol, "__name__", "") == "PrepareProtocol" else None

    @property
    def counts(self) -> bytes:
        """COCO's compressed counts, in the one spelling that `encode` gives."""
        return self._counts

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._size_hw

    @property
    def toggles(self) -> Ints:
        """``start, end, start, end ...`` as column-major positions, ends excluded (read-only)."""
        toggles = self._toggles
        if toggles is None:
            toggles = kernels.toggles_of(self._counts, self._size_hw)
            object.__setattr__(self, "_toggles", toggles)
        toggles.flags.writeable = False
        return toggles

    @property
    def area(self) -> int:
        """Number of foreground pixels."""
        toggles = self.toggles
        return int((toggles[1::2] - toggles[::2]).sum(dtype=np.int64))

    @property
    def bbox_xywh(self) -> tuple[int, int, int, int]:
        """Tight box ``(x, y, width, height)`` in pixels; all zeros for an empty mask."""
        toggles = self.toggles
        x, y, width, height = _runs.bboxes(toggles, np.array([0, toggles.size]), self._size_hw)[0].tolist()
        return (x, y, width, height)

    @property
    def centroid(self) -> tuple[float, float]:
        """Mean ``(x, y)`` of the pixels, the first pixel's centre being (0, 0); NaN for an empty mask."""
        toggles = self.toggles
        x, y = _runs.centroids(toggles, np.array([0, toggles.size]), self._size_hw)[0].tolist()
        return (x, y)

    @property
    def perimeter(self) -> int:
        """Number of pixel edges between foreground and background, the image's own edge included."""
        return _morphology.perimeter(self.toggles, self._size_hw)

    @property
    def holes(self) -> int:
        """Number of holes: 4-connected background that cannot reach the image's edge."""
        return _components.count_holes(self.toggles, self._size_hw, connectivity=8)
