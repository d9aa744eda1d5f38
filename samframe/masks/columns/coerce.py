"""What may become an entry of a mask column: masks, COCO dicts, PNG bytes, arrays, JSON text."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from samframe.errors import MaskError
from samframe.masks.mask import Mask
from samframe.masks.png.container import read_with_pillow
from samframe.masks.rle.codec import binary_pixels
from samframe.masks.rle.counts import check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["is_missing", "pixel_stack", "rle_columns", "strict_mask", "to_mask", "to_masks"]

#: What PNG holds as it is.
_PNG_MODES = frozenset({"L", "LA", "P", "RGB", "RGBA"})
#: Shades of a JPEG's black and white.
_DARK, _LIGHT, _MOST_BETWEEN = 32, 224, 0.1
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
    value : Mask, dict, bytes, str, ndarray or Pillow image
        A COCO dict ``{"size": [h, w], "counts": ...}``, compressed or not; polygons with their size, ``{"size": [h, w],
        "polygons": [[x, y, ...], ...]}``, or a COCO annotation with ``segmentation`` and ``size`` or ``height, width``;
        the struct ``{"h", "w", "counts"}``; a Hugging Face cell ``{"bytes", "path"}``; PNG bytes; JSON text of a dict;
        an array of shape (H, W); a Pillow image.

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
        case np.ndarray():
            return Mask.from_numpy(value)
        case {"h": height, "w": width, "counts": counts}:
            return Mask.from_coco({"size": [_whole(height), _whole(width)], "counts": counts})
        case dict():
            return _of_dict(value)
        case bytes() | bytearray() | memoryview():
            return Mask.from_png(bytes(value))
        case str():
            return to_mask(_parse_json(value))
        case list() | tuple() if _is_polygons(value):
            raise MaskError(
                "polygons do not say how large their image is: give {'size': [height, width], 'polygons': [...]}, "
                "MaskArray.from_polygons(polygons, sizes_hw), or read the whole file with samframe.read_coco"
            )
    return _of_picture(value) if _is_picture(value) else strict_mask(value)


def _of_dict(value: dict[str, Any]) -> Mask:
    """Return the mask of a dict: run lengths, polygons with their size, an annotation, or an image file."""
    given = value.get("segmentation", value.get("polygons"))
    if isinstance(given, dict):
        return Mask.from_coco(given)
    if given is not None:
        size = value.get("size", [value.get("height"), value.get("width")])
        size_hw = check_size(tuple(map(_whole, size)) if isinstance(size, list | tuple) else size)
        rings = [given] if isinstance(given, list | tuple) and given and np.ndim(given[0]) == 0 else given
        return Mask.from_polygons(rings, size_hw, rule="coco")
    if {"bytes", "path"} & set(value) and "counts" not in value:
        return _of_file(value.get("bytes"), value.get("path"))
    return Mask.from_coco(value)


def _of_file(data: Any, path: Any) -> Mask:
    """Return the mask of a Hugging Face cell: a file's bytes, which are PNG as masks are."""
    if isinstance(data, bytes):
        return Mask.from_png(data) if data.startswith(b"\x89PNG") else Mask.from_numpy(_shades(data))
    raise MaskError(
        f"the cell holds no file, only the path {str(path)[:80]!r}: read it first, "
        "Mask.from_png(Path(path).read_bytes())"
    )


def _shades(data: bytes) -> Any:
    """Return the foreground of a file that is no PNG, as JPEG leaves it."""
    shades = read_with_pillow(data)
    between = np.count_nonzero((shades > _DARK) & (shades < _LIGHT))
    if between > _MOST_BETWEEN * shades.size:
        raise MaskError("the picture is no mask: more than a tenth of it lies between black and white")
    return shades >= (_DARK + _LIGHT) // 2


def _is_picture(value: object) -> bool:
    """Say whether a value is a Pillow image, without importing Pillow."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)


def _of_picture(picture: Any) -> Mask:
    """Return the mask of a Pillow image; what may be something else is refused as in a file."""
    if picture.mode == "1":
        return Mask.from_numpy(np.asarray(picture))
    if picture.mode in ("F", "I") or picture.mode.startswith("I;"):
        return (
            Mask.from_numpy(np.asarray(picture)) if picture.mode == "F" else _of_numbers(np.asarray(picture))
        )
    file = io.BytesIO()
    (picture if picture.mode in _PNG_MODES else picture.convert("RGB")).save(file, "PNG", compress_level=1)
    return Mask.from_png(file.getvalue())


def _of_numbers(numbers: npt.NDArray[Any]) -> Mask:
    used = np.unique(numbers)
    if len(used) > 1 + (used.size > 0 and used[0] == 0):
        raise MaskError(
            f"the picture's pixels are {len(used):,} numbers: pick one, Mask.from_numpy(np.asarray(picture) == number)"
        )
    return Mask.from_numpy(numbers)


def _is_polygons(value: Any) -> bool:
    """Say whether a list is COCO's: flat rings of numbers, or one ring."""
    first = value[0] if len(value) else None
    inner = first[0] if isinstance(first, list | tuple) and len(first) else first
    return isinstance(inner, int | float | np.number)


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
        return binary_pixels(values)
    arrays = list(values) if isinstance(values, list | np.ndarray) else []
    first = arrays[0] if arrays else None
    if not isinstance(first, np.ndarray) or first.size > _SMALL:
        return None
    alike = all(
        isinstance(array, np.ndarray) and array.shape == first.shape and array.dtype == first.dtype
        for array in arrays
    )
    is_plain = first.ndim == 2 and first.dtype.kind in "biu"  # noqa: PLR2004 - height and width
    return np.stack(arrays) if alike and is_plain else None


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
