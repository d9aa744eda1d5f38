"""What a format of training sets is to the rest of the house: its function, and its options on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.export.flags import Flag

__all__ = ["Format"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format. The functions, ``df.sam`` and ``samframe export`` read it; nothing else need know a new one.

    Attributes
    ----------
    name : str
        What ``samframe export --format`` calls it.
    line : str
        What it is, for ``--help`` and the docs.
    write : callable
        The public function, ``to_NAME(source, folder, *, ...)``: its signature says which options there are.
    flags : tuple of Flag
        Its own options on the command line; those that all formats share are :class:`ExportOptions`.
    """

    name: str
    line: str
    write: Callable[..., Any]
    flags: tuple[Flag, ...] = ()
