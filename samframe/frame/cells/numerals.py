"""Numbers in a cell as people and CSV files hold them: lists, arrays, records, or the text of any of these."""

from __future__ import annotations

import decimal
import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FOUR", "XY", "nested_numbers", "shown"]

XY, FOUR = 2, 4
_SHOWN_CHARACTERS = 60
#: Longer texts are no points that a person gave; reading them takes time.
_MOST_CHARACTERS = 100_000
_DEEPEST = 8

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# np.float64(1.5), as the repr of NumPy 2 has it.
_SCALAR = re.compile(rf"(?:np\.|numpy\.)?(?:float|u?int)\d*\(\s*({_NUMBER})\s*\)")
_TYPE = re.compile(r",\s*(?:dtype|device|shape)\s*=\s*[^,)\]]+")
_WRAPPER = re.compile(
    r"\b(?:np\.|numpy\.|torch\.)?(?:array|tensor|asarray|list|tuple|multipoint|point|box|bbox|linestring)\s*(?=[(\[])",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"[\"']?\b([A-Za-z_]\w*)[\"']?\s*[:=]\s*[\"']?({_NUMBER})[\"']?")
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})(?![\w.])|([\[(])|([\])])|([,;]))|\s+", re.ASCII)


def nested_numbers(cell: Any, *, names: Sequence[tuple[str, ...]]) -> Any:
    """Return a cell's numbers as a float or as nested lists of floats.

    Parameters
    ----------
    cell : object
        A list, tuple or array of numbers or of their texts, a mapping, an object with the attributes, or text: JSON,
        the printed form of Python, NumPy and torch, ``78,61``, ``78 61``, ``78,61;80,60``.
    names : sequence of tuple of str
        Which keys of a mapping stand for numbers in what order; the first set that it has is taken.

    Returns
    -------
    float or list
        An empty list for empty text.

    Raises
    ------
    ValueError
        If it holds anything else. The message shows what was found.
    """
    try:
        return _numbers(cell, names, 0)
    except RecursionError:
        raise ValueError(f"{shown(cell)} is nested too deep") from None


def shown(cell: object) -> str:
    """Return a cell for a message, cut."""
    text = repr(cell)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _numbers(value: Any, names: Sequence[tuple[str, ...]], depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"{shown(value)} is nested too deep")
    match value:
        case str():
            return _of_text(value, names, depth)
        case bool() | np.bool_() | bytes() | bytearray() | set() | frozenset():
            raise ValueError(f"a {type(value).__name__} holds no numbers of pixels")
        case int() | float() | np.integer() | np.floating() | decimal.Decimal():
            return _finite(value)
        case Mapping():
            return _of_mapping(value, names, depth)
    return [_numbers(item, names, depth + 1) for item in _items(value, names)]


def _items(value: Any, names: Sequence[tuple[str, ...]]) -> list[Any]:
    """Return the items of a list, of an array, or of an object whose attributes are named like coordinates."""
    if isinstance(value, list | tuple):
        return list(value)
    if hasattr(value, "__array__"):
        items = np.asarray(value).tolist()
        return items if isinstance(items, list) else [items]
    if hasattr(value, "as_py"):  # a scalar of pyarrow's
        return [value.as_py()]
    for keys in names:
        if all(hasattr(value, key) for key in keys):
            return [getattr(value, key) for key in keys]
    try:
        return list(value)
    except TypeError:
        raise ValueError(f"a {type(value).__name__} holds no numbers of pixels") from None


def _finite(value: Any) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is a number that is not finite")
    return number


def _of_mapping(value: Mapping[Any, Any], names: Sequence[tuple[str, ...]], depth: int) -> Any:
    by_name = {str(key).strip().lower(): item for key, item in value.items()}
    for keys in names:
        if by_name.keys() >= set(keys):
            parts = [_numbers(by_name[key], names, depth + 1) for key in keys]
            if all(isinstance(part, list) for part in parts) and len({len(part) for part in parts}) == 1:
                return [
                    list(together) for together in zip(*parts, strict=True)
                ]  # {"x": [78, 80], "y": [61, 60]}
            return parts
    wanted = " or ".join("{" + ", ".join(keys) + "}" for keys in names)
    raise ValueError(f"{shown(value)} is a {type(value).__name__} without the keys {wanted}")


def _of_text(text: str, names: Sequence[tuple[str, ...]], depth: int) -> Any:
    if not text.strip():
        return []
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{shown(text)} is too long to be the text of points")
    try:
        return _numbers(json.loads(text), names, depth + 1)
    except (json.JSONDecodeError, RecursionError):
        pass
    found = _of_records(text, names)
    if found is not None:
        return found
    plain = _TYPE.sub("", _SCALAR.sub(r"\1", text))
    plain = _WRAPPER.sub("", plain).replace('"', " ").replace("'", " ")
    return _parse(plain, text)


def _of_records(text: str, names: Sequence[tuple[str, ...]]) -> list[Any] | None:
    """Return what ``{'x': 78, 'y': 61}``, a list of these or ``x=78, y=61`` holds; None where nothing is named."""
    pairs = [(name.lower(), float(number)) for name, number in _NAMED.findall(text)]
    for keys in names:
        if pairs and len(pairs) % len(keys) == 0:
            groups = [dict(pairs[at : at + len(keys)]) for at in range(0, len(pairs), len(keys))]
            if all(group.keys() == set(keys) for group in groups):
                return [[group[key] for key in keys] for group in groups]
    return None


def _parse(plain: str, text: str) -> Any:
    """Read brackets and numbers; outside of brackets ``;`` and the end of a line part one group from the next."""
    if not re.search(r"[\[(]", plain):
        groups = [group for group in re.split(r"[;\n|]", plain) if group.strip(" ,\t\r")]
        read = [_read_flat(group, text) for group in groups]
        singles = all(len(group) == 1 for group in read)
        return [group[0] for group in read] if singles else read[0] if len(read) == 1 else read
    stack: list[list[Any]] = [[]]
    at = 0
    while at < len(plain):
        token = _TOKEN.match(plain, at)
        if token is None or token.end() == at:
            raise ValueError(
                f"{shown(text)} is no JSON text of numbers, and cannot be read as numbers otherwise"
            )
        at = token.end()
        number, opening, closing, _ = token.groups()
        if number is not None:
            stack[-1].append(float(number))
        elif opening is not None:
            stack.append([])
        elif closing is not None:
            if len(stack) == 1:
                raise ValueError(f"{shown(text)} has a bracket too many")
            done = stack.pop()
            stack[-1].append(done)
    if len(stack) != 1:
        raise ValueError(f"{shown(text)} is no JSON text of numbers: cut off, a bracket is not closed")
    (whole,) = stack
    return whole[0] if len(whole) == 1 else whole


def _read_flat(group: str, text: str) -> list[float]:
    parts = [part for part in re.split(r"[,\s]+", group.strip(" ,\t\r")) if part]
    if not all(re.fullmatch(_NUMBER, part) for part in parts):
        raise ValueError(f"{shown(text)} is no JSON text of numbers, and cannot be read as numbers otherwise")
    return [float(part) for part in parts]
