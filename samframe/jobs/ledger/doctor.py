"""A look at a store's health: database, file system, jobs that want attention, artifacts. Nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samframe.errors import LedgerError
from samframe.ground.connections import open_connection
from samframe.jobs.ledger.artifacts import Artifacts
from samframe.jobs.ledger.owner import is_alive
from samframe.jobs.ledger.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    file_system,
    is_on_network,
    safe_journal_mode,
)
from samframe.jobs.model import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Finding", "examine_store"]

#: Jobs that wait for the user, and what to do about them.
_ADVICE = {
    JobState.SUBMITTED: "accepted and not collected: run the same call again, it is free",
    JobState.COMPLETED: "finished and not downloaded: run the same call again, it is free",
    JobState.UNREAD: (
        "paid for, the mask not read yet, the output kept: run the same call again, with reader= or allowed_hosts= "
        "where its message says so; it is free"
    ),
    JobState.IN_DOUBT: 'the answer was lost: run the same call again to look for them, or retry="in_doubt"',
    JobState.LOST: 'their record has expired: retry="lost" pays again',
    JobState.FAILED: 'correct the rows, or retry="failed"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        The thing.
    text : str
        What was found, and what to do.
    is_problem : bool
        Whether samframe cannot work with the store as it is, or something paid for is damaged.
    """

    what: str
    text: str
    is_problem: bool = False


def examine_store(folder: Path) -> list[Finding]:
    """Look at a store and return what was found, in the order in which it matters."""
    path = folder / "ledger.sqlite3"
    if not path.is_file():
        return [Finding(what="ledger", text=f"there is none in {folder}; the first run makes it")]
    findings = [Finding(what="ledger", text=f"{path}, {path.stat().st_size:,} bytes"), _file_system(folder)]
    try:
        # Read-only: a doctor that writes could make things worse.
        with closing(open_connection(f"{path.resolve().as_uri()}?mode=ro", is_uri=True)) as db:
            findings += _database(db, folder)
    except sqlite3.Error as error:
        text = f"it cannot be read: {error}. Keep the file; choose another folder with store= meanwhile"
        findings.append(Finding(what="database", text=text, is_problem=True))
    return findings


def _file_system(folder: Path) -> Finding:
    kind = file_system(folder)
    if is_on_network(folder):
        text = f"{kind} is a network file system: locks may not hold between machines; use a local folder"
        return Finding(what="file system", text=text)
    return Finding(what="file system", text=kind or "unknown")


def _database(db: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        yield Finding(what="schema", text="this is a database, but no ledger of samframe", is_problem=True)
        return
    schema = db.execute("PRAGMA user_version").fetchone()[0]
    if schema > SCHEMA_VERSION:
        text = f"{schema}, written by a newer samframe (this one knows {SCHEMA_VERSION}): upgrade samframe"
        yield Finding(what="schema", text=text, is_problem=True)
        return
    yield Finding(what="schema", text=str(schema))
    yield _integrity(db)
    yield _journal(db, folder)
    yield from _jobs(db, folder)
    yield _artifacts(db, folder)


def _integrity(db: sqlite3.Connection) -> Finding:
    lines = [str(row[0]) for row in db.execute("PRAGMA integrity_check(5)")]
    if lines == ["ok"]:
        return Finding(what="integrity", text="ok")
    text = f"damaged ({'; '.join(lines)}). Keep the file; `.recover` of the sqlite3 command may save it"
    return Finding(what="integrity", text=text, is_problem=True)


def _journal(db: sqlite3.Connection, folder: Path) -> Finding:
    safe = safe_journal_mode(sqlite3.sqlite_version_info, on_network=is_on_network(folder))
    text = f"{safe} (sqlite {sqlite3.sqlite_version})"
    if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal" != safe:
        text += "; the file was last written in WAL mode, the next run changes that"
    return Finding(what="journal", text=text)


def _jobs(db: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    counts = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
    for state in JobState:
        count = counts.get(state.value, 0)
        if count and state is not JobState.SUBMITTING:
            advice = f": {_ADVICE[state]}" if state in _ADVICE else ""
            yield Finding(what=state.value, text=f"{count:,}{advice}")
    owners = [row[0] for row in db.execute("SELECT owner FROM jobs WHERE state = 'submitting'")]
    at_work = sum(owner is not None and is_alive(folder, owner) for owner in owners)
    if at_work:
        yield Finding(what="submitting", text=f"{at_work:,}, by a run that is at work")
    if len(owners) > at_work:
        text = f"{len(owners) - at_work:,}, by runs that died: the next run puts them in doubt and looks for them"
        yield Finding(what="submitting", text=text)


def _artifacts(db: sqlite3.Connection, folder: Path) -> Finding:
    artifacts = Artifacts(folder)
    names = {row[0] for row in db.execute("SELECT artifact FROM jobs WHERE artifact IS NOT NULL")}
    if db.execute("PRAGMA user_version").fetchone()[0] > 1:  # the first schema had no raw outputs
        names |= {row[0] for row in db.execute("SELECT raw FROM jobs WHERE raw IS NOT NULL")}
    try:
        bad = [name for name in sorted(names) if not artifacts.verify(name)]
    except LedgerError as error:
        return Finding(what="artifacts", text=str(error), is_problem=True)
    if bad:
        text = (
            f"{len(bad):,} of {len(names):,} are missing or altered, the first {bad[0][:12]}; "
            "masks are in the ledger as well and are not affected"
        )
        return Finding(what="artifacts", text=text, is_problem=True)
    return Finding(what="artifacts", text=f"{len(names):,}, all there and as their names say")
