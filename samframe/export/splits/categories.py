"""The classes of an export: their names, and their numbers where the user has given some."""

from __future__ import annotations

import numbers
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.ground.cells import text_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.export.rows import Record

__all__ = ["Categories", "check_categories"]

#: The class of masks that no prompt and no column names.
NO_NAME = "object"
#: A number above this is an id of something else.
_MOST = 2**31


def check_categories(given: Mapping[Any, Any] | Sequence[Any]) -> dict[str, int | None]:
    """Return the listed names and their numbers, None where they have none.

    Parameters
    ----------
    given : sequence of str, mapping of str to int, or mapping of int to str

    Raises
    ------
    OptionError
        If it is none of these, is empty, or a name or a number comes twice.
    """
    if isinstance(given, Mapping):
        pairs = [(key, value) if isinstance(key, str) else (value, key) for key, value in given.items()]
        found = {name: whole_number(number) for name, number in pairs}
        if (
            not pairs
            or any(not isinstance(name, str) for name, _ in pairs)
            or None in found.values()
            or len(set(found.values())) < len(pairs)
        ):
            raise OptionError(
                f'categories is a list of names or a mapping such as {{"cat": 17, "dog": 18}}; not {given!r}.'
            )
        return dict(found)
    listed = [] if isinstance(given, str) else list(given)
    ids = [whole_number(item) for item in listed]
    if listed and None not in ids:
        named: dict[str, int | None] = {str(number): number for number in ids}
    else:
        named = dict.fromkeys(listed) if all(isinstance(item, str) for item in listed) else {}
    if not listed or len(named) < len(listed):
        raise OptionError(f"categories is a list of distinct names, not {given!r}.")
    return named


class Categories:
    """Takes the classes of rows as they come; knows their numbers at the end.

    Parameters
    ----------
    listed : mapping of str to (int or None), optional
        All classes there may be.
    column : column name or None
        Where rows have their class; None takes the prompt in lower case.
    """

    def __init__(self, listed: Mapping[str, int | None] | None, column: Any) -> None:
        self._listed, self._column = listed, column
        self._known: dict[str, int] = {name: at for at, name in enumerate(listed or ())}
        self._by_number = {number: name for name, number in (listed or {}).items() if number is not None}
        self._numbers: dict[str, int] = {}
        self._are_numbers = True

    def name_of(self, record: Record) -> str | None:
        """Return the class that a row names, None where a column of classes has none."""
        if self._column is None:
            return _plain(record.prompt or "").lower() or NO_NAME
        cell = record.cells.get(self._column)
        number = whole_number(cell)
        if number is not None and number in self._by_number:
            return self._by_number[number]
        name = (str(number) if number is not None else _plain(text_or_none(cell) or "")) or None
        if name is not None:
            if number is None:
                self._are_numbers = False
            else:
                self._numbers[name] = number
        return name

    def position(self, name: str, row: int) -> int:
        """Return the place of a class among all, a new one where it is new.

        Raises
        ------
        OptionError
            If only listed classes may be.
        """
        if self._listed is not None and name not in self._known:
            raise OptionError(f"Row {row}: its category {name!r} is not among categories.")
        return self._known.setdefault(name, len(self._known))

    @property
    def names(self) -> list[str]:
        """All names, in the order of their positions."""
        return list(self._known)

    @property
    def numbers(self) -> list[int] | None:
        """The number of each, None where the user has given none."""
        if self._listed is not None:
            given = list(self._listed.values())
            return [number for number in given if number is not None] or None
        if self._numbers and self._are_numbers and set(self._known) <= set(self._numbers):
            return [self._numbers[name] for name in self._known]
        return None


def whole_number(value: Any) -> int | None:
    """Return a whole number of any type as int (17.0 too, as a column with gaps has it); None where it is none."""
    if isinstance(value, bool | str) or not isinstance(value, numbers.Real):
        return None
    number = float(value)
    return int(number) if number.is_integer() and 0 <= number < _MOST else None


def _plain(text: str) -> str:
    """Return a text in one line and one normal form, without what does not print."""
    normal = unicodedata.normalize("NFC", text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in normal).split())
