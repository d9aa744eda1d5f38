"""Ids of accepted jobs that the ledger could not keep: written to a file that was opened while there was room."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from samframe.jobs.ledger.owner import is_alive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RescueFile", "adopt", "waiting_files"]

#: Reserved on the disk: some two hundred ids.
_RESERVED_BYTES = 32 * 1024
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


class RescueFile:
    """A run's file for emergencies. It is opened, and its room taken, before the first job is sent.

    A full disk then still takes the ids, and a process that has no descriptor left has this one.

    Parameters
    ----------
    folder : Path
        The store.
    owner : str
        The run's name.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.path = _folder(folder) / f"{owner}.ids"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, _FLAGS, 0o600)
        try:
            os.write(self._file, b"\n" * _RESERVED_BYTES)
            os.fsync(self._file)
        except OSError:
            self.close()
            raise
        self._used = 0
        self._pid = os.getpid()

    def keep(self, key: str, request_id: str, *, at: float) -> bool:
        """Write an id down, synced to the disk; return whether that went well."""
        line = json.dumps({"key": key, "request_id": request_id, "at": at}).encode() + b"\n"
        try:
            os.lseek(self._file, self._used, os.SEEK_SET)
            os.write(self._file, line)
            os.fsync(self._file)
        except OSError:
            return False
        self._used += len(line)
        return True

    def close(self) -> None:
        """Close the file, and delete it where nothing was written: a forked child leaves it alone."""
        os.close(self._file)
        if not getattr(self, "_used", 0) and os.getpid() == getattr(self, "_pid", os.getpid()):
            with contextlib.suppress(OSError):
                self.path.unlink()


def waiting_files(folder: Path) -> list[Path]:
    """Return the files of runs that are no longer at work."""
    try:
        files = sorted(_folder(folder).glob("*.ids"))
    except OSError:
        return []
    return [file for file in files if not is_alive(folder, file.stem)]


def adopt(db: sqlite3.Connection, files: list[Path], *, now: float) -> int:
    """Bring the ids of files into the ledger, within the caller's transaction; return how many were new.

    A job takes its id only where it is in doubt or was being sent, and no attempt holds that id.
    """
    adopted = 0
    for key, request_id, at in (entry for file in files for entry in _entries(file)):
        if db.execute("SELECT 1 FROM attempts WHERE request_id = ?", [request_id]).fetchone():
            continue
        done = db.execute(
            "UPDATE jobs SET state = 'submitted', request_id = ?, submitted_at = ?, updated_at = ?, error = NULL, "
            "owner = NULL WHERE key = ? AND state IN ('submitting', 'in_doubt')",
            [request_id, at, now, key],
        )
        if done.rowcount:
            db.execute(
                "UPDATE attempts SET request_id = ?, submitted_at = ?, outcome = 'submitted' "
                "WHERE key = ? AND attempt = (SELECT attempts FROM jobs WHERE key = ?)",
                [request_id, at, key, key],
            )
            adopted += 1
    return adopted


def _entries(file: Path) -> Iterator[tuple[str, str, float]]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that was cut off tells nothing
            entry = json.loads(line)
            yield str(entry["key"]), str(entry["request_id"]), float(entry["at"])


def _folder(folder: Path) -> Path:
    return folder / "rescued"
