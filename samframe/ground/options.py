"""What holds for every call until it says otherwise, and where things are kept by default."""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Options", "options", "store_folder"]

_NAMES = ("client", "store", "max_cost", "rate_limit")
#: What the ``with`` blocks around the present line say, the innermost last.
_BLOCKS: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("samframe_options", default=())


class Options:
    """Options that calls take where they are given none: ``client``, ``store``, ``max_cost``, ``rate_limit``.

    Attributes
    ----------
    client : Client or None
        Who sends. None: made from the environment.
    store : path or None
        Folder of the ledger and the artifacts. None: ``SAMFRAME_STORE``, else the user's data folder.
    max_cost : float or None
        Dollars that each call may spend.
    rate_limit : float or None
        Requests a minute. None: learnt.

    Examples
    --------
    >>> import samframe
    >>> samframe.options.max_cost = 5.0
    >>> with samframe.options(max_cost=0.5, store="trial"):
    ...     samframe.options.max_cost
    0.5
    >>> samframe.options.max_cost
    5.0
    >>> samframe.options.reset()
    """

    def __init__(self) -> None:
        object.__setattr__(self, "_given", {})

    def __getattr__(self, name: str) -> Any:
        if name not in _NAMES:
            raise AttributeError(_unknown(name))
        for block in reversed(_BLOCKS.get()):
            if name in block:
                return block[name]
        return self.__dict__["_given"].get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _NAMES:
            raise AttributeError(_unknown(name))
        _check(name, value)
        if any(name in block for block in _BLOCKS.get()):
            raise OptionError(
                f"samframe.options.{name} is set by a with block: set it outside, or start another block."
            )
        self.__dict__["_given"][name] = value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_NAMES]

    @contextmanager
    def __call__(self, **given: Any) -> Iterator[Options]:
        """Set options for a ``with`` block, in this thread and the tasks that it starts.

        Raises
        ------
        OptionError
            If there is no such option, or a value is none of its.
        """
        for name, value in given.items():
            if name not in _NAMES:
                raise OptionError(_unknown(name))
            _check(name, value)
        token = _BLOCKS.set((*_BLOCKS.get(), given))
        try:
            yield self
        finally:
            _BLOCKS.reset(token)

    def reset(self) -> None:
        """Take back what was set; the ``with`` blocks around stay."""
        self.__dict__["_given"].clear()

    def __repr__(self) -> str:
        return f"samframe.options({', '.join(f'{name}={getattr(self, name)!r}' for name in _NAMES)})"


options = Options()


def _unknown(name: str) -> str:
    return f"samframe.options has {', '.join(_NAMES)}, and no {name!r}."


def _check(name: str, value: Any) -> None:
    if value is None:
        return
    if name == "store" and not isinstance(value, str | os.PathLike):
        raise OptionError(f"store is the path of a folder; it is {value!r}.")
    if name in ("max_cost", "rate_limit"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        if not is_number or value < 0 or (name == "rate_limit" and value == 0):
            raise OptionError(
                f"{name} is a number {'of at least' if name == 'max_cost' else 'above'} 0; it is {value!r}."
            )


def store_folder(store: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the ledger and the artifacts.

    Parameters
    ----------
    store : path, optional
        What the caller asked for; None takes ``samframe.options.store``, then ``SAMFRAME_STORE``, else the user's data
        folder.
    """
    chosen = store if store is not None else options.store or os.environ.get("SAMFRAME_STORE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - only where it is needed

    return Path(platformdirs.user_data_path("samframe", appauthor=False))
