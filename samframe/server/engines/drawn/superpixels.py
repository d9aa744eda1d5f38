"""Superpixels: some 900 cells that follow edges, their features, and who borders on whom.

A grid form of SLIC (Achanta et al., 2012): each pixel chooses among the nine cells around its place in a grid, so all
pixels move at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn.pixels import box_mean, rgb_to_lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CellMap", "build_cells"]

_CELLS = 900
_ROUNDS = 4
#: A pixel of distance from a cell's centre, over the grid's step, counts like this much of Lab.
_TIGHTNESS = 9.0
#: Shadow and pattern live in lightness: it counts for less than hue.
_LIGHTNESS = 0.65
_TEXTURE = 0.8
_TEXTURE_RADIUS = 4
_MIN_CELL_PX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMap:
    """The cells of one image.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        Cell of each pixel, from 0 without gaps.
    features : ndarray of float32, shape (n, 4)
        Weighted L, a, b and local deviation of L.
    lab : ndarray of float32, shape (n, 3)
        Mean CIE Lab.
    areas : ndarray of float64, shape (n,)
        Pixels a cell.
    border_px : ndarray of float64, shape (n,)
        Pixels on the image's border.
    edges : ndarray of intp, shape (m, 2)
        Pairs of neighbours, each once.
    lengths : ndarray of float64, shape (m,)
        Pixel sides that the two share.
    """

    labels: NDArray[np.int32]
    features: NDArray[np.float32]
    lab: NDArray[np.float32]
    areas: NDArray[np.float64]
    border_px: NDArray[np.float64]
    edges: NDArray[np.intp]
    lengths: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.areas)


def build_cells(rgb: NDArray[np.uint8]) -> CellMap:
    """Cut an image into cells.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        At most some 300 pixels a side, for speed.

    Returns
    -------
    CellMap
    """
    lab = rgb_to_lab(rgb)
    planes = _feature_planes(lab)
    _, inverse = np.unique(_grid_slic(planes), return_inverse=True)
    flat: NDArray[np.intp] = np.asarray(inverse.ravel(), np.intp)
    count = int(flat.max()) + 1
    areas = np.bincount(flat, minlength=count).astype(np.float64)
    labels: NDArray[np.int32] = np.asarray(flat.reshape(lab.shape[:2]), np.int32)
    border = np.zeros(labels.shape)
    border[[0, -1], :] = 1
    border[:, [0, -1]] = 1
    edges, lengths = _neighbours(labels)
    return CellMap(
        labels=labels,
        features=_cell_means(planes, flat, areas).astype(np.float32),
        lab=_cell_means(lab, flat, areas).astype(np.float32),
        areas=areas,
        border_px=np.bincount(flat, border.ravel(), minlength=count).astype(np.float64),
        edges=edges,
        lengths=lengths,
    )


def _feature_planes(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weighted L, a, b, smoothed without blurring edges, and the local deviation of L; (height, width, 4)."""
    smooth, _ = _calmest_window(lab, 1, 2, likeness=0.05)
    lightness = lab[..., :1]
    _, variance = _calmest_window(lightness, _TEXTURE_RADIUS, _TEXTURE_RADIUS)
    planes = np.empty((*lab.shape[:2], 4), np.float32)
    planes[..., 0] = _LIGHTNESS * smooth[..., 0]
    planes[..., 1:3] = smooth[..., 1:]
    planes[..., 3] = _TEXTURE * np.sqrt(variance)
    return planes


def _calmest_window(
    planes: NDArray[np.float32], radius: int, shift: int, *, likeness: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and variance of the calmest of nine windows around each pixel (Kuwahara's filter).

    A window that straddles an edge deviates for the edge's sake; one of its neighbours lies on one side of it.
    `likeness` says how much a window's mean must resemble the pixel, so that a pixel at an edge keeps its side.
    """
    mean = box_mean(planes, radius)
    variance = np.maximum(box_mean(planes**2, radius) - mean**2, 0).sum(axis=-1)
    height, width = variance.shape
    pads = ((shift, shift), (shift, shift))
    mean_around, variance_around = (
        np.pad(mean, (*pads, (0, 0)), mode="edge"),
        np.pad(variance, pads, mode="edge"),
    )
    best_mean, best_variance = mean, variance
    best = variance + likeness * ((planes - mean) ** 2).sum(axis=-1)
    for y in (0, shift, 2 * shift):
        for x in (0, shift, 2 * shift):
            window = np.s_[y : y + height, x : x + width]
            price = variance_around[window]
            if likeness:
                price = price + likeness * ((planes - mean_around[window]) ** 2).sum(axis=-1)
            better = price < best
            best = np.where(better, price, best)
            best_variance = np.where(better, variance_around[window], best_variance)
            best_mean = np.where(better[..., None], mean_around[window], best_mean)
    return best_mean, best_variance


def _cell_means(
    planes: NDArray[np.number], flat: NDArray[np.intp], areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    channels = planes.reshape(-1, planes.shape[-1]).T
    sums = [np.bincount(flat, channel, minlength=len(areas)) for channel in channels]
    return np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None]


def _grid_slic(planes: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the cell of each pixel; numbers may have gaps."""
    height, width = planes.shape[:2]
    step = max(math.sqrt(_MIN_CELL_PX), math.sqrt(height * width / _CELLS))
    rows, columns = max(1, round(height / step)), max(1, round(width / step))
    grid_y = (np.arange(height) * rows) // height
    grid_x = (np.arange(width) * columns) // width
    labels: NDArray[np.intp] = np.asarray(grid_y[:, None] * columns + grid_x, np.intp)
    place = _TIGHTNESS / step
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(place)
    points = np.concatenate([planes, x[..., None], y[..., None]], axis=2)
    for _ in range(_ROUNDS):
        flat = labels.ravel()
        areas = np.bincount(flat, minlength=rows * columns).astype(np.float64)
        centres = _cell_means(points, flat, areas).astype(np.float32)
        centres[areas == 0] = np.inf
        labels = _nearest_of_nine(points, centres.reshape(rows, columns, -1), grid_y, grid_x)
    return labels


def _nearest_of_nine(
    points: NDArray[np.float32],
    centres: NDArray[np.float32],
    grid_y: NDArray[np.intp],
    grid_x: NDArray[np.intp],
) -> NDArray[np.intp]:
    rows, columns, channels = centres.shape
    best = np.full(points.shape[:2], np.inf, np.float32)
    labels = np.zeros(points.shape[:2], np.intp)
    for dy in (0, -1, 1):
        for dx in (0, -1, 1):
            cy, cx = np.clip(grid_y + dy, 0, rows - 1), np.clip(grid_x + dx, 0, columns - 1)
            distance = np.zeros_like(best)
            for channel in range(channels):
                here = centres[:, :, channel][cy][:, cx]
                distance += (points[..., channel] - here) ** 2
            closer = distance < best
            best = np.where(closer, distance, best)
            labels = np.where(closer, cy[:, None] * columns + cx, labels)
    return labels


def _neighbours(labels: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the pairs of cells that touch and how many pixel sides they share."""
    count = int(labels.max()) + 1
    pairs = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    codes = []
    for first, second in pairs:
        differ = first != second
        low = np.minimum(first[differ], second[differ]).astype(np.int64)
        codes.append(low * count + np.maximum(first[differ], second[differ]))
    code, lengths = np.unique(np.concatenate(codes), return_counts=True)
    return np.stack([code // count, code % count], axis=1).astype(np.intp), lengths.astype(np.float64)
