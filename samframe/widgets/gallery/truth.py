"""A gallery of predictions and truth: the true mask is painted on the image, the prediction lies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError
from samframe.images import Image, find_source, raster
from samframe.masks import Mask, MaskDtype
from samframe.widgets.gallery.rows import GalleryRows

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["TruthRows", "has_truth"]

#: Okabe and Ito's orange: told apart by everyone from the blue of predictions.
_COLOUR = np.array([230, 159, 0], dtype=np.float64)
_DENSE = 0.35
_LINE = 200  # the outline is one pixel in so many of the longer side


def has_truth(frame: pd.DataFrame, truth_col: Hashable | None) -> bool:
    """Say whether a frame has a column of true masks beside its predictions."""
    there = truth_col is not None and list(frame.columns).count(truth_col) == 1
    return there and isinstance(frame[truth_col].dtype, MaskDtype)


class TruthRows(GalleryRows):
    """Rows whose image cells show the truth.

    Parameters
    ----------
    frame : pandas.DataFrame
    truth_col : column name
        True masks.
    image_root : path, optional
        Folder that paths lie in.
    **options
        As for :class:`GalleryRows`.
    """

    def __init__(
        self, frame: pd.DataFrame, *, truth_col: Hashable, image_root: Any = None, **options: Any
    ) -> None:
        super().__init__(frame, **options)
        self._truth = frame[truth_col].array
        self._image_root = image_root

    def cells(self, row: int) -> tuple[Any, Any]:
        """Return the image with the true mask on it, and the predicted mask, of a row."""
        image, mask = super().cells(row)
        truth = self._truth[row]
        return (painted(image, truth, self._image_root) if isinstance(truth, Mask) else image), mask


def painted(cell: Any, truth: Mask, image_root: Any = None) -> Any:
    """Return an image's pixels, RGB, with a true mask on them; the cell as it is where it cannot be read."""
    try:
        source = find_source(cell, image_root=image_root)
        if isinstance(source, Image):  # behind a URL
            return cell
        pixels, stored_hw = raster(source, max_side=None)
    except ImageError:
        return cell
    if stored_hw != truth.size_hw:
        return cell
    shown = pixels.astype(np.float64)
    inside = truth.to_numpy()
    edge = _edge(truth, max(1, round(max(truth.size_hw) / _LINE)))
    shown[inside] += (_COLOUR - shown[inside]) * _DENSE
    shown[edge] = _COLOUR
    return shown.round().astype(np.uint8)


def _edge(mask: Mask, width: int) -> NDArray[np.bool_]:
    return (mask - mask.erode(width, shape="square")).to_numpy()
