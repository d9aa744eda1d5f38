"""The ledger's statements, run inside a transaction: claims, ends, and a record read from its row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samframe.jobs.ledger.owner import is_alive
from samframe.jobs.ledger.proofs import is_proven
from samframe.jobs.model import Job, JobState, Record
from samframe.masks import sound_masks
from samframe.segmind import Metrics

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["COLUMNS", "Intent", "Trial", "claim", "doubt_orphans", "end", "records_of", "state_before"]

COLUMNS = (
    "key, state, attempts, owner, request_id, submitted_at, result, error, note, cost, inference_time, "
    "queue_time, total_time, engine, score, artifact, raw, reader, mask_height, mask_width, mask_counts"
)
_N_MASK_COLUMNS = 3
_PLAIN_FIELDS = COLUMNS.split(", ")[2:-_N_MASK_COLUMNS]
#: A trial that failed so long ago, in seconds, holds nobody back.
_FRESH_TRIAL_S = 600.0
_STATES = {state.value: state for state in JobState}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is written beside an attempt before it is sent."""

    owner: str
    now: float
    base: str
    body_hash: str
    consent: str
    fingerprint: str | None
    reader: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Why a job waits: another one is the first of its deployment and model, or was, and could not be read."""

    key: str
    error: str | None = None


def claim(
    db: sqlite3.Connection,
    job: Job,
    intent: Intent,
    from_states: frozenset[JobState],
    *,
    trial: str | None,
    folder: Path,
) -> int | Trial | None:
    """Take a job for an attempt and return the attempt's number, None where it is not to be had."""
    if trial is not None and not is_proven(db, trial):
        other = _trial_of(db, job, intent, folder)
        if other is not None:
            return other
    row = db.execute("SELECT state, attempts FROM jobs WHERE key = ?", [job.key]).fetchone()
    if row is None:
        _insert(db, job, intent)
        row = ("pending", 0)
    elif JobState(row[0]) not in from_states:
        return None
    attempt = int(row[1]) + 1
    db.execute(
        # An older artifact and its mask stay (refresh=True) until a newer one is stored in their place.
        "UPDATE jobs SET state = 'submitting', attempts = ?, owner = ?, request_id = NULL, submitted_at = NULL, "
        # So does an output that could not be read, until the new job is accepted.
        "result = CASE state WHEN 'unread' THEN result END, error = NULL, cost = NULL, inference_time = NULL, "
        "queue_time = NULL, total_time = NULL, engine = NULL, score = NULL, updated_at = ? WHERE key = ?",
        [attempt, intent.owner, intent.now, job.key],
    )
    db.execute(
        "INSERT INTO attempts (key, attempt, owner, consent, key_fingerprint, body_hash, intent_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [job.key, attempt, intent.owner, intent.consent, intent.fingerprint, intent.body_hash, intent.now],
    )
    return attempt


def _trial_of(db: sqlite3.Connection, job: Job, intent: Intent, folder: Path) -> Trial | None:
    """Return the job of another run that tries this deployment and model out, or has just done so in vain."""
    out = db.execute(
        "SELECT key, owner FROM jobs WHERE state IN ('submitting', 'submitted', 'completed') AND base = ? "
        "AND model = ? AND key != ? AND owner IS NOT NULL AND owner != ?",
        [intent.base, job.parameters.model, job.key, intent.owner],
    )
    for key, owner in out.fetchall():
        if is_alive(folder, owner):
            return Trial(key=key)
    failed = db.execute(
        "SELECT key, error FROM jobs WHERE state = 'unread' AND base = ? AND model = ? AND key != ? AND reader = ? "
        "AND updated_at > ? LIMIT 1",
        [intent.base, job.parameters.model, job.key, intent.reader, intent.now - _FRESH_TRIAL_S],
    ).fetchone()
    return Trial(key=failed[0], error=failed[1]) if failed is not None else None


def state_before(db: sqlite3.Connection, key: str) -> JobState:
    """Return the state that a job has again when its attempt is taken back."""
    row = db.execute("SELECT artifact, result FROM jobs WHERE key = ?", [key]).fetchone()
    artifact, result = row if row is not None else (None, None)
    if result is not None:
        return JobState.UNREAD
    return JobState.STORED if artifact is not None else JobState.PENDING


def end(
    db: sqlite3.Connection,
    key: str,
    state: JobState,
    outcome: str,
    *,
    now: float,
    error: str | None = None,
    metrics: Metrics | None = None,
    cost: float | None = None,
    result: str | None = None,
    engine: str | None = None,
    owner: str | None = None,
    raw: str | None = None,
    raw_bytes: int | None = None,
) -> None:
    """Bring a job to a state, and its latest attempt to an outcome.

    A job that another run has stored meanwhile stays stored: two runs may collect one job.
    """
    metrics = metrics if metrics is not None else Metrics()
    db.execute(
        "UPDATE jobs SET state = ?, error = ?, updated_at = ?, owner = ?, result = coalesce(?, result), "
        "engine = coalesce(?, engine), cost = coalesce(?, cost), inference_time = coalesce(?, inference_time), "
        "queue_time = coalesce(?, queue_time), total_time = coalesce(?, total_time), score = coalesce(?, score), "
        "raw = coalesce(?, raw), raw_bytes = coalesce(?, raw_bytes) "
        "WHERE key = ? AND state != 'stored'",
        [
            state.value,
            error,
            now,
            owner,
            result,
            engine,
            cost,
            metrics.inference_time,
            metrics.queue_time,
            metrics.total_time,
            metrics.score,
            raw,
            raw_bytes,
            key,
        ],
    )
    db.execute(
        "UPDATE attempts SET outcome = ?, ended_at = ?, cost = coalesce(?, cost) "
        "WHERE key = ? AND attempt = (SELECT attempts FROM jobs WHERE key = ?)",
        [outcome, now, cost, key, key],
    )


def doubt_orphans(db: sqlite3.Connection, orphans: Iterable[Record], *, now: float) -> None:
    """Put jobs in doubt whose run died while it submitted them, unless somebody has moved them since."""
    for record in orphans:
        row = db.execute("SELECT state, owner FROM jobs WHERE key = ?", [record.key]).fetchone()
        if row == (JobState.SUBMITTING.value, record.owner):
            text = (
                "The run that sent it ended before the answer came; it may have been billed. "
                'Run again to look for it, or retry="in_doubt" to pay again.'
            )
            end(db, record.key, JobState.IN_DOUBT, "in_doubt", now=now, error=text)


def records_of(rows: Sequence[tuple[Any, ...]]) -> list[Record]:
    """Return the records of rows of ``COLUMNS``.

    A stored job whose mask is damaged in the database counts as completed: its output is fetched again, which is free.
    """
    with_mask = [row for row in rows if row[-1] is not None]
    sound = iter(sound_masks([row[-1] for row in with_mask], [(row[-3], row[-2]) for row in with_mask]))
    records = []
    for row in rows:
        mask = next(sound) if row[-1] is not None else None
        is_damaged = row[-1] is not None and mask is None
        state = JobState.COMPLETED if is_damaged and row[1] == "stored" else _STATES[row[1]]
        fields = dict(zip(_PLAIN_FIELDS, row[2:-_N_MASK_COLUMNS], strict=True))
        records.append(Record(key=row[0], state=state, mask=mask, **fields))
    return records


def _insert(db: sqlite3.Connection, job: Job, intent: Intent) -> None:
    parameters = {
        "points": job.points,
        "remove_points": job.remove_points,
        **({"boxes": job.boxes} if job.boxes else {}),
        **job.parameters.to_row(),
    }
    db.execute(
        "INSERT INTO jobs (key, state, base, model, image, prompt, parameters, updated_at) "
        "VALUES (?, 'pending', ?, ?, ?, ?, ?, ?)",
        [
            job.key,
            intent.base,
            job.parameters.model,
            job.image.identity,
            job.prompt,
            json.dumps(parameters),
            intent.now,
        ],
    )
