"""What a column of masks is turned into: other forms, other sizes, other shapes, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from samframe.errors import OptionError
from samframe.export.files import safe_name
from samframe.masks import Mask, MaskArray
from samframe.masks.columns import measures as columns
from samframe.masks.columns import parts as _shape
from samframe.masks.rle import check_size

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from samframe.masks.columns import MaskPool

__all__ = ["SeriesForms"]


class SeriesForms:
    """The part of ``Series.sam`` that makes new columns of masks, or other things of them."""

    _series: pd.Series
    _array: MaskArray

    def to_numpy(self, size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Return the pixels of all masks.

        Parameters
        ----------
        size_hw : (int, int), optional
            Resize all masks to this height and width; otherwise they must be of one size.

        Returns
        -------
        ndarray of bool, shape (n, H, W), C order
            All False where a mask is missing.

        Raises
        ------
        MaskError
            If the masks are not all of one size, or all are missing, and no size is given.
        """
        return columns.stack(self._array, size_hw)

    def to_coco(self) -> pd.Series:
        """Return COCO dicts ``{"size": [h, w], "counts": str}``, None where missing: what COCO's JSON files hold."""
        return self._objects(lambda mask: mask.to_coco())

    def to_png(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        names: pd.Series | Iterable[str] | None = None,
        bit_depth: int = 8,
    ) -> pd.Series:
        """Return PNG bytes (gray, 0 and 255), None where missing; or write them as files and return the paths.

        Parameters
        ----------
        folder : path, optional
            Where the files go; it is made where there is none. None: nothing is written.
        names : Series or iterable of str, optional
            A file's name by the row, without its suffix; a path's last part is taken. None: the index. Names become
            such as every file system takes, and unique.
        bit_depth : {8, 1}
            Bits a pixel.

        Returns
        -------
        Series
            Of bytes, or of the paths in text; missing where the mask is.

        Raises
        ------
        OptionError
            If there are not as many names as masks.
        FileExistsError
            If a file is there already.

        Examples
        --------
        ``df["mask"].sam.to_png("masks", names=df["image"])``
        """
        if folder is None:
            return self._objects(lambda mask: mask.to_png(bit_depth=bit_depth))
        stems = self._stems(names)
        root = Path(folder).expanduser()
        root.mkdir(parents=True, exist_ok=True)
        paths: list[str | None] = []
        taken: set[str] = set()
        for stem, mask in zip(stems, self._array, strict=True):
            paths.append(None if mask is pd.NA else str(root / safe_name(stem, taken=taken, suffix=".png")))
            if mask is not pd.NA:
                with Path(str(paths[-1])).open("xb") as file:
                    file.write(mask.to_png(bit_depth=bit_depth))
        return self._wrapped(pd.array(paths, dtype="string"))

    def _stems(self, names: pd.Series | Iterable[str] | None) -> list[str]:
        """Return what each mask's file is called, before it is made safe."""
        if names is None:
            return [
                "-".join(map(str, label)) if isinstance(label, tuple) else str(label)
                for label in self._series.index
            ]
        texts = [str(name).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] for name in names]
        if len(texts) != len(self._series):
            raise OptionError(f"There are {len(self._series):,} masks and {len(texts):,} names.")
        return [text.rsplit(".", 1)[0] if "." in text[1:] else text for text in texts]

    def polygons(self, *, connectivity: int = 8) -> pd.Series:
        """Return each mask's polygons as :meth:`Mask.polygons` gives them, None where missing."""
        return self._objects(lambda mask: mask.polygons(connectivity=connectivity))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the column to any program that speaks Arrow's PyCapsule interface, as struct<h, w, counts>."""
        column = self._array.__arrow_array__()
        whole = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        return whole.__arrow_c_stream__(requested_schema)

    def resize(self, size_hw: tuple[int, int]) -> pd.Series:
        """Return the masks resized to a height and width in pixels, dtype ``mask``."""
        size = check_size(size_hw)
        return self._reshaped(lambda pool, at: _shape.resized_pool(pool, at, size))

    def crop(self, bbox_xywh: Any) -> pd.Series:
        """Return windows of the masks, dtype ``mask``; what lies outside of a mask is background.

        Parameters
        ----------
        bbox_xywh : (int, int, int, int) or DataFrame
            ``x, y, width, height`` in pixels, one for all; or a row each, such as ``series.sam.bbox_xywh``.
        """
        if isinstance(bbox_xywh, pd.DataFrame):
            boxes = (
                bbox_xywh.reindex(self._series.index) if len(bbox_xywh) != len(self._series) else bbox_xywh
            )
            return self._each_with(
                boxes.itertuples(index=False),
                lambda mask, box: mask.crop((int(box[0]), int(box[1]), int(box[2]), int(box[3]))),
            )
        return self._each(lambda mask: mask.crop(bbox_xywh))

    def translate(self, dx: int, dy: int) -> pd.Series:
        """Return the masks moved by whole pixels, dtype ``mask``; what leaves the image is lost."""
        return self._each(lambda mask: mask.translate(dx, dy))

    def dilate(self, radius: int = 1, *, shape: str = "disk") -> pd.Series:
        """Return the masks grown by ``radius`` pixels, by a "disk" or a "square", dtype ``mask``."""
        return self._reshaped(lambda pool, at: _shape.grown_pool(pool, at, radius, shape=shape))

    def erode(self, radius: int = 1, *, shape: str = "disk") -> pd.Series:
        """Return the masks shrunk by ``radius`` pixels, dtype ``mask``; outside of the image counts as background."""
        return self._reshaped(lambda pool, at: _shape.grown_pool(pool, at, radius, shape=shape, shrink=True))

    def fill_holes(self, *, connectivity: int = 8) -> pd.Series:
        """Return the masks with their holes filled, dtype ``mask``; the foreground connects ``connectivity`` ways."""
        return self._each(lambda mask: mask.fill_holes(connectivity=connectivity))

    def remove_small(self, min_area: int, *, connectivity: int = 8) -> pd.Series:
        """Return the masks without their components of fewer than ``min_area`` pixels, dtype ``mask``."""
        return self._each(lambda mask: mask.remove_small(min_area, connectivity=connectivity))

    def components(self) -> pd.Series:
        """Return one row for each part of each mask, dtype ``mask``; the index repeats, as ``Series.explode`` does it.

        A missing or empty mask gives one row, NA. ``df.drop(columns="mask").join(df["mask"].sam.components())`` is the
        frame with one row for each part.
        """
        present = np.flatnonzero(~self._array.isna())
        pool, found = _shape.component_pool(self._array.pool, self._array.positions[present])
        counts = np.zeros(len(self._array), dtype=np.int64)
        counts[present] = found
        rows = np.repeat(np.arange(len(counts)), np.maximum(counts, 1))
        parts = MaskArray.from_pool(pool, counts[rows] > 0)
        return pd.Series(parts, index=self._series.index[rows], name=self._series.name)

    def _wrapped(self, values: Any) -> pd.Series:
        return pd.Series(values, index=self._series.index, name=self._series.name)

    def _reshaped(self, reshape: Callable[[MaskPool, NDArray[np.int64]], MaskPool]) -> pd.Series:
        present = ~self._array.isna()
        pool = reshape(self._array.pool, self._array.positions[present])
        return self._wrapped(MaskArray.from_pool(pool, present))

    def _objects(self, convert: Callable[[Mask], Any]) -> pd.Series:
        objects = np.empty(len(self._array), dtype=object)
        for row, mask in enumerate(self._array):
            objects[row] = None if mask is pd.NA else convert(mask)
        return self._wrapped(objects)

    def _each(self, convert: Callable[[Mask], Mask]) -> pd.Series:
        """Return what is made of each mask; equal masks are converted once."""
        codes, distinct = self._array.factorize()
        made = MaskArray.from_masks([convert(mask) for mask in distinct])
        return self._wrapped(made.take(codes, allow_fill=True))

    def _each_with(self, others: Iterable[Any], convert: Callable[[Mask, Any], Mask]) -> pd.Series:
        pairs = zip(self._array, others, strict=True)
        return self._wrapped(
            MaskArray.from_masks([None if mask is pd.NA else convert(mask, other) for mask, other in pairs])
        )
