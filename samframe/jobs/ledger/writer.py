"""One thread that writes the ledger: what is asked for at the same time is committed, and fsynced, together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from samframe.errors import LedgerError

__all__ = ["Writer"]

T = TypeVar("T")

#: How long a write that nobody hurries waits for others to share its fsync, unless so many have come.
GROUP_S = 0.25
_FULL_GROUP = 8
_LARGEST_GROUP = 512

_Future = Future[Any] | asyncio.Future[Any]
_Work = tuple[Callable[[sqlite3.Connection], Any], _Future, bool]
_Done = tuple[_Future, Any, "LedgerError | None"]


class Writer:
    """Runs functions of a connection inside grouped transactions.

    Parameters
    ----------
    open_database : callable
        Opens a connection in autocommit mode. It is called by the writer's thread, with the first work, and the
        connection stays in that thread.
    group_s : float
        How long the first of a group waits for company, if no urgent one comes.
    failure : callable, optional
        Makes the exception for an error of the database: with its file, and what to do.
    """

    def __init__(
        self,
        open_database: Callable[[], sqlite3.Connection],
        *,
        group_s: float = GROUP_S,
        failure: Callable[[Exception], LedgerError] | None = None,
    ) -> None:
        self._failure_of = failure if failure is not None else _plain_failure
        self._open_database = open_database
        self._connection: sqlite3.Connection | None = None
        self._group_s = group_s
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._pid = os.getpid()

    def submit(self, work: Callable[[sqlite3.Connection], T], *, urgent: bool = True) -> Future[T]:
        """Queue a piece of work. The future holds its result once the commit is on the disk.

        Work is committed in the order in which it is queued, so what is queued later is never durable earlier.

        Raises
        ------
        LedgerError
            If the ledger is closed, or was opened before a fork.
        """
        future: Future[T] = Future()
        self._put(work, future, urgent=urgent)
        return future

    def write(self, work: Callable[[sqlite3.Connection], T], *, urgent: bool = True) -> asyncio.Future[T]:
        """Queue a piece of work as :meth:`submit` does, for the running loop to await.

        A waiter that is cancelled does not undo it. One wake-up of the loop tells all that a commit held.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(work, future, urgent=urgent)
        return future

    def _put(self, work: Callable[[sqlite3.Connection], Any], future: _Future, *, urgent: bool) -> None:
        if os.getpid() != self._pid:
            # The thread stayed with the parent, and sqlite's connections must not cross a fork.
            raise LedgerError("This ledger was opened before a fork; open it again in the child process.")
        with self._lock:
            if self._closed:
                raise LedgerError("The ledger is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="samframe-ledger", daemon=True)
                self._thread.start()
            self._queue.put((work, future, urgent))

    def close(self) -> None:
        """Commit what is queued, and end the thread, which closes its connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()

    def _failure(self, error: Exception) -> LedgerError:
        return LedgerError(*error.args) if isinstance(error, LedgerError) else self._failure_of(error)

    def _run(self) -> None:
        try:
            self._commit_groups()
        finally:
            if self._connection is not None:
                self._connection.close()

    def _commit_groups(self) -> None:
        ending = False
        while not ending:
            group: list[_Work] = []
            deadline: float | None = None
            while len(group) < _LARGEST_GROUP:
                try:
                    item = self._next(deadline)
                except queue.Empty:
                    break
                if item is None:
                    ending = True
                    break
                group.append(item)
                if item[2] or len(group) >= _FULL_GROUP:
                    deadline = 0.0
                elif deadline is None:
                    deadline = time.monotonic() + self._group_s
            if group:
                self._commit(group)

    def _next(self, deadline: float | None) -> _Work | None:
        """Return the next piece of work; ``deadline`` None waits for ever, 0 not at all."""
        if deadline is None:
            return self._queue.get()
        left = deadline - time.monotonic()
        return self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()

    def _commit(self, group: list[_Work]) -> None:
        done: list[_Done] = []
        try:
            connection = self._connection = self._connection or self._open_database()
        except Exception as error:  # noqa: BLE001 - as below
            _tell([(future, None, self._failure(error)) for _, future, _ in group])
            return
        try:
            results = _transact(connection, [work for work, _, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if len(group) > 1:
                for item in group:  # one piece of work that cannot be done must not undo its neighbours'
                    self._commit([item])
                return
            done.append((group[0][1], None, self._failure(error)))
        else:
            done += [(future, result, None) for (_, future, _), result in zip(group, results, strict=True)]
        _tell(done)


def _plain_failure(error: Exception) -> LedgerError:
    return LedgerError(f"The ledger could not be written: {error}. Nothing new is sent.")


def _transact(connection: sqlite3.Connection, works: list[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [work(connection) for work in works]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _tell(done: list[_Done]) -> None:
    """Give those who wait what became of their work: threads at once, each loop by one call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Done]] = {}
    for one in done:
        if isinstance(one[0], asyncio.Future):
            by_loop.setdefault(one[0].get_loop(), []).append(one)
        else:
            _resolve([one])
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a closed loop: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, theirs)


def _resolve(done: list[_Done]) -> None:
    for future, result, error in done:
        if future.done():  # cancelled by who waited
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
