"""Reads the fields of the second model, ``sam3-image``, and refuses those of the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SAM3_SLUG", "check_fields", "read_labelled", "read_range"]

SAM3_SLUG = "sam3-image"
_FOREIGN = {
    "sam-v2-image": ("text_prompt", "points_input", "point_labels_input", "return_preview", "return_masks"),
    SAM3_SLUG: ("prompt", "coordinates", "remove_coordinates", "overlay_mask", "base64"),
}
_RANGES = {
    "threshold": (0.1, 1.0),
    "pred_iou_thresh": (0.5, 1.0),
    "points_per_side": (0, 128),
    "max_masks": (0, 100),
}


def check_fields(model: str, body: Mapping[str, Any]) -> None:
    """Refuse fields that belong to the other model: leaving them out would answer another question.

    Raises
    ------
    ValueError
        With the text that the FAILED job carries.
    """
    foreign = [name for name in _FOREIGN.get(model, ()) if name in body]
    if foreign:
        raise ValueError(f"{model} has no field {foreign[0]}")


def read_range(body: Mapping[str, Any]) -> None:
    """Check the model's numbers.

    Raises
    ------
    ValueError
        If one is none, or out of its range.
    """
    for name, (least, most) in _RANGES.items():
        value = body.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"{name} must be a number from {least:g} to {most:g}")


def read_labelled(
    points: tuple[tuple[float, float], ...], text: Any
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    """Part points into those to include and those to exclude.

    Parameters
    ----------
    points : tuple of (x, y)
        As ``points_input`` has them.
    text : str or None
        ``point_labels_input``: JSON text ``[[1,0]]``, a label a point; ``[[1]]`` where it is left out.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    wrong = ValueError('point_labels_input must be JSON text such as "[[1,0]]", a 1 or a 0 for each point')
    try:
        labels = json.loads(text) if isinstance(text, str) else [[1] * len(points)] if text is None else None
    except (ValueError, RecursionError):
        raise wrong from None
    flat = labels[0] if isinstance(labels, list) and len(labels) == 1 else None
    if not isinstance(flat, list) or any(label not in (0, 1) for label in flat):
        raise wrong
    if len(flat) != len(points):
        raise ValueError(f"point_labels_input has {len(flat)} labels for {len(points)} points")
    pairs = list(zip(points, flat, strict=True))
    return tuple(p for p, label in pairs if label), tuple(p for p, label in pairs if not label)
