"""The one place that opens sqlite databases. No connection is used by two threads at once.

A connection keeps its compiled statements, and equal SQL in two threads is one statement: the second thread binds its
own values into it while the first still reads. From Python 3.12 on a look-up then returns another thread's row, no row,
or an error (docs/decisions/0001-one-connection-a-thread.md has the figures).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ConnectionPool", "SharedConnection", "open_connection"]

#: Threads that read at the same time; further ones wait for a connection to come back.
_MOST = 8
_NOT_LENT = "this connection is not lent to this thread"


def open_connection(
    database: str | Path, *, timeout_s: float = 5.0, is_uri: bool = False
) -> sqlite3.Connection:
    """Open a connection for the calling thread alone, in autocommit mode; sqlite3 refuses every other thread.

    Parameters
    ----------
    database : str or Path
        A file; ``""`` is a temporary database that is gone when it is closed.
    timeout_s : float
        How long to wait for others' locks.
    is_uri : bool
        Whether `database` is a ``file:`` URI.
    """
    return sqlite3.connect(database, timeout=timeout_s, isolation_level=None, uri=is_uri)


class _LentConnection(sqlite3.Connection):
    """Refuses every thread but the one that it is lent to, and all of them while it is lent to nobody."""

    holder: int | None = None

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        if self.holder != get_ident():
            raise sqlite3.ProgrammingError(_NOT_LENT)
        return super().execute(sql, parameters)  # type: ignore[arg-type]

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        if self.holder != get_ident():
            raise sqlite3.ProgrammingError(_NOT_LENT)
        return super().executescript(sql_script)


def _open_to_lend(database: str | Path, *, timeout_s: float) -> _LentConnection:
    return sqlite3.connect(
        database,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
        factory=_LentConnection,
    )


def _check_process(pid: int) -> None:
    if os.getpid() != pid:
        raise sqlite3.ProgrammingError("the database was opened before a fork; open it again in the child")


class SharedConnection:
    """One connection that is lent to one thread at a time: ``with shared as connection``.

    Cursors must be read to their end before it goes back. A thread that holds it may take it again.

    Parameters
    ----------
    database : str or Path
        A file; ``""`` is a temporary database.
    timeout_s : float
        How long to wait for others' locks.
    """

    def __init__(self, database: str | Path, *, timeout_s: float = 5.0) -> None:
        self._connection = _open_to_lend(database, timeout_s=timeout_s)
        self._lock = threading.RLock()
        self._depth = 0
        self._pid = os.getpid()

    def __enter__(self) -> sqlite3.Connection:
        """Wait for the connection and take it.

        Raises
        ------
        sqlite3.ProgrammingError
            If it was opened before a fork.
        """
        _check_process(self._pid)
        self._lock.acquire()
        self._depth += 1
        self._connection.holder = get_ident()
        return self._connection

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._depth -= 1
        if not self._depth:
            self._connection.holder = None
        self._lock.release()

    def close(self) -> None:
        """Close the connection, once the thread that holds it has given it back. A forked child leaves it alone."""
        if os.getpid() == self._pid:
            with self._lock:
                self._connection.close()


class ConnectionPool:
    """Connections to one database, each lent to one thread at a time.

    They belong to no thread: threads come and go, and what they had opened is used by the next, and closed here.

    Parameters
    ----------
    database : str or Path
        A file.
    timeout_s : float
        How long a connection waits for others' locks.
    prepare : callable, optional
        Told every new connection once, before it is lent.
    most : int
        How many there may be; more threads than that wait.
    """

    def __init__(
        self,
        database: str | Path,
        *,
        timeout_s: float = 5.0,
        prepare: Callable[[sqlite3.Connection], object] | None = None,
        most: int = _MOST,
    ) -> None:
        self._database = database
        self._timeout_s = timeout_s
        self._prepare = prepare
        self._left = most
        self._idle: list[_LentConnection] = []
        self._changed = threading.Condition(threading.Lock())
        self._is_closed = False
        self._pid = os.getpid()

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; cursors must be read to their end before it goes back. Not to be nested.

        Raises
        ------
        sqlite3.Error
            If the database cannot be opened, the pool is closed, or was made before a fork.
        """
        _check_process(self._pid)
        connection = self._take()
        try:
            yield connection
        finally:
            self._put_back(connection)

    def close(self) -> None:
        """Close the connections; those that are lent, as they come back. A forked child leaves them alone."""
        if os.getpid() != self._pid:
            return
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for connection in idle:
            connection.close()

    def _take(self) -> _LentConnection:
        with self._changed:
            while not self._idle and not self._left and not self._is_closed:
                self._changed.wait()
            if self._is_closed:
                raise sqlite3.ProgrammingError("the database is closed")
            if self._idle:
                connection = self._idle.pop()
                connection.holder = get_ident()
                return connection
            self._left -= 1
        try:
            return self._open()
        except BaseException:
            with self._changed:
                self._left += 1
                self._changed.notify()
            raise

    def _open(self) -> _LentConnection:
        connection = _open_to_lend(self._database, timeout_s=self._timeout_s)
        connection.holder = get_ident()
        try:
            if self._prepare is not None:
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_back(self, connection: _LentConnection) -> None:
        connection.holder = None
        with self._changed:
            if not self._is_closed:
                self._idle.append(connection)
                self._changed.notify()
                return
        connection.close()
