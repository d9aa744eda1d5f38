"""What the ledger tells about itself: jobs as a table, every attempt, and what was spent. Nothing is written."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.ground.contract import JOB_PRICE_USD
from samframe.jobs.ledger.artifacts import Artifacts
from samframe.jobs.model import JobState, format_usd

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.jobs.model import Record

__all__ = [
    "Spending",
    "attempts_of",
    "check_states",
    "find_jobs",
    "fingerprints",
    "list_jobs",
    "recent_costs",
    "recent_inference_times",
    "spending",
    "to_frame",
]

_COLUMNS = (
    "key, state, attempts, base, model, image, prompt, parameters, request_id, submitted_at, updated_at, error, note, "
    "cost, inference_time, queue_time, total_time, engine, artifact, artifact_bytes, mask_height, mask_width, reader"
)
_TIMES = ("submitted_at", "updated_at")
_TEXTS = (
    "key", "state", "base", "model", "image", "prompt", "parameters", "request_id", "error", "note", "engine",
    "artifact", "reader",
)  # fmt: skip
_COUNTS = ("attempts", "artifact_bytes", "mask_height", "mask_width")
_LEAST_PREFIX = 4
# Of a job whose mask is not read yet, the output as it came.
_SELECT = _COLUMNS.replace(
    "artifact, artifact_bytes",
    "CASE state WHEN 'unread' THEN raw ELSE artifact END AS artifact, "
    "CASE state WHEN 'unread' THEN raw_bytes ELSE artifact_bytes END AS artifact_bytes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a ledger's jobs have cost, in US dollars.

    Attributes
    ----------
    billed : int
        Attempts whose bill is known.
    known_usd : float
        Sum of those bills.
    unknown : int
        Attempts that were accepted, or may have been, and whose bill never came.
    price_usd : float
        What each of those is taken to have cost: the median of the bills, else the published price.
    """

    billed: int
    known_usd: float
    unknown: int
    price_usd: float

    @property
    def usd_low(self) -> float:
        """The least that was spent."""
        return self.known_usd

    @property
    def usd_high(self) -> float:
        """The most that was spent."""
        return self.known_usd + self.unknown * self.price_usd

    def __str__(self) -> str:
        if not self.unknown:
            return format_usd(self.usd_low)
        return f"{format_usd(self.usd_low)} to {format_usd(self.usd_high)} ({self.unknown:,} bills not known)"


def check_states(states: str | JobState | Iterable[str | JobState] | None) -> list[JobState]:
    """Return states given as words or members; None stands for all.

    Raises
    ------
    OptionError
        If one is no state of a job.
    """
    if states is None:
        return list(JobState)
    given = [states] if isinstance(states, str | JobState) else list(states)
    try:
        return [JobState(state) for state in given]
    except ValueError:
        names = ", ".join(state.value for state in JobState)
        raise OptionError(f"states takes any of {names}; it is {states!r}.") from None


def list_jobs(db: sqlite3.Connection, states: Sequence[JobState], limit: int | None) -> list[dict[str, Any]]:
    """Return jobs as dictionaries, the latest first, without results and masks."""
    marks = ",".join("?" * len(states))
    query = f"SELECT {_SELECT} FROM jobs WHERE state IN ({marks}) ORDER BY updated_at DESC, key LIMIT ?"  # noqa: S608 - marks only
    return _dictionaries(
        db.execute(query, [*(state.value for state in states), -1 if limit is None else limit])
    )


def find_jobs(db: sqlite3.Connection, text: str) -> list[dict[str, Any]]:
    """Return the jobs whose key begins with a text of four characters or more, or that had it as a request id."""
    if len(text) < _LEAST_PREFIX:
        raise OptionError(f"{text!r} is too short to name a job: give four characters of its key or more.")
    query = (
        f"SELECT {_SELECT} FROM jobs WHERE substr(key, 1, ?) = ? "  # noqa: S608 - column names only
        "OR key IN (SELECT key FROM attempts WHERE request_id = ?) ORDER BY key"
    )
    return _dictionaries(db.execute(query, [len(text), text.lower(), text]))


def attempts_of(db: sqlite3.Connection, key: str) -> list[dict[str, Any]]:
    """Return every attempt at a job, oldest first."""
    return _dictionaries(db.execute("SELECT * FROM attempts WHERE key = ? ORDER BY attempt", [key]))


def fingerprints(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the fingerprint of the API key of each job's latest attempt."""
    marks = ",".join("?" * len(keys))
    query = (
        "SELECT jobs.key, key_fingerprint FROM jobs JOIN attempts ON attempts.key = jobs.key "  # noqa: S608 - marks only
        f"AND attempts.attempt = jobs.attempts WHERE key_fingerprint IS NOT NULL AND jobs.key IN ({marks})"
    )
    return dict(db.execute(query, list(keys)).fetchall())


def recent_costs(db: sqlite3.Connection, *, base: str, model: str, limit: int) -> list[float]:
    """Return what the latest billed jobs cost, in dollars."""
    return _recent(db, "cost", base=base, model=model, limit=limit)


def recent_inference_times(db: sqlite3.Connection, *, base: str, model: str, limit: int) -> list[float]:
    """Return how long the latest jobs took, in seconds, as the API told."""
    return _recent(db, "inference_time", base=base, model=model, limit=limit)


def _recent(db: sqlite3.Connection, column: str, *, base: str, model: str, limit: int) -> list[float]:
    query = (
        # Those with a bill alone are in the index.
        f"SELECT {column} FROM jobs WHERE base = ? AND model = ? AND cost IS NOT NULL "  # noqa: S608 - our own names
        f"AND {column} IS NOT NULL AND state IN ('completed', 'stored') ORDER BY updated_at DESC LIMIT ?"
    )
    return [row[0] for row in db.execute(query, [base, model, limit])]


def spending(db: sqlite3.Connection) -> Spending:
    """Return what all attempts have cost; those on the offline engine are free and tell so."""
    costs = [row[0] for row in db.execute("SELECT cost FROM attempts WHERE cost IS NOT NULL")]
    unknown = db.execute(
        # A failed or refused attempt is not billed; one without an outcome was cut off between its intent and its id.
        "SELECT count(*) FROM attempts WHERE cost IS NULL "
        "AND (outcome IS NULL OR outcome IN ('submitted', 'in_doubt', 'lost', 'completed'))"
    ).fetchone()[0]
    price = statistics.median(costs) if costs else JOB_PRICE_USD
    return Spending(billed=len(costs), known_usd=sum(costs), unknown=unknown, price_usd=price)


def to_frame(
    records: Sequence[dict[str, Any]],
    with_masks: Mapping[str, Record] | None = None,
    *,
    folder: Path | None = None,
) -> pd.DataFrame:
    """Return jobs as a DataFrame with typed columns: UTC times, seconds and dollars as Float64, text as string.

    Parameters
    ----------
    records : sequence of dict
        From :func:`list_jobs`.
    with_masks : mapping of key to Record, optional
        Where the column ``mask`` comes from; None leaves it out.
    folder : Path, optional
        The store, for the files' paths.
    """
    import pandas as pd  # noqa: PLC0415 - the engine runs without

    names = _COLUMNS.split(", ")
    columns = {name: [record[name] for record in records] for name in names}
    frame = pd.DataFrame(index=pd.RangeIndex(len(records)))
    for name, values in columns.items():
        if name in _TIMES:
            frame[name] = pd.to_datetime(pd.array(values, dtype="Float64"), unit="s", utc=True)
        elif name in _TEXTS:
            frame[name] = pd.array(values, dtype="string")
        else:
            frame[name] = pd.array(values, dtype="Int64" if name in _COUNTS else "Float64")
    if folder is not None:
        artifacts = Artifacts(folder)
        paths = [None if name is None else str(artifacts.path(name)) for name in columns["artifact"]]
        frame["artifact_path"] = pd.array(paths, dtype="string")
    if with_masks is not None:
        frame["mask"] = pd.array([with_masks[record["key"]].mask for record in records], dtype="mask")
    return frame


def _dictionaries(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
