"""One object of a drawn scene: what it is, its true mask, and points in and beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SceneObject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object of a scene.

    Parameters
    ----------
    shape, colour : str
        Words of the engine's vocabulary.
    mask : ndarray of bool, shape (size, size)
        Where the object's visible part covers at least half of a pixel.
    visible : float
        Visible area over whole area.
    point_xy : (int, int)
        The innermost pixel of the visible part.
    extra_xy : tuple of (int, int)
        Two more pixels well inside, far from the first and from each other.
    remove_xy : tuple of (int, int)
        Two pixels outside: one on the nearest other object, one on the background close by.
    """

    shape: str
    colour: str
    mask: NDArray[np.bool_]
    visible: float
    point_xy: tuple[int, int]
    extra_xy: tuple[tuple[int, int], ...]
    remove_xy: tuple[tuple[int, int], ...]

    def points(self, positives: int = 1, removes: int = 0) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return keyword arguments for an engine: up to three positives and two removes.

        Parameters
        ----------
        positives, removes : int
            How many of each.

        Returns
        -------
        dict
            ``points`` and ``remove_points``, each a tuple of (x, y).
        """
        return {
            "points": (self.point_xy, *self.extra_xy)[:positives],
            "remove_points": self.remove_xy[:removes],
        }
