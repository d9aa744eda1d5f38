"""Why rows have no result, counted by kind: the commonest one is what a run's summary tells."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["Reasons"]

#: What differs between two rows that failed for one reason: names in quotes, numbers, ids.
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\b[0-9a-f]{8,}[0-9a-f-]*\b|\d[\d,.]*")


class Reasons:
    """Counts reasons that say the same of different rows as one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._example: dict[str, str] = {}

    def add(self, text: str, n_rows: int = 1) -> None:
        """Note why so many rows have no result."""
        kind = _OWN.sub("…", text)
        self._counts[kind] += n_rows
        self._example.setdefault(kind, text)

    def commonest(self) -> tuple[str, int] | None:
        """Return the commonest reason, as one of its rows has it, and of how many rows; None where there is none."""
        if not self._counts:
            return None
        kind, count = max(self._counts.items(), key=lambda item: item[1])
        return self._example[kind], count

    def words(self) -> str:
        """Return the commonest reason in a sentence with its remedy, empty where there is none."""
        found = self.commonest()
        if found is None:
            return ""
        text, count = found
        rows = "1 row" if count == 1 else f"{count:,} rows"
        others = len(self._counts) - 1
        more = (
            "" if not others else " (and 1 other reason)" if others == 1 else f" (and {others} other reasons)"
        )
        return f"Without a result most often ({rows}): {text}{more}"
