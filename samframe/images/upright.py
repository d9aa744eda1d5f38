"""A raster as it is looked at: upright, by its EXIF orientation, with the masks and points that lie on it as stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.images import geometry as _geometry
from samframe.masks import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Upright", "turn_to_stored"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upright:
    """A small picture's place: how its pixels came from the stored raster.

    Attributes
    ----------
    size_hw : (int, int)
        Height and width in pixels of the small picture, which stands upright.
    stored_hw : (int, int)
        Height and width in pixels of the raster as stored: the frame of reference of points and masks.
    orientation : int
        EXIF orientation of the stored raster, 1 to 8; 1 is upright as it is.
    """

    size_hw: tuple[int, int]
    stored_hw: tuple[int, int]
    orientation: int = 1

    @property
    def full_hw(self) -> tuple[int, int]:
        """Height and width in pixels of the whole image, upright."""
        return _geometry.upright(self.stored_hw, self.orientation)

    @property
    def scale(self) -> float:
        """Pixels of the small picture for each pixel of the stored raster, along the longer side; 1.0 at most."""
        return max(self.size_hw) / max(self.stored_hw)

    def is_on_it(self, size_hw: tuple[int, int]) -> bool:
        """Return whether a mask of this size lies on the upright raster already: only its sides tell.

        samframe's own masks lie on the stored raster. Those of an image behind a URL, and those that were made
        elsewhere, lie on whichever raster their maker saw.
        """
        return size_hw == self.full_hw != self.stored_hw

    def mask(self, mask: Mask) -> Mask:
        """Return an image's mask on the raster of the small picture, by nearest neighbour.

        Parameters
        ----------
        mask : Mask
            On the stored raster, or :meth:`on the upright one <is_on_it>`; of another size it is stretched.
        """
        if self.orientation == 1 or self.is_on_it(mask.size_hw):
            return mask.resize(self.size_hw)
        # Scaled first: few pixels are turned, whatever the image measures.
        small = mask.resize(_geometry.upright(self.size_hw, self.orientation))
        return Mask.from_numpy(_geometry.turn(small.to_numpy(), self.orientation))

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the stored raster in pixels of the whole image, upright; shape (n, 2), (x, y).

        Points outside of the image stay outside.
        """
        x, y = _geometry.points_to_upright(points, self.stored_hw, self.orientation)
        return np.column_stack([x, y])


def turn_to_stored(mask: Mask, stored_hw: tuple[int, int], orientation: int) -> Mask:
    """Return an upright image's mask on the raster as it is stored.

    Parameters
    ----------
    mask : Mask
        Of the size of the image upright.
    stored_hw : (int, int)
        Height and width in pixels of the stored raster.
    orientation : int
        EXIF orientation, 1 to 8.
    """
    if orientation == 1:
        return mask
    return Mask.from_numpy(
        _geometry.mask_to_stored(mask.to_numpy(), stored_hw=stored_hw, orientation=orientation)
    )
