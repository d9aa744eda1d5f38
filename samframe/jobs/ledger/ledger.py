"""The ledger of paid jobs: every step of a job's life, durable before the next one is taken."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from samframe.errors import LedgerError
from samframe.ground.options import store_folder
from samframe.jobs.ledger import proofs, reading, rescue, statements
from samframe.jobs.ledger.life import JobLives
from samframe.jobs.ledger.owner import Owner, is_alive
from samframe.jobs.ledger.rescue import RescueFile
from samframe.jobs.ledger.schema import open_readers, open_writer, prepare_database
from samframe.jobs.ledger.trouble import ledger_trouble
from samframe.jobs.ledger.writer import GROUP_S, Writer
from samframe.jobs.model import JobState, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    import pandas as pd

    from samframe.jobs.ledger.reading import Spending

__all__ = ["Ledger"]

_LOOKUP_BATCH = 900

_OPEN: weakref.WeakSet[Ledger] = weakref.WeakSet()


class Ledger(JobLives):
    """The ledger of paid jobs in a store's folder. ``segment`` opens it by itself; open it to look into it.

    Reading is free and sends nothing. Every method that writes is a coroutine which returns when its change is
    committed and synced to the disk.

    Parameters
    ----------
    folder : path, optional
        The store: ``ledger.sqlite3`` and the artifacts live in it. None: ``SAMFRAME_STORE``, else the user's data
        folder.
    clock : callable
        Seconds since 1970.
    group_s : float
        How long a write waits for others to share its commit.

    Raises
    ------
    LedgerError
        If the ledger cannot be read, written or trusted.

    Examples
    --------
    >>> import tempfile
    >>> with Ledger(tempfile.mkdtemp()) as ledger:
    ...     print(len(ledger.to_frame(states="in_doubt")), ledger.spending())
    0 $0.00
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        group_s: float = GROUP_S,
    ) -> None:
        self.folder = store_folder(folder)
        self._clock = clock
        self._pid = os.getpid()
        self._rescue: RescueFile | None = None
        prepare_database(self.path)
        self._readers = open_readers(self.path)
        self._writer = Writer(
            partial(open_writer, self.path),
            group_s=group_s,
            failure=lambda error: ledger_trouble(self.path, error, doing="written"),
        )
        try:
            self._owner = Owner(self.folder)
        except OSError as error:
            self._writer.close()
            self._readers.close()
            raise LedgerError(
                f"The store {self.folder} cannot be written: {error}. Nothing was sent."
            ) from None
        _OPEN.add(self)

    @property
    def path(self) -> Path:
        """The database file."""
        return self.folder / "ledger.sqlite3"

    @property
    def owner(self) -> str:
        """The name this run goes by."""
        return self._owner.name

    def salt(self) -> bytes:
        """Return the salt for key fingerprints."""
        query = "SELECT value FROM about WHERE name = 'salt'"
        with self._reading() as db:
            return bytes.fromhex(db.execute(query).fetchone()[0])

    # -- reading ---------------------------------------------------------------------------------

    def lookup(self, keys: Sequence[str]) -> dict[str, Record]:
        """Return the records there are for these keys.

        A job that a dead run had begun to submit is told, and kept from now on, as in doubt. Safe in any thread.

        Raises
        ------
        LedgerError
            If the ledger cannot be read, or answers with other records than these.
        """
        found: dict[str, Record] = {}
        for start in range(0, len(keys), _LOOKUP_BATCH):
            batch = keys[start : start + _LOOKUP_BATCH]
            marks = ",".join("?" * len(batch))
            query = f"SELECT {statements.COLUMNS} FROM jobs WHERE key IN ({marks})"  # noqa: S608 - marks only
            with self._reading() as db:
                rows = db.execute(query, batch).fetchall()
            self._check_keys(batch, rows)
            found.update((record.key, record) for record in self._records_of(rows))
        orphans = [
            record
            for record in found.values()
            if record.state is JobState.SUBMITTING and not self.owner_lives(record)
        ]
        if orphans:
            self._writer.submit(lambda db: statements.doubt_orphans(db, orphans, now=self._clock())).result()
            found.update(self.lookup([record.key for record in orphans]))
        return found

    def adopt_rescued(self) -> int:
        """Take over ids that a run could not keep in the ledger; return how many there were. Safe in any thread."""
        files = rescue.waiting_files(self.folder)
        if not files:
            return 0
        adopted = self._writer.submit(lambda db: rescue.adopt(db, files, now=self._clock())).result()
        for file in files:
            with suppress(OSError):
                file.unlink()
        return adopted

    def rescue_id(self, key: str, request_id: str) -> str | None:
        """Keep the id of an accepted job outside the database, which failed to; return the file, None where in vain."""
        if self._rescue is not None and self._rescue.keep(key, request_id, at=self._clock()):
            return str(self._rescue.path)
        return None

    def open_rescue(self) -> None:
        """Reserve room and a descriptor for ids in an emergency, before anything is sent.

        Raises
        ------
        LedgerError
            If there is no room, or no descriptor.
        """
        if self._rescue is None:
            try:
                self._rescue = RescueFile(self.folder, self.owner)
            except OSError as error:
                raise ledger_trouble(self.path, error, doing="written") from None

    def owner_lives(self, record: Record) -> bool:
        """Return whether the run that last wrote to this record is still at work."""
        if record.owner is None:
            return False
        return record.owner == self.owner or is_alive(self.folder, record.owner)

    def records(
        self, *, states: str | JobState | Iterable[str | JobState] | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return jobs as plain dictionaries, the latest first, without results and masks.

        Parameters
        ----------
        states : str, JobState or iterable of them, optional
            ``"pending"``, ``"submitting"``, ``"submitted"``, ``"completed"``, ``"stored"``, ``"unread"``,
            ``"failed"``, ``"in_doubt"``, ``"lost"``; None stands for all.
        limit : int, optional
            So many at most.

        Raises
        ------
        OptionError
            If a state is none of these.
        """
        members = reading.check_states(states)
        with self._reading() as db:
            return reading.list_jobs(db, members, limit)

    def to_frame(
        self,
        *,
        states: str | JobState | Iterable[str | JobState] | None = None,
        limit: int | None = None,
        masks: bool = False,
    ) -> pd.DataFrame:
        """Return jobs as a DataFrame, the latest first. Parameters and errors are those of :meth:`records`.

        ``artifact_path`` is the file of a job's output; of one that is ``unread``, the raw output as it came.
        With ``masks=True`` there is a column ``mask`` (dtype ``mask``): all that was ever paid for, whatever became of
        the frames.
        """
        records = self.records(states=states, limit=limit)
        found = self.lookup([record["key"] for record in records]) if masks else None
        return reading.to_frame(records, found, folder=self.folder)

    def find(self, text: str) -> list[dict[str, Any]]:
        """Return the jobs whose key begins with ``text`` (four characters or more), or that had it as a request id.

        Raises
        ------
        OptionError
            If the text is shorter.
        """
        with self._reading() as db:
            return reading.find_jobs(db, text)

    def attempts(self, key: str) -> list[dict[str, Any]]:
        """Return every attempt at a job, oldest first; none is ever overwritten."""
        with self._reading() as db:
            attempts = reading.attempts_of(db, key)
        self._check_keys([key], [[attempt["key"]] for attempt in attempts])
        return attempts

    def spending(self) -> Spending:
        """Return what all attempts have cost: a known sum, and the bills that never came."""
        with self._reading() as db:
            return reading.spending(db)

    def knows_request(self, request_id: str) -> bool:
        """Return whether any attempt holds this id."""
        query = "SELECT 1 FROM attempts WHERE request_id = ?"
        with self._reading() as db:
            return db.execute(query, [request_id]).fetchone() is not None

    def is_proven(self, proof: str) -> bool:
        """Return whether a mask was read under this name; see :meth:`claim`."""
        with self._reading() as db:
            return proofs.is_proven(db, proof)

    def fingerprints(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the fingerprint of the API key that each job was last sent with, where that is known."""
        found: dict[str, str] = {}
        with self._reading() as db:
            for start in range(0, len(keys), _LOOKUP_BATCH):
                found.update(reading.fingerprints(db, keys[start : start + _LOOKUP_BATCH]))
        return found

    def recent_costs(self, *, base: str, model: str, limit: int = 50) -> list[float]:
        """Return what the latest billed jobs cost, in dollars."""
        with self._reading() as db:
            return reading.recent_costs(db, base=base, model=model, limit=limit)

    def recent_inference_times(self, *, base: str, model: str, limit: int = 50) -> list[float]:
        """Return how long the latest jobs took, in seconds, as the API told."""
        with self._reading() as db:
            return reading.recent_inference_times(db, base=base, model=model, limit=limit)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if os.getpid() != self._pid:
            raise LedgerError("This ledger was opened before a fork; open it again in the child process.")
        try:
            with self._readers.lend() as db:
                yield db
        except sqlite3.Error as error:
            raise ledger_trouble(self.path, error, doing="read") from None

    def _records_of(self, rows: Sequence[tuple[Any, ...]]) -> list[Record]:
        try:
            return statements.records_of(rows)
        except (KeyError, TypeError, ValueError) as error:
            raise ledger_trouble(self.path, error, doing="read") from None

    def _check_keys(self, asked: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Refuse rows, whose first column is the key, of jobs that were not asked for."""
        if not {row[0] for row in rows} <= set(asked):
            raise LedgerError(
                f"The ledger {self.path} answered with another job's record than was asked for. Nothing was changed. "
                "Look at it with `samframe ledger doctor`."
            )

    # -- ends ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Commit what is queued and let go of the store."""
        if os.getpid() == self._pid:
            self._writer.close()
            self._readers.close()
        if self._rescue is not None:
            self._rescue.close()
            self._rescue = None
        self._owner.close()
        _OPEN.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({str(self.folder)!r})"


def _forget_in_child() -> None:
    for ledger in list(_OPEN):
        ledger._owner.close()  # noqa: SLF001 - the copy of the lock must not outlive the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
