"""The gallery: its canvas, controls, tiles, marks and queries."""

from samframe.widgets.gallery.marks import Marks
from samframe.widgets.gallery.rows import GalleryRows

__all__ = ["GalleryRows", "Marks"]
