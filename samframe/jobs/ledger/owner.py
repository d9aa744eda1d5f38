"""Who is at work on a job: a lock file for each run, so that a dead owner is known as dead, whatever killed it."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import IO, TYPE_CHECKING

from samframe.ground.locks import try_lock

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
        if not try_lock(self._file.fileno()):
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
            # A lock that cannot be told counts as held: taking a live owner for dead could pay twice.
            return not try_lock(file.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # cannot tell: taking a live owner for dead could pay twice


def _lock_path(folder: Path, name: str) -> Path:
    return folder / "owners" / f"{name}.lock"
