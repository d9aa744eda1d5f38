"""Files and folders that appear whole or not at all: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import secrets
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from samframe.ground.locks import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_folder", "atomic_write", "flush_to_disk", "write_beside"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; when the block ends well, its file takes the place of `path`.

    A reader sees the old file or the new one, never a part, and so does the machine after a crash: the data are
    flushed before the rename, the folder after it. If the block raises, the temporary file is removed and `path` stays
    as it was. A symbolic link is followed: its target is replaced. An existing file's permissions are kept.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write. Its folder must exist.

    Yields
    ------
    pathlib.Path
        An empty file to write to or to replace.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_write(folder / "notes.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "notes.txt").read_text()
    'whole'
    """
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    # O_EXCL with mode 0o666 rather than tempfile, which would leave the finished file readable by its owner only.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        flush_to_disk(temporary, os.O_RDWR)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_names(target.parent)


def write_beside(path: Path, data: bytes) -> Path:
    """Write a file under a hidden name in the folder of `path`, which is made, and return it.

    Nothing is flushed: who writes many files flushes them together, then renames. Where writing fails, nothing is left.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.write_bytes(data)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _temporary(target: Path) -> Path:
    """Return a hidden path beside a file or folder that nobody else has."""
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, it takes the place of `path`.

    Where the system can exchange two folders in one step (Linux), a kill at any moment leaves the old folder whole or
    the new one. Elsewhere the old one is moved aside first, and put back if the second step fails. If the block
    raises, the temporary folder is removed and `path` stays as it was. What killed processes left beside it is removed
    first; not what a living process works on, which is locked.

    Parameters
    ----------
    path : str or os.PathLike
        The folder to make or to replace. Its parents are made.

    Yields
    ------
    pathlib.Path
        An empty folder.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "set"
    >>> with atomic_folder(target) as folder:
    ...     _ = (folder / "notes.txt").write_text("whole")
    >>> [file.name for file in target.iterdir()]
    ['notes.txt']
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):  # a folder that may be written to and not listed
        _sweep(target)
    temporary, lock = _locked_folder(target)
    try:
        yield temporary
        if hasattr(os, "sync"):  # with many small files quicker than one by one
            os.sync()
        if not target.exists():
            temporary.rename(target)
        elif not _exchange(temporary, target):
            aside = temporary.with_suffix(".old")
            target.rename(aside)
            try:
                temporary.rename(target)
            except OSError:
                aside.rename(target)
                raise
            aside.rename(temporary)
    finally:
        # What is left under the temporary name is the old folder, or what did not become the new one.
        shutil.rmtree(temporary, ignore_errors=True)
        if lock is not None:
            os.close(lock)
    _flush_names(target.parent)


def _locked_folder(target: Path) -> tuple[Path, int | None]:
    """Make a temporary folder, locked until its handle is closed; the handle is None where there are no locks."""
    while True:
        temporary = _temporary(target)
        temporary.mkdir()
        lock = _lock(temporary, wait=True)
        if temporary.is_dir():
            return temporary, lock
        if lock is not None:  # before it was locked, another process took it for a leftover
            os.close(lock)


def _sweep(target: Path) -> None:
    """Remove the temporary folders that killed processes left beside a folder; those of living ones are locked."""
    leftover = re.compile(rf"\.{re.escape(target.name[:100])}\.[0-9a-f]{{12}}\.part")
    for path in list(target.parent.iterdir()):
        if leftover.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            lock = _lock(path, wait=False)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Return the handle of a lock that ends with the process; None where another has it, or there are no locks."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folder
        return None
    if try_lock(handle, wait=wait):
        return handle
    os.close(handle)
    return None


def _exchange(a: Path, b: Path) -> bool:
    """Let two folders change their names in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of fcntl.h
    return bool(call(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0)


def _flush_names(folder: Path) -> None:
    """Flush a folder's list of names, where it may be opened: Windows never lets one."""
    if os.name == "posix":
        with contextlib.suppress(PermissionError):  # it may be written to and not listed
            flush_to_disk(folder, os.O_RDONLY)


def flush_to_disk(path: Path, flags: int) -> None:
    """Return when a file, or a folder's list of names, would outlive a crash; `flags` as for :func:`os.open`."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
