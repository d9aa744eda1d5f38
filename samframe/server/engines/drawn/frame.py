"""The working copy of an image: at most 512 pixels a side, its cells, and the way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samframe.server.engines.drawn.pixels import rgb_to_lab
from samframe.server.engines.drawn.superpixels import CellMap, build_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["WorkFrame", "open_frame"]

#: Longest side of the picture that edges are refined on, and of the one that is cut into cells.
_FINE_PX = 512
_COARSE_PX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFrame:
    """An image made ready for the engine.

    Parameters
    ----------
    full_hw : (int, int)
        Height and width of the image as given.
    lab : ndarray of float32, shape (height, width, 3)
        CIE Lab at the working size.
    cells : CellMap
        Cells of a still smaller copy.
    cell_of : ndarray of int32, shape (height, width)
        Cell of each pixel at the working size.
    """

    full_hw: tuple[int, int]
    lab: NDArray[np.float32]
    cells: CellMap
    cell_of: NDArray[np.int32]

    def to_work(self, points: Sequence[tuple[float, float]]) -> NDArray[np.intp]:
        """Return points (n, 2) of the image as given, (x, y), as pixels of the working copy."""
        height, width = self.cell_of.shape
        full_height, full_width = self.full_hw
        pixels = np.floor(np.asarray(points, np.float64).reshape(-1, 2))
        scaled = (pixels + 0.5) * (width / full_width, height / full_height)
        return np.asarray(np.clip(np.floor(scaled), 0, (width - 1, height - 1)), np.intp)

    def cells_at(self, work_points: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the cells under points (n, 2) of the working copy."""
        return self.cell_of[work_points[:, 1], work_points[:, 0]].astype(np.intp)

    def to_full(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of the working copy at the size of the image as given."""
        if mask.shape == self.full_hw:
            return mask
        height, width = self.full_hw
        soft = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(soft) > 127  # noqa: PLR2004 - half of 255


def open_frame(rgb: NDArray[np.uint8]) -> WorkFrame:
    """Make an image ready.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        Any size from one pixel.
    """
    full_hw = (rgb.shape[0], rgb.shape[1])
    fine = _shrink(rgb, _FINE_PX)
    cells = build_cells(_shrink(fine, _COARSE_PX))
    (height, width), (rows, columns) = fine.shape[:2], cells.labels.shape
    y, x = (np.arange(height) * rows) // height, (np.arange(width) * columns) // width
    return WorkFrame(full_hw=full_hw, lab=rgb_to_lab(fine), cells=cells, cell_of=cells.labels[y][:, x])


def _shrink(rgb: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))
