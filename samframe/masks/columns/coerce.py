"""What may become an entry of a mask column: masks, COCO dicts, PNG bytes, arrays, JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from samframe.errors import MaskError
from samframe.masks.mask import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["is_missing", "pixel_stack", "rle_columns", "strict_mask", "to_mask", "to_masks"]

_SMALL = 1 << 16  # pixels of masks that are stacked to be encoded together


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


def rle_columns(values: Iterable[Any]) -> tuple[list[bytes], list[list[int]], list[bool]] | None:
    """Return counts and sizes (height, width) of COCO dicts, and which values are there; None for anything else.

    None too where a dict wants a closer look: counts that are runs, sizes that are no two whole numbers, other keys.
    """
    counts: list[bytes] = []
    sizes: list[list[int]] = []
    present: list[bool] = []
    for value in values:
        present.append(not is_missing(value))
        if not present[-1]:
            continue
        match value:
            case {"size": [int(height), int(width)], "counts": bytes(found)}:
                counts.append(found)
            case {"size": [int(height), int(width)], "counts": str(text)}:
                counts.append(text.encode("utf-8", "surrogatepass"))
            case {"h": int(height), "w": int(width), "counts": bytes(found)}:
                counts.append(found)
            case _:
                return None
        if not (0 <= height < 2**31 and 0 <= width < 2**31):
            return None
        sizes.append([height, width])
    return counts, sizes, present


def pixel_stack(values: Any) -> npt.NDArray[Any] | None:
    """Return arrays of one size and type as a stack (n, H, W) where that costs little, None for anything else."""
    if isinstance(values, np.ndarray) and values.ndim == 3:  # noqa: PLR2004 - masks, height and width
        return values
    arrays = list(values) if isinstance(values, list | np.ndarray) else []
    first = arrays[0] if arrays else None
    if not isinstance(first, np.ndarray) or first.size > _SMALL:
        return None
    alike = all(
        isinstance(array, np.ndarray) and array.shape == first.shape and array.dtype == first.dtype
        for array in arrays
    )
    return np.stack(arrays) if alike and first.ndim == 2 else None  # noqa: PLR2004 - height and width


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
