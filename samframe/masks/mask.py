"""`Mask`: one binary mask made from and turned into other forms, combined, compared and reshaped."""

from __future__ import annotations

import base64
import html
import math
import operator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from samframe.errors import MaskError
from samframe.masks import kernels
from samframe.masks import runs as _runs
from samframe.masks.png import container as _png
from samframe.masks.png import reader as _png_mask
from samframe.masks.png.levels import pixels_of_png
from samframe.masks.rle import codec as _codec
from samframe.masks.rle import counts as _counts
from samframe.masks.shapes import (
    components as _components,
)
from samframe.masks.shapes import (
    pieces as _pieces,
)
from samframe.masks.shapes import (
    polygons as _polygons,
)
from samframe.masks.value import MaskValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matplotlib.axes import Axes

    from samframe.masks.png.levels import Channel
    from samframe.masks.shapes import Rule

__all__ = ["Mask"]

Ints = npt.NDArray[np.integer[Any]]

_PREVIEW = 256  # pixels a side of a notebook's picture


class Mask(MaskValue):
    """One binary mask: a size and COCO's compressed run-length counts.

    Immutable and hashable; equal where size and pixels are equal. It is a scalar to pandas: it does not iterate, has
    no length and no ``__array__``; ask for `to_numpy`.

    Parameters
    ----------
    counts : bytes or str
        COCO's compressed counts (column-major runs, background first).
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If the counts are malformed or do not sum to ``height * width``.
    """

    __slots__ = ()

    @classmethod
    def from_numpy(cls, array: npt.ArrayLike, *, threshold: float | None = None) -> Self:
        """Return the mask of an array of shape (H, W).

        Parameters
        ----------
        array : array_like, shape (H, W)
            Of booleans or whole numbers: what is not zero is foreground. Of floats: 0.0 and 1.0 alone, unless there
            is a threshold, as a model's probabilities and scores are zero nowhere.
        threshold : float, optional
            Foreground is this or more; NaN is background.

        Raises
        ------
        MaskError
            If the array has other than two axes, or floats between and no threshold.
        """
        pixels = _codec.binary_pixels(np.asarray(array), threshold)
        counts = kernels.encode(pixels)
        height, width = pixels.shape
        return cls._trusted(counts, (height, width))

    def to_numpy(self) -> npt.NDArray[np.bool_]:
        """Return the pixels: ndarray of bool, shape (H, W), C order."""
        return kernels.paint(self._counts, self._size_hw, self._toggles)

    @classmethod
    def from_coco(cls, rle: Mapping[str, Any]) -> Self:
        """Return the mask of a COCO dict: ``size`` [h, w] and ``counts`` as bytes, str or a list of runs."""
        try:
            counts, size = rle["counts"], _counts.check_size(rle["size"])
        except (KeyError, TypeError):
            raise MaskError("a COCO mask is a mapping with 'size' [height, width] and 'counts'") from None
        if isinstance(counts, (bytes, str)):
            return cls(counts, size)
        runs = np.asarray(counts)
        if runs.ndim != 1 or (runs.size and runs.dtype.kind not in "iu") or (runs < 0).any():
            raise MaskError("uncompressed counts are a list of whole numbers, none negative")
        return cls(_counts.counts_from_runs(runs), size)

    def to_coco(self) -> dict[str, Any]:
        """Return ``{"size": [h, w], "counts": str}``, as COCO's JSON files have it."""
        return {"size": list(self._size_hw), "counts": self._counts.decode("ascii")}

    @classmethod
    def from_png(
        cls,
        data: bytes,
        *,
        value: int | Iterable[int] | None = None,
        threshold: int | None = None,
        channel: Channel | None = None,
    ) -> Self:
        """Return the mask of a PNG file.

        Without a rule the picture must be a mask: black and white, or 0 and 1, soft edges allowed (128 or more is
        foreground, transparent pixels count as black). A map of numbers, a coloured picture, or one whose mask is in
        its transparency is refused with what to pass.

        Parameters
        ----------
        data : bytes
            The whole file.
        value : int or iterable of int, optional
            Foreground has one of these numbers: the pixel as it is stored, 16 bits too; in a palette its index.
        threshold : int, optional
            Foreground is this bright or brighter, 1 to 255; of 16 bits the high byte counts.
        channel : {"luma", "red", "green", "blue", "alpha"}, optional
            What `value` and `threshold` (128 where neither is given) look at.

        Raises
        ------
        MaskError
            If the bytes are no PNG, damaged, claim more than 2**29 pixels, or are no mask and no rule is given.
        """
        if value is None and threshold is None and channel is None:
            return cls._trusted(*_png_mask.counts_from_sure_png(bytes(data)))
        pixels = pixels_of_png(bytes(data), value=value, threshold=threshold, channel=channel)
        return cls._trusted(kernels.encode(pixels), (pixels.shape[0], pixels.shape[1]))

    @classmethod
    def from_plain_png(cls, data: bytes) -> Self | None:
        """Return the mask of a PNG file that holds black and white and nothing else, None for any other PNG.

        Raises
        ------
        MaskError
            If the bytes are no PNG, damaged, or claim more than 2**29 pixels.
        """
        found = _png_mask.toggles_from_plain_png(bytes(data))
        return cls._from_toggles(*found) if found is not None else None

    def to_png(self, *, bit_depth: int = 8) -> bytes:
        """Return a gray PNG file: 0 and 255 with 8 bits a pixel, or black and white with 1.

        Raises
        ------
        MaskError
            If a side is 0, which PNG does not know, or ``bit_depth`` is neither 1 nor 8.
        """
        if 0 in self._size_hw:
            raise MaskError(f"PNG knows no image of {self._size_hw[0]} x {self._size_hw[1]} pixels")
        if bit_depth not in (1, 8):
            raise MaskError(f"a mask is stored in 1 or 8 bits a pixel, not {bit_depth}")
        pixels = self.to_numpy()
        rows = np.packbits(pixels, axis=1) if bit_depth == 1 else np.negative(pixels.view(np.uint8))
        return _png.write_gray_png(rows, self._size_hw, bit_depth=bit_depth)

    def __and__(self, other: Mask) -> Self:
        """Return what both cover."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self._made(_runs.intersection_runs([self.toggles, self._others(other)]))

    def __or__(self, other: Mask) -> Self:
        """Return what either covers."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self._made(_runs.union_runs([self.toggles, self._others(other)]))

    def __xor__(self, other: Mask) -> Self:
        """Return what exactly one covers."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self._made(_runs.xor_runs([self.toggles, self._others(other)]))

    def __sub__(self, other: Mask) -> Self:
        """Return what this covers and the other does not."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self ^ (self & other)

    def __invert__(self) -> Self:
        """Return the background as a mask."""
        everything = np.array([0, self._size_hw[0] * self._size_hw[1]], dtype=self.toggles.dtype)
        return self._made(_runs.xor_runs([self.toggles, everything]))

    def _shared(self, other: Mask) -> int:
        a, b = self.toggles, self._others(other)
        return int(_runs.paired_intersection(a, np.array([0, a.size]), b, np.array([0, b.size]))[0])

    def iou(self, other: Mask) -> float:
        """Return intersection over union; 0.0 where both are empty, as pycocotools has it."""
        shared = self._shared(other)
        union = self.area + other.area - shared
        return shared / union if union else 0.0

    def dice(self, other: Mask) -> float:
        """Return twice the intersection over the sum of the areas; 0.0 where both are empty."""
        total = self.area + other.area
        return 2 * self._shared(other) / total if total else 0.0

    def boundary_iou(self, other: Mask, *, dilation_ratio: float = 0.02) -> float:
        """Return the IoU of the two inner boundaries (Cheng et al., Boundary IoU, CVPR 2021).

        Parameters
        ----------
        other : Mask
            Of the same size.
        dilation_ratio : float
            Width of the boundary as a share of the image's diagonal; at least one pixel.
        """
        self._others(other)
        radius = max(1, round(dilation_ratio * math.hypot(*self._size_hw)))
        edges = [m ^ m.erode(radius, shape="square") for m in (self, other)]
        return edges[0].iou(edges[1])

    def resize(self, size_hw: tuple[int, int]) -> Self:
        """Return the mask scaled to (height, width) by nearest neighbour: the pixel under each new centre."""
        size = _counts.check_size(size_hw)
        toggles = self.toggles
        return self._from_toggles(
            _pieces.resize(toggles, np.array([0, toggles.size]), self._size_hw, size)[0], size
        )

    def crop(self, bbox_xywh: tuple[int, int, int, int]) -> Self:
        """Return the window ``(x, y, width, height)`` in pixels; what lies outside the mask is background."""
        x, y, width, height = (operator.index(value) for value in bbox_xywh)
        size = _counts.check_size((height, width))
        return self._from_toggles(_pieces.crop(self.toggles, self._size_hw, (x, y), size), size)

    def translate(self, dx: int, dy: int) -> Self:
        """Return the mask moved by whole pixels, in an image of the same size; what leaves it is lost."""
        start = (-operator.index(dx), -operator.index(dy))
        return self._made(_pieces.crop(self.toggles, self._size_hw, start, self._size_hw))

    def dilate(self, radius: int = 1, *, shape: str = "disk") -> Self:
        """Return the mask grown by ``radius`` pixels, by a "disk" or a "square"."""
        return self._reshaped(radius, shape, shrink=False)

    def erode(self, radius: int = 1, *, shape: str = "disk") -> Self:
        """Return the mask shrunk by ``radius`` pixels; what lies outside the image counts as background."""
        return self._reshaped(radius, shape, shrink=True)

    def _reshaped(self, radius: int, shape: str, *, shrink: bool) -> Self:
        counts = kernels.reshaped_counts(
            self._counts, self._size_hw, lambda: self.toggles, radius, shape=shape, shrink=shrink
        )
        return self._trusted(counts, self._size_hw)

    def components(self, *, connectivity: int = 8) -> list[Self]:
        """Return the connected components as masks of this size, in the column-major order of their first pixels."""
        parts = kernels.component_counts(self._counts, self._size_hw, connectivity=connectivity)
        return [self._trusted(part, self._size_hw) for part in parts]

    def fill_holes(self, *, connectivity: int = 8) -> Self:
        """Return the mask with its holes filled; the foreground connects ``connectivity`` ways."""
        holes = _components.hole_toggles(self.toggles, self._size_hw, connectivity=connectivity)
        return self._made(_runs.xor_runs([self.toggles, holes]))

    def remove_small(self, min_area: int, *, connectivity: int = 8) -> Self:
        """Return the mask without its components of fewer than ``min_area`` pixels."""
        return self._made(
            _components.large_toggles(self.toggles, self._size_hw, min_area, connectivity=connectivity)
        )

    def polygons(self, *, connectivity: int = 8) -> list[list[npt.NDArray[np.int64]]]:
        """Return outlines along pixel edges, exact: ``Mask.from_polygons(m.polygons(), m.size_hw) == m``.

        Returns
        -------
        list of list of ndarray
            One polygon a component: outer ring, then holes. A ring is int64 of shape (n, 2), ``x, y`` of its
            corners; pixel (x, y) covers the square from (x, y) to (x + 1, y + 1).
        """
        return _polygons.trace_polygons(self.toggles, self._size_hw, connectivity=connectivity)

    @classmethod
    def from_polygons(
        cls, polygons: Iterable[Any], size_hw: tuple[int, int], *, rule: Rule = "edges"
    ) -> Self:
        """Return the union of polygons.

        Parameters
        ----------
        polygons : iterable
            Each a ring, or a list of rings under the even-odd rule (holes). A ring is an (n, 2) array of ``x, y``
            or COCO's flat list ``x, y, x, y ...``, in pixels from the image's top left corner.
        size_hw : (int, int)
            Height and width in pixels.
        rule : {"edges", "coco"}
            "edges": a pixel belongs to the mask where its centre lies inside; what `polygons` gives comes back exactly.
            "coco": to the pixel the mask that pycocotools makes of the polygons of a COCO file.

        Raises
        ------
        MaskError
            If a ring is of another form, has fewer than three corners, or a corner is not finite or further away than
            2**40 pixels, or the rule is another.
        """
        size = _counts.check_size(size_hw)
        return cls._trusted(kernels.polygon_counts(polygons, size, rule=rule), size)

    @classmethod
    def from_bbox(cls, bbox_xywh: tuple[float, float, float, float], size_hw: tuple[int, int]) -> Self:
        """Return the pixels whose centres lie in a box ``(x, y, width, height)``.

        Raises
        ------
        MaskError
            If the box has a negative side.
        """
        x, y, width, height = bbox_xywh
        if width < 0 or height < 0:
            raise MaskError(f"a box has no negative sides: {bbox_xywh}")
        if not (width and height):
            return cls.from_polygons([], size_hw)
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=float)
        return cls.from_polygons([corners], size_hw)

    def plot(
        self, ax: Axes | None = None, *, color: Any = None, alpha: float = 0.5, outline: bool = True
    ) -> Axes:
        """Draw the mask on matplotlib Axes: filled, see-through, exact to the pixel at any zoom.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw, in pixels of the image as ``imshow`` has them: over ``ax.imshow(image)`` it fits, where the
            image is opened as it is stored, which Pillow and matplotlib do. None makes a figure of its own, which is
            not shown, unless by a notebook that draws inline.
        color : matplotlib colour, optional
            None: a blue that every reader tells apart.
        alpha : float
            How dense the fill is, 0 to 1.
        outline : bool
            Whether a line runs along the edge.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from samframe.masks.shapes.draw import draw_mask  # noqa: PLC0415 - for figures only

        return draw_mask(self.polygons(), self._size_hw, ax=ax, color=color, alpha=alpha, outline=outline)

    def _repr_png_(self) -> bytes | None:
        """Return a picture for notebooks, at most 256 pixels a side."""
        height, width = self._size_hw
        if not height * width:
            return None
        scale = min(1.0, _PREVIEW / max(height, width))
        small = self.resize((max(1, round(height * scale)), max(1, round(width * scale))))
        return small.to_png(bit_depth=1)

    def _repr_html_(self) -> str:
        """Return a picture with a caption for notebooks, complete in itself."""
        caption, png = html.escape(repr(self)), self._repr_png_()
        if png is None:
            return f"<code>{caption}</code>"
        source = base64.b64encode(png).decode("ascii")
        return (
            f'<figure style="margin:0"><img alt="{caption}" src="data:image/png;base64,{source}">'
            f"<figcaption><code>{caption}</code></figcaption></figure>"
        )
