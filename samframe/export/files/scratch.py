"""What an export remembers of every image and row, in a database of its own on disk: memory does not grow with it."""

from __future__ import annotations

import weakref
from typing import Any

from samframe.ground.connections import SharedConnection

__all__ = ["Scratch", "ScratchMap"]

Key = str | bytes | int
Value = str | bytes | int

#: Pages that sqlite keeps in memory, in KiB; what is beyond goes to the folder for temporary files.
_CACHE_KIB = 1024
#: Pairs that a map has at hand: rows of one image mostly stand together.
_AT_HAND = 512


class Scratch:
    """A private database that is gone with the process, or with the last map in it; small ones never touch the disk.

    Threads may share its maps: one at a time has the database.

    Raises
    ------
    sqlite3.Error
        From its maps, where the folder for temporary files is full.
    """

    def __init__(self) -> None:
        # sqlite's temporary database: a file that has no name and is written to once the cache is full.
        self.database = SharedConnection("")
        with self.database as database:
            for pragma in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
                database.execute(f"PRAGMA {pragma}")
            database.execute("BEGIN")
        self._n_maps = 0
        weakref.finalize(self, self.database.close)

    def map(self) -> ScratchMap:
        """Return a new, empty map."""
        with self.database:
            self._n_maps += 1
            return ScratchMap(self, f"map{self._n_maps}")


class ScratchMap:
    """Texts, bytes or whole numbers to such, as a dict takes and gives them; a text and its bytes are one key."""

    def __init__(self, scratch: Scratch, name: str) -> None:
        self._scratch = scratch  # keeps the database open
        self._database = scratch.database
        with self._database as database:
            database.execute(f"CREATE TABLE {name} (key PRIMARY KEY, value) WITHOUT ROWID")
        self._select = f"SELECT value FROM {name} WHERE key = ?"  # noqa: S608 - a name of our own
        self._replace = f"INSERT OR REPLACE INTO {name} VALUES (?, ?)"  # noqa: S608 - a name of our own
        self._delete = f"DELETE FROM {name} WHERE key = ?"  # noqa: S608 - a name of our own
        self._at_hand: dict[bytes | int, Value] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        stored = _storable(key)
        with self._database as database:
            database.execute(self._replace, (stored, value))
            self._note(stored, value)

    def get(self, key: Key, default: Value | None = None) -> Any:
        """Return the value of a key, or the default."""
        stored = _storable(key)
        at_hand = self._at_hand.get(stored)
        if at_hand is not None:
            return at_hand
        with self._database as database:
            row = database.execute(self._select, (stored,)).fetchone()
            if row is None:
                return default
            self._note(stored, row[0])
            return row[0]

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def add(self, key: Key) -> None:
        """Note a key alone, as a set does."""
        self[key] = 1

    def setdefault(self, key: Key, value: Value) -> Any:
        """Return the value of a key; the given one, from now on, where there is none."""
        with self._database:
            found = self.get(key)
            if found is None:
                self[key] = found = value
        return found

    def pop(self, key: Key) -> Any:
        """Return the value of a key and forget it.

        Raises
        ------
        KeyError
            If there is none.
        """
        stored = _storable(key)
        with self._database as database:
            found = self.get(key)
            if found is None:
                raise KeyError(key)
            database.execute(self._delete, (stored,))
            self._at_hand.pop(stored, None)
        return found

    def _note(self, key: bytes | int, value: Value) -> None:
        if len(self._at_hand) >= _AT_HAND:
            self._at_hand.clear()
        self._at_hand[key] = value


def _storable(key: Key) -> bytes | int:
    """Return a key as sqlite takes it: text may hold what UTF-8 has no bytes for."""
    return key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
