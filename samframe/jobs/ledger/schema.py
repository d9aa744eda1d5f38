"""The ledger's tables, and how its database is opened: journal mode by sqlite's version and the file system."""

from __future__ import annotations

import os
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

from samframe.errors import LedgerError
from samframe.ground.connections import ConnectionPool, open_connection
from samframe.jobs.ledger.migrate import migrate
from samframe.jobs.ledger.trouble import ledger_trouble

__all__ = [
    "APPLICATION_ID",
    "SCHEMA_VERSION",
    "file_system",
    "is_on_network",
    "open_readers",
    "open_writer",
    "prepare_database",
    "safe_journal_mode",
]

SCHEMA_VERSION = 2
APPLICATION_ID = 0x53414D46  # "SAMF"
_BUSY_S = 20.0

_TABLES = """
CREATE TABLE jobs (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    base TEXT NOT NULL,
    model TEXT NOT NULL,
    image TEXT NOT NULL,
    prompt TEXT,
    parameters TEXT NOT NULL,
    request_id TEXT,
    submitted_at REAL,
    updated_at REAL NOT NULL,
    result TEXT,
    error TEXT,
    note TEXT,
    cost REAL,
    inference_time REAL,
    queue_time REAL,
    total_time REAL,
    engine TEXT,
    score REAL,
    artifact TEXT,
    artifact_bytes INTEGER,
    mask_height INTEGER,
    mask_width INTEGER,
    mask_counts BLOB,
    raw TEXT,
    raw_bytes INTEGER,
    reader TEXT
) WITHOUT ROWID;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_bill ON jobs (base, model, updated_at) WHERE cost IS NOT NULL;
CREATE TABLE attempts (
    key TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    owner TEXT NOT NULL,
    consent TEXT NOT NULL,
    key_fingerprint TEXT,
    body_hash TEXT NOT NULL,
    intent_at REAL NOT NULL,
    request_id TEXT,
    submitted_at REAL,
    outcome TEXT,
    ended_at REAL,
    cost REAL,
    PRIMARY KEY (key, attempt)
) WITHOUT ROWID;
CREATE UNIQUE INDEX attempts_by_request ON attempts (request_id) WHERE request_id IS NOT NULL;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb3",
        "smbfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "fuse.glusterfs",
        "glusterfs",
    }
)


def safe_journal_mode(version: tuple[int, int, int], *, on_network: bool) -> str:
    """Return ``"wal"`` or ``"truncate"``.

    WAL of sqlite before 3.51.3, 3.50.7 (3.50 line) and 3.44.6 (3.44 line) can corrupt a database that two connections
    checkpoint at once (https://sqlite.org/wal.html#walresetbug); over a network file system its shared memory cannot
    work at all.
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "wal" if fixed and not on_network else "truncate"


def is_on_network(folder: Path) -> bool:
    """Return whether a folder lies on a network file system, as far as the system tells."""
    return file_system(folder) in _NETWORK_FILE_SYSTEMS


def prepare_database(path: Path) -> None:
    """Make the ledger's database where it is missing, and check that it can be written.

    Raises
    ------
    LedgerError
        If it is read-only, locked, corrupt, of a newer schema or no ledger at all. Nothing is deleted.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ledger_trouble(path, error, doing="opened") from None
    if is_on_network(path.parent):
        warnings.warn(
            f"The ledger's folder {path.parent} is on a network file system: locks may not hold between machines. "
            "Use a local folder (store=) where you can.",
            stacklevel=2,
        )
    with closing(open_writer(path)) as connection:
        try:
            is_new = _set_up(connection, path)
        except sqlite3.Error as error:
            raise ledger_trouble(path, error) from None
    if is_new:
        _warn_of_older_outputs(path)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the ledger's database for the calling thread alone; every commit is synced.

    Raises
    ------
    LedgerError
        If it cannot be opened.
    """
    try:
        connection = open_connection(path, timeout_s=_BUSY_S)
    except sqlite3.Error as error:
        raise ledger_trouble(path, error, doing="opened") from None
    mode = safe_journal_mode(sqlite3.sqlite_version_info, on_network=is_on_network(path.parent))
    try:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        raise ledger_trouble(path, error) from None
    return connection


def open_readers(path: Path) -> ConnectionPool:
    """Return what lends connections that only read; none is opened before it is asked for."""
    return ConnectionPool(
        path, timeout_s=_BUSY_S, prepare=lambda connection: connection.execute("PRAGMA query_only = ON")
    )


def _warn_of_older_outputs(path: Path) -> None:
    """Tell that outputs were paid for which a new ledger knows nothing of: it was deleted, or emptied."""
    kept = next((path.parent / "artifacts").glob("??/*"), None)
    if kept is not None:
        warnings.warn(
            f"The store {path.parent} holds raw outputs that were paid for, but its ledger {path.name} is new: "
            "rows that were done before count as new and would be paid again. If you have a copy of the ledger, put it "
            "back first; else look at the account's request history before you go on.",
            stacklevel=4,
        )


def _set_up(connection: sqlite3.Connection, path: Path) -> bool:
    """Make or check the tables, and return whether they were made."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        is_new = _create_or_check(connection, path)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return is_new


def _create_or_check(connection: sqlite3.Connection, path: Path) -> bool:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not tables:
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("INSERT INTO about VALUES ('salt', ?)", (os.urandom(16).hex(),))
        return True
    if application != APPLICATION_ID:
        raise LedgerError(
            f"{path} is a database, but no ledger of samframe. Choose another folder with store=."
        )
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if schema > SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger {path} was written by a newer samframe (schema {schema}, this one knows {SCHEMA_VERSION}). "
            "Upgrade samframe, or choose another folder with store=."
        )
    if schema < SCHEMA_VERSION:
        migrate(connection, path.parent, schema=schema)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return False


def file_system(folder: Path) -> str:
    """Return the type of the file system below a folder, empty where the system does not tell (not Linux)."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    target = str(folder.resolve())
    best, kind = "", ""
    for line in lines:
        fields = [*line.split(), "", "", ""]
        mount = fields[1].replace("\\040", " ")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind
