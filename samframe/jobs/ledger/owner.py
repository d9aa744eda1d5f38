"""Who is at work on a job: a lock file for each run, so that a dead owner is known as dead, whatever killed it."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Owner", "is_alive"]


class Owner:
    """A run's mark in the ledger, alive as long as its lock file is held. The system lets go of it at any death.

    Parameters
    ----------
    folder : Path
        The store.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._path = _lock_path(folder, self.name)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] | None = self._path.open("wb")
        self._pid = os.getpid()
        if not _try_lock(self._file):
            raise OSError(f"cannot lock {self._path}")

    def close(self) -> None:
        """Let go. In a forked child this closes the copy only: the parent's lock stays."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if os.getpid() == self._pid:
            with contextlib.suppress(OSError):
                self._path.unlink()


def is_alive(folder: Path, name: str) -> bool:
    """Return whether the run of this name is still at work, on this machine."""
    path = _lock_path(folder, name)
    try:
        with path.open("r+b") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # cannot tell: taking a live owner for dead could pay twice


def _lock_path(folder: Path, name: str) -> Path:
    return folder / "owners" / f"{name}.lock"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
