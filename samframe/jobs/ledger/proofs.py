"""Which deployments have answered with a mask that was read: kept in the ledger, so that none is tried out twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["is_proven", "proof_name", "prove"]


def proof_name(*, base: str, model: str, form: str = "", reader: str = "auto") -> str:
    """Return the name under which a proof is kept.

    Parameters
    ----------
    base, model : str
        The deployment, and the model asked for.
    form : str
        What else decides the form of an answer: ``overlay``, ``base64``, the version of a model's profile.
    reader : str
        What the masks are read with.
    """
    return f"read\n{base}\n{model}\n{form}\n{reader}"


def is_proven(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a mask was read under this name."""
    return db.execute("SELECT 1 FROM about WHERE name = ?", [name]).fetchone() is not None


def prove(db: sqlite3.Connection, name: str, *, now: float) -> None:
    """Keep that a mask was read."""
    db.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", [name, f"{now:.0f}"])
