"""The ledger of paid jobs: every step of a job's life, durable before the next one is taken."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from samframe._options import store_folder
from samframe.errors import LedgerError
from samframe.jobs.ledger import reading, statements
from samframe.jobs.ledger.owner import Owner, is_alive
from samframe.jobs.ledger.schema import open_readers, open_writer, prepare_database
from samframe.jobs.ledger.writer import GROUP_S, Writer
from samframe.jobs.model import Job, JobState, Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    import pandas as pd

    from samframe.jobs.ledger.reading import Spending
    from samframe.masks import Mask
    from samframe.segmind import Metrics

__all__ = ["Ledger"]

_LOOKUP_BATCH = 900

_OPEN: weakref.WeakSet[Ledger] = weakref.WeakSet()


class Ledger:
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
        prepare_database(self.path)
        self._readers = open_readers(self.path)
        self._writer = Writer(partial(open_writer, self.path), group_s=group_s)
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
            found.update((record.key, record) for record in statements.records_of(rows))
        orphans = [
            record
            for record in found.values()
            if record.state is JobState.SUBMITTING and not self.owner_lives(record)
        ]
        if orphans:
            self._writer.submit(lambda db: statements.doubt_orphans(db, orphans, now=self._clock())).result()
            found.update(self.lookup([record.key for record in orphans]))
        return found

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
            ``"pending"``, ``"submitting"``, ``"submitted"``, ``"completed"``, ``"stored"``, ``"failed"``,
            ``"in_doubt"``, ``"lost"``; None stands for all.
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

        With ``masks=True`` there is a column ``mask`` (dtype ``mask``): all that was ever paid for, whatever became of
        the frames.
        """
        records = self.records(states=states, limit=limit)
        found = self.lookup([record["key"] for record in records]) if masks else None
        return reading.to_frame(records, found)

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
            raise LedgerError(f"The ledger {self.path} could not be read: {error}.") from None

    def _check_keys(self, asked: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Refuse rows, whose first column is the key, of jobs that were not asked for."""
        if not {row[0] for row in rows} <= set(asked):
            raise LedgerError(
                f"The ledger {self.path} answered with another job's record than was asked for. Nothing was changed. "
                "Look at it with `samframe ledger doctor`."
            )

    # -- one row's life --------------------------------------------------------------------------

    async def claim(
        self,
        job: Job,
        *,
        base: str,
        body_hash: str,
        consent: str,
        fingerprint: str | None,
        from_states: frozenset[JobState],
    ) -> int | None:
        """Write the intent to submit, before anything is sent, and return the attempt's number.

        None: another run holds the job, or it is in none of ``from_states`` (absent and pending always are).
        """
        return await self._writer.write(
            lambda db: statements.claim(
                db,
                job,
                statements.Intent(
                    owner=self.owner,
                    now=self._clock(),
                    base=base,
                    body_hash=body_hash,
                    consent=consent,
                    fingerprint=fingerprint,
                ),
                from_states | {JobState.PENDING},
            )
        )

    async def release(self, key: str, outcome: str) -> None:
        """Take the intent back: the request provably never left whole, or was definitely refused."""

        def work(db: sqlite3.Connection) -> None:
            stored = db.execute("SELECT 1 FROM jobs WHERE key = ? AND artifact IS NOT NULL", [key]).fetchone()
            statements.end(
                db, key, JobState.STORED if stored else JobState.PENDING, outcome, now=self._clock()
            )

        await self._writer.write(work)

    def submitted(self, key: str, request_id: str) -> Awaitable[bool]:
        """Keep the id of an accepted job. Nothing else is done with the id before the awaitable is done.

        The write is queued at once, before this returns: a claim that is made later is never durable earlier. The
        awaitable's result is False, and nothing was written, where another attempt holds this id already.
        """

        def work(db: sqlite3.Connection) -> bool:
            now = self._clock()
            if db.execute("SELECT 1 FROM attempts WHERE request_id = ?", [request_id]).fetchone():
                return False
            db.execute(
                "UPDATE jobs SET state = 'submitted', request_id = ?, submitted_at = ?, updated_at = ?, error = NULL "
                "WHERE key = ?",
                [request_id, now, now, key],
            )
            db.execute(
                "UPDATE attempts SET request_id = ?, submitted_at = ?, outcome = 'submitted' "
                "WHERE key = ? AND attempt = (SELECT attempts FROM jobs WHERE key = ?)",
                [request_id, now, key, key],
            )
            return True

        return self._writer.write(work)

    async def in_doubt(self, key: str, error: str) -> None:
        """The submit's answer never came: the job may run and be billed."""
        await self._end(key, JobState.IN_DOUBT, "in_doubt", error=error)

    async def failed(
        self, key: str, error: str, *, metrics: Metrics | None = None, cost: float | None = None
    ) -> None:
        """The job, its input or its output failed for good."""
        await self._end(key, JobState.FAILED, "failed", error=error, metrics=metrics, cost=cost)

    async def lost(self, key: str, error: str) -> None:
        """The record expired and the history does not know the id."""
        await self._end(key, JobState.LOST, "lost", error=error)

    async def completed(
        self, key: str, result: str, *, metrics: Metrics, engine: str | None, urgent: bool = True
    ) -> None:
        """Keep the whole result, before its output is downloaded; at leisure with others' where not ``urgent``."""
        await self._end(
            key,
            JobState.COMPLETED,
            "completed",
            metrics=metrics,
            cost=metrics.cost,
            result=result,
            engine=engine,
            owner=self.owner,
            urgent=urgent,
        )

    async def stored(
        self,
        key: str,
        *,
        artifact: str,
        size: int,
        mask: Mask | None,
        note: str | None,
        urgent: bool = True,
    ) -> None:
        """The output is verified and on the disk as ``artifact``; keep the mask beside it, as :meth:`completed`."""

        def work(db: sqlite3.Connection) -> None:
            height, width = mask.size_hw if mask is not None else (None, None)
            db.execute(
                "UPDATE jobs SET state = 'stored', artifact = ?, artifact_bytes = ?, mask_height = ?, mask_width = ?, "
                "mask_counts = ?, note = ?, error = NULL, updated_at = ?, owner = NULL WHERE key = ?",
                [
                    artifact,
                    size,
                    height,
                    width,
                    mask.counts if mask is not None else None,
                    note,
                    self._clock(),
                    key,
                ],
            )

        await self._writer.write(work, urgent=urgent)

    async def _end(
        self, key: str, state: JobState, outcome: str, *, urgent: bool = True, **fields: Any
    ) -> None:
        await self._writer.write(
            lambda db: statements.end(db, key, state, outcome, now=self._clock(), **fields), urgent=urgent
        )

    # -- ends ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Commit what is queued and let go of the store."""
        if os.getpid() == self._pid:
            self._writer.close()
            self._readers.close()
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
