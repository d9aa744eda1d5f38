"""An option of an exporter as the command line has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """An option of the command line. Its default is that of the function.

    Attributes
    ----------
    name : str
        The keyword of the function.
    help : str
        What it does, for ``--help``.
    flag : str
        What is typed; "" for ``--name`` with dashes.
    choices : tuple of str
        Values that may be given.
    kind : callable, optional
        Makes the value of a text; raises OptionError.
    metavar : str, optional
        What stands for the value in ``--help``.
    const : object
        The value of a flag that is given without one.
    group : str
        The heading it stands under; "" for the options of single formats.
    """

    name: str
    help: str
    flag: str = ""
    choices: tuple[str, ...] = ()
    kind: Callable[[str], Any] | None = None
    metavar: str | None = None
    const: Any = None
    group: str = ""

    @property
    def typed(self) -> str:
        """What is typed."""
        return self.flag or f"--{self.name.replace('_', '-')}"
