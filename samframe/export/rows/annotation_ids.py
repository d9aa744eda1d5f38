"""Annotation ids that stay: made of what a row asks for, so a corrected, sorted or grown frame keeps them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.export.files import ScratchMap
    from samframe.masks import Mask

__all__ = ["AnnotationIds"]

#: Whole numbers below 2**53 survive JSON readers that have only floats.
_ID_BITS = 53


class AnnotationIds:
    """Gives each row of one export its id.

    The id is a hash of the image, the prompt and the coordinates: it depends neither on the mask, which may be
    corrected, nor on the row's place. Where several rows of the export ask for the same (three objects of one class in
    one image), their masks tell them apart, so that ids follow the masks when rows are sorted or left out.

    Parameters
    ----------
    new_map : callable
        Makes what notes are kept in: a dict, or a map on disk.
    """

    def __init__(self, new_map: Callable[[], dict[Any, Any] | ScratchMap] = dict) -> None:
        self._asked, self._numbers, self._given = new_map(), new_map(), new_map()

    def note(self, image: str, prompt: str | None, *points: object) -> None:
        """Note what a row asks for, before the first id is given. Parameters are those of :meth:`give`."""
        key = _key(image, prompt, points)
        self._asked[key] = int(self._asked.get(key, 0)) + 1

    def give(self, image: str, prompt: str | None, *points: object, mask: Mask | None = None) -> int:
        """Return the id of the next row.

        Parameters
        ----------
        image : str
            What names the image: the cell's text, or the digest of its bytes.
        prompt : str or None
            The row's prompt.
        *points : object
            Cells of coordinates.
        mask : Mask, optional
            The row's mask.

        Returns
        -------
        int
            From 1 to 2**53 - 1, and given once.
        """
        key = _key(image, prompt, points)
        if int(self._asked.get(key, 0)) > 1:
            drawn = "" if mask is None else json.dumps(mask.to_coco(), sort_keys=True)
            key = hashlib.sha256(key + drawn.encode("ascii")).digest()
        number = int(self._numbers.get(key, 0))
        while True:
            digest = hashlib.sha256(key + number.to_bytes(8, "big")).digest()
            found = int.from_bytes(digest[:8], "big") >> (64 - _ID_BITS)
            number += 1
            if found and found not in self._given:
                break
        self._numbers[key] = number
        self._given[found] = 1
        return found


def _key(image: str, prompt: str | None, points: tuple[object, ...]) -> bytes:
    asked = json.dumps([image, prompt, *map(_plain, points)], ensure_ascii=True).encode("ascii")
    return hashlib.sha256(asked).digest()


def _plain(value: Any) -> Any:
    """Return coordinates as nested lists of floats: a tuple, a list and an array of the same points are equal."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int | float):
        return float(value) if value == value else None  # noqa: PLR0124 - NaN is no coordinate
    return None if value is None or type(value).__name__ in {"NAType", "NaTType"} else str(value)
