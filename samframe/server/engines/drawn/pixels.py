"""Pixel arithmetic of the offline engine: Lab colours, box means, connected components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["box_mean", "box_sum", "connected_components", "fill_small_holes", "keep_components", "rgb_to_lab"]

# sRGB to XYZ under D65, rows divided by the white point (IEC 61966-2-1, CIE 15).
_TO_XYZ = np.array(
    [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1098, 0.8730]],
    np.float32,
)
_LINEAR = np.where(
    np.arange(256) <= 0.04045 * 255,
    np.arange(256) / 255 / 12.92,
    ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
).astype(np.float32)


def rgb_to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return CIE Lab under D65.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (..., 3)
        sRGB.

    Returns
    -------
    ndarray of float32, shape (..., 3)
        L from 0 to 100; a and b from about -110 to 110.
    """
    xyz = _LINEAR[rgb] @ _TO_XYZ.T
    cubic = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29)
    x, y, z = cubic[..., 0], cubic[..., 1], cubic[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def box_sum(plane: NDArray[np.floating], radius: int) -> NDArray[np.float32]:
    """Return the sum over a square window at each pixel; outside the image counts nothing.

    Parameters
    ----------
    plane : ndarray of float, shape (height, width) or (height, width, n)
    radius : int
        The window is ``2 * radius + 1`` pixels wide.
    """
    out = np.asarray(plane, np.float32)
    for axis in (0, 1):
        total = np.cumsum(out, axis=axis, dtype=np.float64)
        pads = [(radius + 1, radius) if a == axis else (0, 0) for a in range(out.ndim)]
        total = np.pad(total, pads, mode="edge")
        before = [slice(0, radius + 1) if a == axis else slice(None) for a in range(out.ndim)]
        total[tuple(before)] = 0
        upper = [slice(2 * radius + 1, None) if a == axis else slice(None) for a in range(out.ndim)]
        lower = [slice(0, -2 * radius - 1) if a == axis else slice(None) for a in range(out.ndim)]
        out = (total[tuple(upper)] - total[tuple(lower)]).astype(np.float32)
    return out


def box_mean(plane: NDArray[np.floating], radius: int) -> NDArray[np.float32]:
    """Return the mean over the part of a square window that lies inside the image; see `box_sum`."""
    if radius == 0:
        return plane.astype(np.float32)
    height, width = plane.shape[:2]
    counts = _window_counts(height, radius)[:, None] * _window_counts(width, radius)
    return box_sum(plane, radius) / (counts if plane.ndim == 2 else counts[..., None])  # noqa: PLR2004 - a plane


def _window_counts(length: int, radius: int) -> NDArray[np.float32]:
    at = np.arange(length)
    return (np.minimum(at + radius + 1, length) - np.maximum(at - radius, 0)).astype(np.float32)


def connected_components(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Label the 4-connected parts of a mask, over its horizontal runs.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)

    Returns
    -------
    ndarray of int32, shape (height, width)
        0 outside, 1, 2, ... in the order of each part's first pixel.
    """
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded.ravel())
    starts, ends = np.nonzero(change == 1)[0], np.nonzero(change == -1)[0]
    if not starts.size:
        return np.zeros(mask.shape, np.int32)
    # Positions in the padded raster: a run touches the next row where the runs overlap once shifted by a row.
    row = width + 2
    first = np.searchsorted(ends, starts + row, side="right")
    last = np.searchsorted(starts, ends + row, side="left")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(starts.size), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(first, counts) + offsets
    root = _roots(starts.size, upper, lower)
    _, number = np.unique(root, return_inverse=True)
    labels = np.zeros(padded.size, np.int32)
    np.add.at(labels, starts + 1, (number + 1).astype(np.int32))
    np.add.at(labels, ends + 1, -(number + 1).astype(np.int32))
    return np.cumsum(labels).reshape(padded.shape)[:, 1:-1].astype(np.int32)


def _roots(count: int, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return each node's smallest connected node, for the undirected links left-right."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[left], root[right])
        new = root.copy()
        np.minimum.at(new, root[left], low)
        np.minimum.at(new, root[right], low)
        new = new[new]
        if np.array_equal(new, root):
            return root
        root = new


def keep_components(mask: NDArray[np.bool_], points: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return the parts of a mask that hold one of the points (n, 2) as (x, y)."""
    labels = connected_components(mask)
    wanted = np.unique(labels[points[:, 1], points[:, 0]])
    return np.isin(labels, wanted[wanted > 0])


def fill_small_holes(
    mask: NDArray[np.bool_], *, share: float, keep_open: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return the mask without its holes that are small beside it.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
    share : float
        A hole of less than this share of the mask's area is filled.
    keep_open : ndarray of intp, shape (n, 2)
        Holes with one of these pixels (x, y) stay.
    """
    labels = connected_components(~mask)
    areas = np.bincount(labels.ravel())
    fill = areas < share * mask.sum()
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    fill[rim] = False
    fill[labels[keep_open[:, 1], keep_open[:, 0]]] = False
    fill[0] = True
    return np.asarray(fill[labels], np.bool_)
