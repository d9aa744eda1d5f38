"""Geometry of masks: parts and holes, dilation, moving and scaling, polygons, outlines to draw."""

from samframe.masks.shapes.components import component_toggles, label_pieces
from samframe.masks.shapes.fill_poly import filled_toggles
from samframe.masks.shapes.morphology import dilate, erode
from samframe.masks.shapes.pieces import Pieces, resize
from samframe.masks.shapes.polygon_raster import Rings, Rule, rasterise

__all__ = [
    "Pieces",
    "Rings",
    "Rule",
    "component_toggles",
    "dilate",
    "erode",
    "filled_toggles",
    "label_pieces",
    "rasterise",
    "resize",
]
