"""When a job is likely done: service times learned from finished jobs, and the place in a first-come queue.

The API's queue is first in, first out, with an unknown number of workers. Finished jobs tell their queue and
inference times; with the moment of submission that gives when each started and ended. The largest number at work at
one time is the number of workers, once any job was seen to wait. The jobs still out are then replayed through that
many workers.
"""

from __future__ import annotations

import bisect
import heapq
from collections import deque
from typing import TYPE_CHECKING

from samframe.ground.contract import JOB_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ServiceTimes", "WorkerModel", "expected_ends"]

_MEMORY = 512
_LONGEST_PRIOR_S = 1.0
_MARGIN_S = 0.03
#: Two jobs that overlap by less than this are one after the other on one worker.
_OVERLAP_S = 0.05


class ServiceTimes:
    """Recent inference times, in seconds, and what is left of one that has run for a while.

    Parameters
    ----------
    prior_s : float
        Stands in before the first job has finished; no more of it than a second, as waiting too long for the first
        costs more than asking twice.
    """

    def __init__(self, prior_s: float = JOB_SECONDS) -> None:
        self._prior_s = min(_LONGEST_PRIOR_S, prior_s)
        self._order: deque[float] = deque(maxlen=_MEMORY)
        self._sorted: list[float] = []

    def add(self, seconds: float) -> None:
        """Learn from one finished job."""
        if len(self._order) == _MEMORY:
            oldest = self._order[0]
            del self._sorted[bisect.bisect_left(self._sorted, oldest)]
        self._order.append(seconds)
        bisect.insort(self._sorted, seconds)

    def __len__(self) -> int:
        return len(self._order)

    def quantile(self, q: float) -> float:
        """Return the q-quantile of all service times."""
        if not self._sorted:
            return self._prior_s
        return self._sorted[min(len(self._sorted) - 1, int(q * len(self._sorted)))]

    def longest_s(self) -> float:
        """Return a time that a job hardly takes: beyond the longest known, by the more the more they differ."""
        longest = self.quantile(1.0)
        spread = self.quantile(0.9) - self.quantile(0.1)
        return longest + min(_MARGIN_S / 2 + spread, 0.05 * longest)

    def remaining(self, elapsed_s: float, q: float) -> float:
        """Return how much longer a job takes that has run for ``elapsed_s``, as the q-quantile of the longer ones."""
        start = bisect.bisect_right(self._sorted, elapsed_s)
        longer = self._sorted[start:]
        if longer:
            return max(_MARGIN_S, longer[min(len(longer) - 1, int(q * len(longer)))] - elapsed_s)
        return max(_MARGIN_S, 0.25 * max(elapsed_s, self.quantile(0.5)))


class WorkerModel:
    """How many workers serve the queue, as far as finished jobs tell; None while no job was seen to wait."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float]] = deque(maxlen=_MEMORY)
        self._waited = False
        self._count = 0
        self._uncounted = 0

    def add(self, start: float, end: float, *, waited_s: float) -> None:
        """Learn from one finished job: when it started and ended, and how long it waited before."""
        self._spans.append((start, end))
        if waited_s > 0.25 * max(end - start, 0.05):
            self._waited = True
        self._uncounted += 1

    def saw_queue(self) -> bool:
        """A job was found waiting though the expected time had come; return whether that is news."""
        is_news = not self._waited
        self._waited = True
        return is_news

    @property
    def workers(self) -> int | None:
        """The number of workers, None while every job started at once."""
        if not self._waited or not self._spans:
            return None
        if self._uncounted >= max(1, self._count // 4):  # counting is dear, and a few jobs change it little
            self._count, self._uncounted = _most_at_once(self._spans), 0
        return self._count

    def busy_until(self, now: float) -> list[float]:
        """Return the latest ends of finished jobs, one a worker: when each worker was last seen to come free."""
        count = self.workers or 0
        latest = sorted([end for _, end in self._spans], reverse=True)[:count]
        return [min(end, now) for end in latest]


def _most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    moments: list[tuple[float, int]] = []
    for start, end in spans:
        # A hair is taken off each end, so that the next job on the same worker does not count as a second worker.
        slack = min(_OVERLAP_S, (end - start) * 0.1)
        moments.append((start + slack, 1))
        moments.append((end - slack, -1))
    moments.sort()
    most = at_work = 0
    for _, step in moments:
        at_work += step
        most = max(most, at_work)
    return max(1, most)


def expected_ends(
    submitted: Sequence[float],
    not_before: Sequence[float],
    *,
    service_s: float,
    free: Sequence[float],
    workers: int | None,
) -> list[float]:
    """Replay jobs through the workers and return when each is expected to end.

    Parameters
    ----------
    submitted : sequence of float
        When each was submitted, in order of submission.
    not_before : sequence of float
        The latest moment at which each was known not to have started (0 where unknown).
    service_s : float
        Service time to replay with.
    free : sequence of float
        When each worker comes free, as far as known; shorter than ``workers`` where not.
    workers : int or None
        None: every job starts when it is submitted.
    """
    if workers is None:
        return [max(begin, bound) + service_s for begin, bound in zip(submitted, not_before, strict=True)]
    heap = [*free, *([0.0] * (workers - len(free)))]
    heapq.heapify(heap)
    ends = []
    for begin, bound in zip(submitted, not_before, strict=True):
        start = max(begin, bound, heap[0])
        end = start + service_s
        heapq.heapreplace(heap, end)
        ends.append(end)
    return ends
