"""What a database's error means for the user: which file, what may be the cause, and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from samframe.errors import LedgerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ledger_trouble"]

_LOOK = "Look at it with `samframe ledger doctor`, or choose another folder with store= and keep this one."
_REMEDIES = (
    (
        ("locked", "busy"),
        (
            "Another program holds it: a database browser that has it open, a backup, or a run that hangs. Close that, "
            "then run again."
        ),
    ),
    (("disk is full", "full"), "Make room on its disk, then run again: nothing that was paid for is lost."),
    (
        ("readonly", "read-only"),
        "This user may not write it: change that, or choose another folder with store=.",
    ),
    (
        ("unable to open", "too many open files"),
        (
            "The file or its folder cannot be opened: it may be gone, of another user, or this process may have "
            "too many files open (`ulimit -n`)."
        ),
    ),
    (
        ("malformed", "not a database", "corrupt", "i/o error"),
        f"The file is damaged; it is never deleted, and `.recover` of the sqlite3 command may save it. {_LOOK}",
    ),
)


def ledger_trouble(path: Path, error: Exception, *, doing: str = "used") -> LedgerError:
    """Return the exception for an error of the ledger's database.

    Parameters
    ----------
    path : Path
        The database file.
    error : Exception
        What sqlite, or the file system below it, raised.
    doing : str
        ``"read"``, ``"written"``, ``"opened"`` or ``"used"``.
    """
    text = str(error).lower()
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        text = "too many open files"
    if isinstance(error, MemoryError):
        text = "out of memory"
    remedy = next((words for marks, words in _REMEDIES if any(mark in text for mark in marks)), _LOOK)
    kind = "" if isinstance(error, sqlite3.Error | OSError) else f"{type(error).__name__}: "
    return LedgerError(f"The ledger {path} cannot be {doing}: {kind}{error}. Nothing more is sent. {remedy}")
