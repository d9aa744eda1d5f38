"""A ledger of an earlier schema brought to this one: columns are added, nothing that was paid for is dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from samframe.jobs.ledger.proofs import proof_name

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["migrate"]

_ARTIFACT_IN_TEXT = re.compile(r"kept as artifact ([0-9a-f]{12})")


def migrate(db: sqlite3.Connection, folder: Path, *, schema: int) -> None:
    """Bring a ledger to the newest schema, within the caller's transaction.

    Parameters
    ----------
    folder : Path
        The store, where raw outputs are looked for.
    schema : int
        What it is now.
    """
    if schema < 2:  # noqa: PLR2004 - the schema's own number
        _add_raw_outputs(db, folder)


def _add_raw_outputs(db: sqlite3.Connection, folder: Path) -> None:
    """Schema 2: the raw output of a job whose mask is not read yet, and the reader of one that is."""
    there = {row[1] for row in db.execute("PRAGMA table_info(jobs)")}
    for name, kind in (("raw", "TEXT"), ("raw_bytes", "INTEGER"), ("reader", "TEXT")):
        if name not in there:
            db.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
    # Before there was `unread`, a job whose output could not be read had failed; a job that failed has no result.
    rows = db.execute("SELECT key, error FROM jobs WHERE state = 'failed' AND result IS NOT NULL").fetchall()
    for key, error in rows:
        raw = _kept(folder, error or "")
        text = _as_unread(error or "")
        db.execute(
            "UPDATE jobs SET state = 'unread', raw = ?, raw_bytes = ?, error = ? WHERE key = ?",
            [
                raw.name if raw is not None else None,
                raw.stat().st_size if raw is not None else None,
                text,
                key,
            ],
        )
    # What was read before needs no trial.
    for base, model in db.execute("SELECT DISTINCT base, model FROM jobs WHERE state = 'stored'").fetchall():
        name = proof_name(base=base, model=model)
        db.execute("INSERT OR IGNORE INTO about VALUES (?, 'read before')", [name])


def _kept(folder: Path, error: str) -> Path | None:
    """Return the raw output that a message names by the beginning of its hash, None where it is not there."""
    match = _ARTIFACT_IN_TEXT.search(error)
    if match is None:
        return None
    start = match[1]
    return next(iter(sorted((folder / "artifacts" / start[:2]).glob(f"{start}*"))), None)


def _as_unread(error: str) -> str:
    """Return an earlier version's words without its advice to pay again."""
    return error.replace(' retry="failed" pays for it again.', " Run the same call again to read it: free.")
