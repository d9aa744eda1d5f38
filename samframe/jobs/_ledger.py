"""The ledger of paid jobs: every step of a job's life, durable before the next one is taken."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from samframe.errors import LedgerError
from samframe.jobs._model import Job, JobState, Record
from samframe.jobs._owner import Owner, is_alive
from samframe.jobs._schema import open_database
from samframe.jobs._writer import GROUP_S, Writer
from samframe.masks import Mask
from samframe.segmind import Metrics

__all__ = ["Ledger"]

_COLUMNS = (
    "key, state, attempts, owner, request_id, submitted_at, result, error, note, cost, inference_time, queue_time, "
    "total_time, engine, artifact, mask_height, mask_width, mask_counts"
)
_LOOKUP_BATCH = 900

_OPEN: weakref.WeakSet[Ledger] = weakref.WeakSet()


class Ledger:
    """The ledger in a store's folder.

    Every method that writes is a coroutine which returns when its change is committed and synced to the disk.

    Parameters
    ----------
    folder : path
        The store: ``ledger.sqlite3`` and the artifacts live in it.
    clock : callable
        Seconds since 1970.
    group_s : float
        How long a write waits for others to share its commit.

    Raises
    ------
    LedgerError
        If the ledger cannot be read, written or trusted.
    """

    def __init__(self, folder: str | os.PathLike[str], *, clock: Callable[[], float] = time.time, group_s: float = GROUP_S) -> None:
        self.folder = Path(folder)
        self._clock = clock
        self._pid = os.getpid()
        self._reader = open_database(self.path)
        self._writer = Writer(open_database(self.path), group_s=group_s)
        try:
            self._owner = Owner(self.folder)
        except OSError as error:
            self._writer.close()
            self._reader.close()
            raise LedgerError(f"The store {self.folder} cannot be written: {error}. Nothing was sent.") from None
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
        return bytes.fromhex(self._reader.execute("SELECT value FROM about WHERE name = 'salt'").fetchone()[0])

    # -- reading ---------------------------------------------------------------------------------

    def lookup(self, keys: Sequence[str]) -> dict[str, Record]:
        """Return the records there are for these keys.

        A job that a dead run had begun to submit is told, and kept from now on, as in doubt.
        """
        self._check_fork()
        found: dict[str, Record] = {}
        for start in range(0, len(keys), _LOOKUP_BATCH):
            batch = keys[start : start + _LOOKUP_BATCH]
            marks = ",".join("?" * len(batch))
            query = f"SELECT {_COLUMNS} FROM jobs WHERE key IN ({marks})"  # noqa: S608 - marks only
            for row in self._reader.execute(query, batch):
                record = _record(row)
                found[record.key] = record
        orphans = [record for record in found.values() if record.state is JobState.SUBMITTING and not self.owner_lives(record)]
        if orphans:
            self._writer.submit(lambda db: self._doubt_orphans(db, orphans)).result()
            found.update(self.lookup([record.key for record in orphans]))
        return found

    def owner_lives(self, record: Record) -> bool:
        """Return whether the run that last wrote to this record is still at work."""
        if record.owner is None:
            return False
        return record.owner == self.owner or is_alive(self.folder, record.owner)

    def records(self, *, states: Iterable[JobState] | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Return jobs as plain dictionaries, the latest first, without results and masks."""
        wanted = [state.value for state in (states if states is not None else JobState)]
        marks = ",".join("?" * len(wanted))
        query = (
            "SELECT key, state, attempts, base, model, image, prompt, parameters, request_id, submitted_at, updated_at, error, cost, "  # noqa: S608
            "inference_time, queue_time, total_time, engine, artifact, mask_height, mask_width "
            f"FROM jobs WHERE state IN ({marks}) ORDER BY updated_at DESC LIMIT ?"
        )
        cursor = self._reader.execute(query, [*wanted, -1 if limit is None else limit])
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def attempts(self, key: str) -> list[dict[str, Any]]:
        """Return every attempt at a job, oldest first; none is ever overwritten."""
        cursor = self._reader.execute("SELECT * FROM attempts WHERE key = ? ORDER BY attempt", [key])
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def knows_request(self, request_id: str) -> bool:
        """Return whether any attempt holds this id."""
        return self._reader.execute("SELECT 1 FROM attempts WHERE request_id = ?", [request_id]).fetchone() is not None

    def recent_costs(self, *, base: str, model: str, limit: int = 50) -> list[float]:
        """Return what the latest billed jobs cost, in dollars."""
        query = (
            "SELECT cost FROM jobs WHERE base = ? AND model = ? AND cost IS NOT NULL AND state IN ('completed', 'stored') "
            "ORDER BY updated_at DESC LIMIT ?"
        )
        return [row[0] for row in self._reader.execute(query, [base, model, limit])]

    # -- one row's life --------------------------------------------------------------------------

    async def claim(self, job: Job, *, base: str, body_hash: str, consent: str, fingerprint: str | None, from_states: frozenset[JobState]) -> int | None:
        """Write the intent to submit, before anything is sent, and return the attempt's number.

        None: another run holds the job, or it is in none of ``from_states`` (absent and pending always are).
        """
        return await self._writer.write(
            lambda db: self._claim(db, job, base, body_hash, consent, fingerprint, from_states | {JobState.PENDING})
        )

    async def release(self, key: str, outcome: str) -> None:
        """Take the intent back: the request provably never left whole, or was definitely refused."""

        def work(db: sqlite3.Connection) -> None:
            stored = db.execute("SELECT 1 FROM jobs WHERE key = ? AND artifact IS NOT NULL", [key]).fetchone()
            self._end(db, key, JobState.STORED if stored else JobState.PENDING, outcome)

        await self._writer.write(work)

    async def submitted(self, key: str, request_id: str) -> None:
        """Keep the id of an accepted job. Nothing else is done with the id before this returns."""

        def work(db: sqlite3.Connection) -> None:
            now = self._clock()
            db.execute(
                "UPDATE jobs SET state = 'submitted', request_id = ?, submitted_at = ?, updated_at = ?, error = NULL WHERE key = ?",
                [request_id, now, now, key],
            )
            db.execute(
                "UPDATE attempts SET request_id = ?, submitted_at = ?, outcome = 'submitted' "
                "WHERE key = ? AND attempt = (SELECT attempts FROM jobs WHERE key = ?)",
                [request_id, now, key, key],
            )

        await self._writer.write(work)

    async def in_doubt(self, key: str, error: str) -> None:
        """The submit's answer never came: the job may run and be billed."""
        await self._writer.write(lambda db: self._end(db, key, JobState.IN_DOUBT, "in_doubt", error=error))

    async def failed(self, key: str, error: str, *, metrics: Metrics | None = None, cost: float | None = None) -> None:
        """The job, its input or its output failed for good."""
        await self._writer.write(lambda db: self._end(db, key, JobState.FAILED, "failed", error=error, metrics=metrics, cost=cost))

    async def lost(self, key: str, error: str) -> None:
        """The record expired and the history does not know the id."""
        await self._writer.write(lambda db: self._end(db, key, JobState.LOST, "lost", error=error))

    async def completed(self, key: str, result: str, *, metrics: Metrics, engine: str | None) -> None:
        """Keep the whole result, before its output is downloaded."""
        await self._writer.write(
            lambda db: self._end(
                db, key, JobState.COMPLETED, "completed", metrics=metrics, cost=metrics.cost, result=result, engine=engine
            )
        )

    async def stored(self, key: str, *, artifact: str, size: int, mask: Mask | None, note: str | None) -> None:
        """The output is verified and on the disk as ``artifact``; keep the mask beside it."""

        def work(db: sqlite3.Connection) -> None:
            height, width = mask.size_hw if mask is not None else (None, None)
            db.execute(
                "UPDATE jobs SET state = 'stored', artifact = ?, artifact_bytes = ?, mask_height = ?, mask_width = ?, "
                "mask_counts = ?, note = ?, error = NULL, updated_at = ?, owner = NULL WHERE key = ?",
                [artifact, size, height, width, mask.counts if mask is not None else None, note, self._clock(), key],
            )

        await self._writer.write(work)

    # -- ends ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Commit what is queued and let go of the store."""
        if os.getpid() == self._pid:
            self._writer.close()
            self._reader.close()
        self._owner.close()
        _OPEN.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({str(self.folder)!r})"

    def _check_fork(self) -> None:
        if os.getpid() != self._pid:
            raise LedgerError("This ledger was opened before a fork; open it again in the child process.")

    # -- inside a transaction --------------------------------------------------------------------

    def _claim(
        self,
        db: sqlite3.Connection,
        job: Job,
        base: str,
        body_hash: str,
        consent: str,
        fingerprint: str | None,
        from_states: frozenset[JobState],
    ) -> int | None:
        now = self._clock()
        row = db.execute("SELECT state, attempts FROM jobs WHERE key = ?", [job.key]).fetchone()
        if row is None:
            db.execute(
                "INSERT INTO jobs (key, state, base, model, image, prompt, parameters, updated_at) VALUES (?, 'pending', ?, ?, ?, ?, ?, ?)",
                [job.key, base, job.parameters.model, job.image.identity, job.prompt, _parameters(job), now],
            )
            row = ("pending", 0)
        elif JobState(row[0]) not in from_states:
            return None
        attempt = int(row[1]) + 1
        db.execute(
            # An older artifact and its mask stay (refresh=True) until a newer one is stored in their place.
            "UPDATE jobs SET state = 'submitting', attempts = ?, owner = ?, request_id = NULL, submitted_at = NULL, result = NULL, "
            "error = NULL, cost = NULL, inference_time = NULL, queue_time = NULL, total_time = NULL, engine = NULL, updated_at = ? "
            "WHERE key = ?",
            [attempt, self.owner, now, job.key],
        )
        db.execute(
            "INSERT INTO attempts (key, attempt, owner, consent, key_fingerprint, body_hash, intent_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [job.key, attempt, self.owner, consent, fingerprint, body_hash, now],
        )
        return attempt

    def _end(
        self,
        db: sqlite3.Connection,
        key: str,
        state: JobState,
        outcome: str,
        *,
        error: str | None = None,
        metrics: Metrics | None = None,
        cost: float | None = None,
        result: str | None = None,
        engine: str | None = None,
    ) -> None:
        metrics = metrics if metrics is not None else Metrics()
        now = self._clock()
        owner = self.owner if state is JobState.COMPLETED else None
        db.execute(
            "UPDATE jobs SET state = ?, error = ?, updated_at = ?, owner = ?, result = coalesce(?, result), engine = coalesce(?, engine), "
            "cost = coalesce(?, cost), inference_time = coalesce(?, inference_time), queue_time = coalesce(?, queue_time), "
            "total_time = coalesce(?, total_time) WHERE key = ?",
            [state.value, error, now, owner, result, engine, cost, metrics.inference_time, metrics.queue_time, metrics.total_time, key],
        )
        db.execute(
            "UPDATE attempts SET outcome = ?, ended_at = ?, cost = coalesce(?, cost) "
            "WHERE key = ? AND attempt = (SELECT attempts FROM jobs WHERE key = ?)",
            [outcome, now, cost, key, key],
        )

    def _doubt_orphans(self, db: sqlite3.Connection, orphans: list[Record]) -> None:
        for record in orphans:
            # Only if nobody has moved it since it was read.
            row = db.execute("SELECT state, owner FROM jobs WHERE key = ?", [record.key]).fetchone()
            if row == ("submitting", record.owner):
                self._end(db, record.key, JobState.IN_DOUBT, "in_doubt", error="the run ended before the answer came")


def _parameters(job: Job) -> str:
    return json.dumps(
        {
            "points": job.points,
            "remove_points": job.remove_points,
            "overlay_mask": job.parameters.overlay_mask,
            "base64": job.parameters.base64,
        }
    )


def _record(row: tuple[Any, ...]) -> Record:
    *fields, height, width, counts = row
    (key, state, attempts, owner, request_id, submitted_at, result, error, note, cost, inference, queued, total, engine, artifact) = fields
    return Record(
        key=key,
        state=JobState(state),
        attempts=attempts,
        owner=owner,
        request_id=request_id,
        submitted_at=submitted_at,
        result=result,
        error=error,
        note=note,
        cost=cost,
        inference_time=inference,
        queue_time=queued,
        total_time=total,
        engine=engine,
        artifact=artifact,
        mask=Mask(counts, (height, width)) if counts is not None else None,
    )


def body_hash(body: bytes) -> str:
    """Return the sha256 of a request's body."""
    return hashlib.sha256(body).hexdigest()


def _forget_in_child() -> None:
    for ledger in list(_OPEN):
        ledger._owner.close()  # noqa: SLF001 - the copy of the lock must not outlive the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
