"""One thread that writes the ledger: what is asked for at the same time is committed, and fsynced, together."""

from __future__ import annotations

import asyncio
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

#: How long a first write waits for others to share its fsync.
GROUP_S = 0.02
_LARGEST_GROUP = 512

_Work = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]


class Writer:
    """Runs functions of a connection inside grouped transactions.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode; owned by the writer's thread from now on.
    group_s : float
        How long the first of a group waits for company.
    """

    def __init__(self, connection: sqlite3.Connection, *, group_s: float = GROUP_S) -> None:
        self._connection = connection
        self._group_s = group_s
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue a piece of work. The future holds its result once the commit is on the disk.

        Raises
        ------
        LedgerError
            If the ledger is closed.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise LedgerError("The ledger is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="samframe-ledger", daemon=True)
                self._thread.start()
            self._queue.put((work, future))
        return future

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece of work and return its result once it is durable. A cancelled caller does not undo it."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    def close(self) -> None:
        """Commit what is queued, end the thread, close the connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()
        self._connection.close()

    def _run(self) -> None:
        ending = False
        while not ending:
            first = self._queue.get()
            if first is None:
                return
            time.sleep(self._group_s)
            group = [first]
            while len(group) < _LARGEST_GROUP:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    ending = True
                    break
                group.append(item)
            self._commit(group)

    def _commit(self, group: list[_Work]) -> None:
        results: list[Any] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(self._connection) for work, _ in group]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            failure = LedgerError(f"The ledger could not be written: {error}. Nothing new is sent.")
            for _, future in group:
                future.set_exception(failure)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
