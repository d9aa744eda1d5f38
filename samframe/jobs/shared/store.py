"""The coordinator of several processes on one machine: its state in a small database beside the ledger.

Every exchange is one transaction of sqlite, so there is no server to start, to find or to lose: a worker that is killed
takes nothing with it, and what was learned and spent is there for those that go on. It needs what the ledger needs, a
disk of this machine; a network disk is refused, as its locks may not hold between machines.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from samframe.errors import LedgerError
from samframe.ground.connections import SharedConnection
from samframe.jobs.ledger import is_on_network, safe_journal_mode
from samframe.jobs.shared.coordinator import AccountPace, Grant, Report, RunPurse, exchange_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["StoreCoordinator"]

_BUSY_S = 20.0
_TABLES = """
CREATE TABLE IF NOT EXISTS paces (account TEXT PRIMARY KEY, at REAL NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS purses (run TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""


class StoreCoordinator:
    """One pace and one budget for all processes that use a store.

    Parameters
    ----------
    folder : Path
        The store. ``pace.sqlite3`` lies beside the ledger.
    clock : callable
        Seconds that all processes of this machine count alike, as :func:`time.monotonic` does since it booted.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._database: SharedConnection | None = None

    def exchange(self, report: Report) -> Grant:
        """Take a report and return what the worker may do.

        Raises
        ------
        LedgerError
            If the store is on a network disk, or cannot be written.
        """
        with self._lock:
            try:
                self._database = self._database or self._open()
                with self._database as database:
                    return self._transact(database, report)
            except (sqlite3.Error, OSError) as error:
                raise LedgerError(
                    f"The store {self._folder} cannot be shared: {error}. Nothing more was sent."
                ) from None

    def _transact(self, database: sqlite3.Connection, report: Report) -> Grant:
        database.execute("BEGIN IMMEDIATE")
        try:
            grant = self._exchange(database, report)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        return grant

    def _exchange(self, database: sqlite3.Connection, report: Report) -> Grant:
        now = self._clock()
        pace = AccountPace(report.rate_limit, random.random)
        row = database.execute("SELECT at, state FROM paces WHERE account = ?", [report.account]).fetchone()
        if row is not None and row[0] <= now:  # a later time than now is of a machine that has booted since
            pace.restore(json.loads(row[1]))
        purse = RunPurse()
        row = database.execute("SELECT state FROM purses WHERE run = ?", [report.run]).fetchone()
        if row is not None:
            purse = RunPurse(**json.loads(row[0]))
        grant = exchange_once(pace, purse, report, now)
        database.execute(
            "INSERT OR REPLACE INTO paces VALUES (?, ?, ?)", [report.account, now, json.dumps(pace.state())]
        )
        database.execute(
            "INSERT OR REPLACE INTO purses VALUES (?, ?)", [report.run, json.dumps(asdict(purse))]
        )
        return grant

    def _open(self) -> SharedConnection:
        if is_on_network(self._folder):
            raise LedgerError(
                f"The store {self._folder} is on a network file system, whose locks may not hold between machines: "
                "it is not shared between workers. Nothing was sent. Use a local folder (store=), and let the workers "
                "of one machine segment: the account's rate limit is the bottleneck, not the machine."
            )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = SharedConnection(self._folder / "pace.sqlite3", timeout_s=_BUSY_S)
        mode = safe_journal_mode(sqlite3.sqlite_version_info, on_network=False)
        try:
            with database as connection:
                connection.execute(f"PRAGMA journal_mode = {mode}")
                # Claims are the ledger's, and synced. Here a power cut may lose the last half second of the pace.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLES)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of the database; the next exchange opens it again."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
