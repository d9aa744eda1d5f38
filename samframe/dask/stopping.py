"""Ctrl-C during a computation reaches the partitions that are under way: they send nothing more.

Dask lets a task run to its end, whatever became of who asked for it. So each partition looks: on a cluster, whether its
task is still wanted; in threads and processes of this machine, for a file that Dask's own callback puts down here. The
file is of the process that computes, so it stops nobody else's computation, and it is gone with the next one or the
process.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dask.callbacks import Callback

from samframe.errors import SamframeError
from samframe.frame import start

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pandas as pd

__all__ = ["TICK_S", "note_call", "segment_until_stopped", "watch"]

#: How often it is looked whether a task is still wanted, in seconds.
TICK_S = 0.1
#: Calls that were made, or whose partitions ran, in this process: what a Ctrl-C here stops.
_CALLS: set[str] = set()


def note_call(call_id: str) -> None:
    """Let a Ctrl-C of this process stop a call's partitions."""
    _CALLS.add(call_id)


def segment_until_stopped(
    part: pd.DataFrame, image_col: Hashable, prompt_col: Hashable | None, *, call_id: str, **options: Any
) -> pd.DataFrame:
    """Segment a partition as :func:`samframe.segment` does, unless nobody wants it any more.

    Raises
    ------
    SamframeError
        If the computation was stopped. What was paid for is in the ledger.
    """
    is_stopped = watch(call_id)
    if is_stopped():
        raise SamframeError("The computation was stopped; nothing of this partition was sent.")
    run = start(part, image_col, prompt_col, **options)
    has_ended, was_stopped = threading.Event(), threading.Event()

    def look() -> None:
        while not has_ended.wait(TICK_S):
            if is_stopped():
                was_stopped.set()
                run.stop()
                return

    watcher = threading.Thread(target=look, name="samframe-watch", daemon=True)
    watcher.start()
    try:
        out = run.result()
    finally:
        has_ended.set()
        watcher.join()
    if was_stopped.is_set():
        raise SamframeError(
            "The computation was stopped; what was paid for is in the ledger. Compute again to go on."
        )
    return out


def watch(call_id: str) -> Callable[[], bool]:
    """Return what tells, from any thread, whether this task is no longer wanted."""
    try:
        from distributed import get_worker  # noqa: PLC0415 - an optional part of Dask

        worker = get_worker()
        key = worker.get_current_task()
    except (ImportError, ValueError, KeyError):
        note_call(call_id)  # a lazy frame may come from another process
        parent = multiprocessing.parent_process()
        flags = [
            _flag(call_id, pid) for pid in {os.getpid(), parent.pid if parent else None} if pid is not None
        ]
        return lambda: any(flag.exists() for flag in flags)

    def is_unwanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return is_unwanted


def _flag(call_id: str, pid: int) -> Path:
    """Return the file that stops a call's partitions that a process computes."""
    return Path(tempfile.gettempdir()) / f"samframe-stop-{pid}-{call_id}"


@atexit.register
def _lift() -> None:
    """Remove this process's flags: it computes anew, or it ends."""
    for call_id in tuple(_CALLS):
        with contextlib.suppress(OSError):
            _flag(call_id, os.getpid()).unlink(missing_ok=True)


class _Interrupts(Callback):
    """Dask's schedulers of this machine tell when a computation begins, and how it ends."""

    def _start(self, _dsk: Any) -> None:
        _lift()

    def _finish(self, _dsk: Any, _state: Any, errored: bool) -> None:  # noqa: FBT001 - Dask's signature
        # One that went well may have been asked for while a KeyboardInterrupt was handled.
        if errored and isinstance(sys.exc_info()[1], KeyboardInterrupt):
            for call_id in tuple(_CALLS):
                _flag(call_id, os.getpid()).touch()


_Interrupts().register()
