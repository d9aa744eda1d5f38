"""A cache bounded by bytes: what was used last stays."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["ByteCache"]

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Values by key, as many as fit in a number of bytes; the one that was used longest ago goes first.

    Parameters
    ----------
    max_bytes : int
        Room. A value that is larger than all of it is not kept.

    Examples
    --------
    >>> cache = ByteCache(10)
    >>> cache.put("a", 1, n_bytes=6)
    >>> cache.put("b", 2, n_bytes=6)
    >>> cache.get("a") is None, cache.get("b")
    (True, 2)
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> T | None:
        """Return a value and count it as used now; None where it is not kept."""
        with self._lock:
            kept = self._values.get(key)
            if kept is None:
                return None
            self._values.move_to_end(key)
            return kept[0]

    def put(self, key: str, value: T, *, n_bytes: int) -> None:
        """Keep a value, and drop others until all fit."""
        with self._lock:
            self._drop(key)
            if n_bytes > self.max_bytes:
                return
            while self.used_bytes + n_bytes > self.max_bytes:
                self._drop(next(iter(self._values)))
            self._values[key] = (value, n_bytes)
            self.used_bytes += n_bytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self.used_bytes = 0

    def _drop(self, key: str) -> None:
        kept = self._values.pop(key, None)
        if kept is not None:
            self.used_bytes -= kept[1]
