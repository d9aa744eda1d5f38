"""Annotation ids that stay: made of what a row asks for, so a corrected, sorted or grown frame keeps them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from samframe.export.files import ScratchMap

__all__ = ["AnnotationIds"]

#: Whole numbers below 2**53 survive JSON readers that have only floats.
_ID_BITS = 53


class AnnotationIds:
    """Gives each row of one export its id.

    The id is a hash of the image, the prompt and the coordinates, and of how many rows before asked for the same.
    It depends neither on the mask, which may be corrected, nor on the row's place.

    Parameters
    ----------
    asked, given : dict or ScratchMap, optional
        Where to note what was asked for, and the ids; empty.
    """

    def __init__(
        self,
        asked: dict[Any, Any] | ScratchMap | None = None,
        given: dict[Any, Any] | ScratchMap | None = None,
    ) -> None:
        self._asked: dict[Any, Any] | ScratchMap = {} if asked is None else asked
        self._given: dict[Any, Any] | ScratchMap = {} if given is None else given

    def give(self, image: str, prompt: str | None, *points: object) -> int:
        """Return the id of the next row.

        Parameters
        ----------
        image : str
            What names the image: the cell's text, or the digest of its bytes.
        prompt : str or None
            The row's prompt.
        *points : object
            Cells of coordinates.

        Returns
        -------
        int
            From 1 to 2**53 - 1, and given once.
        """
        asked = json.dumps([image, prompt, *map(_plain, points)], ensure_ascii=True).encode("ascii")
        key = hashlib.sha256(asked).digest()
        number = int(self._asked.get(key, 0))
        while True:
            digest = hashlib.sha256(key + number.to_bytes(8, "big")).digest()
            found = int.from_bytes(digest[:8], "big") >> (64 - _ID_BITS)
            number += 1
            if found and found not in self._given:
                break
        self._asked[key] = number
        self._given[found] = 1
        return found


def _plain(value: Any) -> Any:
    """Return coordinates as nested lists of floats: a tuple, a list and an array of the same points are equal."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int | float):
        return float(value) if value == value else None  # noqa: PLR0124 - NaN is no coordinate
    return None if value is None or type(value).__name__ in {"NAType", "NaTType"} else str(value)
