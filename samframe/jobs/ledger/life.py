"""One job's life in the ledger: each step a coroutine that returns when its change is on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samframe.jobs.ledger import statements
from samframe.jobs.ledger.proofs import prove
from samframe.jobs.model import Job, JobState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from samframe.jobs.ledger.statements import Trial
    from samframe.jobs.ledger.writer import Writer
    from samframe.masks import Mask
    from samframe.segmind import Metrics

__all__ = ["JobLives"]


class JobLives:
    """The part of the ledger that writes; :class:`Ledger` opens and closes what it writes to."""

    folder: Path
    _writer: Writer
    _clock: Callable[[], float]

    @property
    def owner(self) -> str:
        """The name this run goes by."""
        raise NotImplementedError

    async def claim(
        self,
        job: Job,
        *,
        base: str,
        body_hash: str,
        consent: str,
        fingerprint: str | None,
        from_states: frozenset[JobState],
        trial: str | None = None,
        reader: str = "auto",
    ) -> int | Trial | None:
        """Write the intent to submit, before anything is sent, and return the attempt's number.

        None: another run holds the job, or it is in none of ``from_states`` (absent and pending always are).

        Parameters
        ----------
        trial : str, optional
            The proof that a mask of this deployment and model was read. While there is none, one job at a time is
            sent, whatever the number of runs on this ledger: a :class:`Trial` tells of the one that is out, or of one
            whose output could not be read.
        reader : str
            What masks are read with.
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
                    reader=reader,
                ),
                from_states | {JobState.PENDING},
                trial=trial,
                folder=self.folder,
            )
        )

    async def release(self, key: str, outcome: str) -> None:
        """Take the intent back: the request provably never left whole, or was definitely refused."""

        def work(db: sqlite3.Connection) -> None:
            statements.end(db, key, statements.state_before(db, key), outcome, now=self._clock())

        await self._writer.write(work)

    async def forget(self, key: str) -> None:
        """Nobody knows the job any more, and nothing was billed for it: it is to be sent again."""

        def work(db: sqlite3.Connection) -> None:
            statements.end(db, key, JobState.PENDING, "forgotten", now=self._clock())
            db.execute("UPDATE jobs SET request_id = NULL, result = NULL WHERE key = ?", [key])

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
                "UPDATE jobs SET state = 'submitted', request_id = ?, submitted_at = ?, updated_at = ?, error = NULL, "
                "result = NULL, raw = NULL, raw_bytes = NULL WHERE key = ?",
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

    async def unread(
        self,
        key: str,
        error: str,
        *,
        metrics: Metrics,
        raw: str | None = None,
        raw_bytes: int | None = None,
        reader: str | None = None,
        note: str | None = None,
    ) -> None:
        """The job is done and paid for; its mask is not read yet. ``raw`` is the artifact that holds its output.

        ``note`` says what refused its bytes, for a later call to know whether it would do the same.
        """

        def work(db: sqlite3.Connection) -> None:
            statements.end(
                db,
                key,
                JobState.UNREAD,
                "completed",
                now=self._clock(),
                error=error,
                metrics=metrics,
                cost=metrics.cost,
                raw=raw,
                raw_bytes=raw_bytes,
            )
            db.execute(
                "UPDATE jobs SET reader = ?, note = ? WHERE key = ? AND state = 'unread'", [reader, note, key]
            )

        await self._writer.write(work)

    async def stored(
        self,
        key: str,
        *,
        artifact: str,
        size: int,
        mask: Mask | None,
        note: str | None,
        reader: str | None = None,
        proof: str | None = None,
        urgent: bool = True,
    ) -> None:
        """The output is verified and on the disk as ``artifact``; keep the mask beside it, as :meth:`completed`.

        Parameters
        ----------
        reader : str, optional
            What the mask was read with.
        proof : str, optional
            What this mask proves: see :meth:`claim`.
        """

        def work(db: sqlite3.Connection) -> None:
            height, width = mask.size_hw if mask is not None else (None, None)
            db.execute(
                "UPDATE jobs SET state = 'stored', artifact = ?, artifact_bytes = ?, mask_height = ?, mask_width = ?, "
                "mask_counts = ?, note = ?, reader = ?, raw = NULL, raw_bytes = NULL, error = NULL, updated_at = ?, "
                "owner = NULL WHERE key = ?",
                [
                    artifact,
                    size,
                    height,
                    width,
                    mask.counts if mask is not None else None,
                    note,
                    reader,
                    self._clock(),
                    key,
                ],
            )
            if proof is not None:
                prove(db, proof, now=self._clock())

        await self._writer.write(work, urgent=urgent)

    async def _end(
        self, key: str, state: JobState, outcome: str, *, urgent: bool = True, **fields: Any
    ) -> None:
        await self._writer.write(
            lambda db: statements.end(db, key, state, outcome, now=self._clock(), **fields), urgent=urgent
        )
