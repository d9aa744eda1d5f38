"""What the user thinks of each row: accepted, rejected, flagged or nothing yet, with a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

__all__ = ["MARKS", "UNMARKED", "Marks"]

#: In the order of their codes 1 to 3; 0 is no mark.
MARKS = ("accepted", "rejected", "flagged")
#: What rows without a mark are called.
UNMARKED = "unmarked"


class Marks:
    """A mark a row.

    Parameters
    ----------
    n : int
        How many rows.
    given : iterable, optional
        Marks to begin with, as :meth:`column` gives them; anything else is no mark.
    name : str
        What queries and sorts call them.

    Attributes
    ----------
    changed : callable
        Told of every change.
    """

    def __init__(self, n: int, given: Iterable[Any] | None = None, *, name: str = "mark") -> None:
        self.name = name
        self.changed: Callable[[], None] = lambda: None
        self.codes: NDArray[np.uint8] = np.zeros(n, dtype=np.uint8)
        if given is not None:
            codes = {name: code for code, name in enumerate(MARKS, start=1)}
            self.codes[:] = [codes.get(str(name), 0) for name in given]
        self._history: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def set(self, positions: Iterable[int], code: int) -> None:
        """Mark rows; those that are out of range are passed over.

        Parameters
        ----------
        positions : iterable of int
            Rows by position.
        code : int
            0 (no mark) to 3.
        """
        rows = np.array([row for row in positions if 0 <= row < len(self.codes)], dtype=np.int64)
        if len(rows) and 0 <= code <= len(MARKS):
            self._history.append((rows, self.codes[rows].copy()))
            self.codes[rows] = code
            self.changed()

    @staticmethod
    def code_of(mark: str | None) -> int:
        """Return the code of a mark by its name, 0 for None.

        Raises
        ------
        OptionError
            If there is no such mark.
        """
        if mark is None:
            return 0
        if mark not in MARKS:
            raise OptionError(f"A mark is {', '.join(map(repr, MARKS))} or None; it is {mark!r}.")
        return MARKS.index(mark) + 1

    def undo(self) -> int | None:
        """Take the last step back; return its first row, None where there is no step."""
        if not self._history:
            return None
        rows, before = self._history.pop()
        self.codes[rows] = before
        self.changed()
        return int(rows[0])

    def column(self) -> pd.Categorical:
        """Return the marks, NA where there is none."""
        return pd.Categorical.from_codes(self.codes.astype(np.int8) - 1, categories=list(MARKS))

    def counts(self) -> dict[str, int]:
        """Return how many rows have each mark, and how many have none."""
        counts = np.bincount(self.codes, minlength=len(MARKS) + 1).tolist()
        return dict(zip((*MARKS, UNMARKED), (*counts[1:], counts[0]), strict=True))

    def told(self) -> list[str]:
        """Return how many rows have each mark, in words."""
        return [f"{count:,} {name}" for name, count in self.counts().items() if count and name != UNMARKED]
