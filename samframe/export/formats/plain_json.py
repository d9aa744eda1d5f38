"""Values of frames and of users as JSON has them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from samframe.errors import OptionError

__all__ = ["plain_json"]


def plain_json(value: Any, *, where: str) -> Any:  # noqa: PLR0911 - a line a kind of value
    """Return a value as JSON has it: numbers and arrays of NumPy, times and paths too; what is missing is None.

    Parameters
    ----------
    value : object
    where : str
        How a message calls it.

    Raises
    ------
    OptionError
        If JSON has no such value.

    Examples
    --------
    >>> plain_json({"year": np.int64(2026), "sizes": np.array([1.5, 2])}, where="info")
    {'year': 2026, 'sizes': [1.5, 2.0]}
    """
    if isinstance(value, np.ndarray | np.generic):
        return (
            plain_json(value.tolist(), where=where)
            if value.dtype.kind in "biufOUTM"
            else _refuse(value, where)
        )
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, float):
        if math.isinf(value):
            return _refuse(value, where)
        return None if math.isnan(value) else value
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): plain_json(item, where=f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [plain_json(item, where=f"{where}[{at}]") for at, item in enumerate(items)]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    return _refuse(value, where)


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(key)
    raise OptionError(f"{where} has a key that JSON cannot have: {key!r}.")


def _refuse(value: Any, where: str) -> Any:
    raise OptionError(f"{where} is a {type(value).__name__}, which JSON cannot have: {value!r:.80}.")
