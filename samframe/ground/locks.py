"""Locks between processes: on an open file or folder, until its handle is closed or its process ends."""

from __future__ import annotations

import sys

__all__ = ["try_lock"]


def try_lock(handle: int, *, wait: bool = False) -> bool | None:
    """Lock what a handle has open, for this process alone.

    Parameters
    ----------
    handle : int
        As :func:`os.open` gives it.
    wait : bool
        Whether to wait for another process that has it.

    Returns
    -------
    bool or None
        True where the lock is ours, False where another has it, None where the file system knows no locks.
    """
    return _lock(handle, wait)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, wait: bool) -> bool | None:  # noqa: FBT001 - as above
        try:
            msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int, wait: bool) -> bool | None:  # noqa: FBT001 - as above
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # network file systems
            return None
        return True
