"""The queue of jobs: first come, first served, except that jobs about the image at hand follow each other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["GroupedQueue"]

T = TypeVar("T")

#: So many of one group in turn; then the next group has its turn.
_MOST_IN_TURN = 64


class GroupedQueue(Generic[T]):
    """Items in groups. Its methods belong to one event loop.

    A group whose items are served keeps its turn while it has items, up to a limit; groups come in the order of their
    first item. Where every item is a group of its own, that is first come, first served.

    Parameters
    ----------
    most_in_turn : int
        So many items of one group are served while others wait.
    """

    def __init__(self, most_in_turn: int = _MOST_IN_TURN) -> None:
        self._most_in_turn = most_in_turn
        self._groups: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._there = asyncio.Semaphore(0)
        self._at_turn: Hashable = None
        self._in_turn = 0

    def put(self, item: T, *, group: Hashable) -> None:
        """Add an item to the end of its group."""
        self._groups.setdefault(group, deque()).append(item)
        self._there.release()

    def __contains__(self, group: Hashable) -> bool:
        return group in self._groups

    async def get(self) -> T:
        """Wait for the next item, and take it."""
        await self._there.acquire()
        group = self._next_group()
        items = self._groups[group]
        item = items.popleft()
        if not items:
            del self._groups[group]
        return item

    def first_of_others(self, n: int) -> list[T]:
        """Return the first item of each of the next `n` groups, which stay in the queue."""
        others = (items[0] for group, items in self._groups.items() if group != self._at_turn)
        return [item for item, _ in zip(others, range(n), strict=False)]

    def _next_group(self) -> Hashable:
        if self._at_turn in self._groups and self._in_turn < self._most_in_turn:
            self._in_turn += 1
            return self._at_turn
        if self._at_turn in self._groups:
            self._groups.move_to_end(self._at_turn)
        self._at_turn, self._in_turn = next(iter(self._groups)), 1
        return self._at_turn
