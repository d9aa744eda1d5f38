"""What may become an entry of a mask column: masks, COCO dicts, PNG bytes, arrays, JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import MaskError
from samframe.masks._mask import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["is_missing", "strict_mask", "to_mask", "to_masks"]


def is_missing(value: object) -> bool:
    """Say whether a value stands for a missing mask: None, NA or a float NaN, but not NaT or a decimal NaN."""
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def strict_mask(value: object) -> Mask:
    """Return a value that is a mask already.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if isinstance(value, Mask):
        return value
    raise TypeError(
        f"A mask column holds masks and NA, not {type(value).__name__}. "
        "Convert with Mask.from_numpy, Mask.from_coco, Mask.from_png, or Series.astype('mask')."
    )


def to_mask(value: Any) -> Mask:  # noqa: PLR0911  # one return a form
    """Convert one value to a mask.

    Parameters
    ----------
    value : Mask, dict, bytes or ndarray
        A COCO dict ``{"size": [h, w], "counts": ...}``, the struct ``{"h", "w", "counts"}``, PNG bytes, or an array of
        bool or uint8 of shape (H, W).

    Raises
    ------
    TypeError
        If the value's type is none of these.
    MaskError
        If its content is no mask.
    """
    match value:
        case Mask():
            return value
        case {"h": height, "w": width, "counts": counts}:
            return Mask.from_coco({"size": [_whole(height), _whole(width)], "counts": counts})
        case dict():
            return Mask.from_coco(value)
        case bytes() | bytearray() | memoryview():
            return Mask.from_png(bytes(value))
        case np.ndarray():
            return Mask.from_numpy(value)
        case str():
            return Mask.from_coco(_parse_json(value))
    return strict_mask(value)


def to_masks(values: Iterable[Any], convert: Callable[[Any], Mask] = to_mask) -> list[Mask | None]:
    """Convert each value, None where it is missing.

    Raises
    ------
    TypeError
        If a value's type is no mask's.
    MaskError
        If a value's content is no mask; the message names its position.
    """
    masks: list[Mask | None] = []
    for position, value in enumerate(values):
        try:
            masks.append(None if is_missing(value) else convert(value))
        except MaskError as error:
            raise MaskError(f"Element {position}: {error}") from error
    return masks


def _whole(side: Any) -> Any:
    """Undo what pandas does to the integers of a nullable struct: it reads them as floats."""
    return int(side) if isinstance(side, float) and side.is_integer() else side


def _parse_json(text: str) -> dict[str, Any]:
    """Read a COCO dict from JSON, the text that a mask's ``str`` gives and that CSV files keep."""
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise MaskError(f"The text is no COCO mask in JSON: {text[:60]!r}.") from error
    if not isinstance(parsed, dict):
        raise MaskError(f"The text is no COCO mask in JSON: {text[:60]!r}.")
    return parsed
