"""A worker's side of the coordinator: a gate and a budget that live on leases, and the task that renews them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from samframe.errors import LedgerError
from samframe.jobs.model import Budget
from samframe.jobs.shared.coordinator import Exchange, Grant, Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Lease", "LeasedBudget", "LeasedGate"]

#: The longest silence between two reports: bills and the sign of life.
_HEARTBEAT_S = 1.0
#: How soon a call that waits for a permit looks again.
_NAP_S = 0.01
#: A permit that was not used for so long goes back: many that are late would arrive in a heap.
_STALE_S = 0.5
#: More are asked for when so few are left.
_LOW = 2


@dataclass(slots=True, kw_only=True)
class LeasedBudget(Budget):
    """One worker's part of a run's budget; whether more may be spent is the coordinator's word."""

    is_spent: bool = False

    def allows_one_more(self) -> bool:
        """Return whether one more job may fit: each permit has its money set aside."""
        return not self.is_spent


class _Permits:
    """Moments at which calls of one kind may go, and what became of the calls since the last report."""

    def __init__(self) -> None:
        self.moments: deque[float] = deque()
        self.waiting = 0
        self.sent = 0
        self.returned = 0
        self.refused = 0

    def drop_stale(self, now: float) -> int:
        before = len(self.moments)
        while self.moments and now - self.moments[0] > _STALE_S:
            self.moments.popleft()
        return before - len(self.moments)


class LeasedGate:
    """The rate gate as a run sees it, opened by permits; the same calls as :class:`RateGate`.

    Parameters
    ----------
    ask : callable
        Called when permits run low.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self.posts = _Permits()
        self.gets = _Permits()
        self.gets_count = False
        self.refusals: list[tuple[float, float | None, bool]] = []
        self._closed_until = 0.0
        self._ask_after = 0.0
        self._gap_s: float | None = None
        self._last_slot = 0.0

    def wait_s(self, now: float, *, is_get: bool) -> float:
        """Return how long a call must wait; 0 if it may go now (then tell :meth:`passed`)."""
        if is_get and not self.gets_count:
            return 0.0
        if now < self._closed_until:
            return self._closed_until - now
        permits = self.gets if is_get else self.posts
        if len(permits.moments) <= _LOW:
            permits.waiting += 1
            if now >= self._ask_after:
                self._ask()
        if permits.moments:
            return max(0.0, permits.moments[0] - now)
        return max(_NAP_S, self._ask_after - now)

    def is_closed(self, now: float) -> bool:
        """Return whether a refusal holds everybody."""
        return now < self._closed_until

    def passed(self, now: float, *, is_get: bool) -> None:
        """A call goes out now."""
        del now
        if is_get and not self.gets_count:
            return
        permits = self.gets if is_get else self.posts
        permits.moments.popleft()
        permits.sent += 1

    @property
    def gap_s(self) -> float | None:
        """Seconds between two calls of the account where they are spaced, None where they are not."""
        return self._gap_s

    def slot_wait_s(self, now: float, *, is_get: bool) -> float:
        """Take the moment at which a call that has passed is sent, and return how long to wait for it."""
        if self._gap_s is None or (is_get and not self.gets_count):
            return 0.0
        self._last_slot = max(now, self._last_slot + self._gap_s)
        return self._last_slot - now

    def returned(self, *, is_get: bool, refused: bool = False) -> None:
        """A call that had passed came back."""
        if is_get and not self.gets_count:
            return
        permits = self.gets if is_get else self.posts
        permits.returned += not refused
        permits.refused += refused

    def refuse(self, now: float, *, is_get: bool, wait_s: float | None) -> None:
        """A call was refused with a 429: nothing goes before the coordinator has said how long."""
        self.refusals.append((now, wait_s, is_get))
        self.gets_count = self.gets_count or is_get
        self._closed_until = max(self._closed_until, now + (wait_s if wait_s is not None else _NAP_S))
        self._ask()

    def take(self, grant: Grant, now: float) -> None:
        """Take what the coordinator granted."""
        self.gets_count = self.gets_count or grant.gets_count
        self._gap_s = grant.gap_s
        self.posts.moments.extend(now + seconds for seconds in grant.posts_in_s)
        self.gets.moments.extend(now + seconds for seconds in grant.gets_in_s)
        if not self.refusals:  # of those the coordinator has not heard yet
            self._closed_until = now + grant.closed_s
        self._ask_after = now + grant.again_in_s


class Lease:
    """A run's membership with a coordinator, as an async context manager around the run.

    Parameters
    ----------
    desk : Exchange
        The coordinator.
    member, account, run : str
        This worker, the account whose limit it shares, and the run whose budget.
    budget : LeasedBudget
        The worker's own figures.
    rate_limit : float or None
        Requests a minute, as the call was given it.
    clock : callable
        The event loop's time, in seconds.

    Attributes
    ----------
    gate : LeasedGate
        What the run takes for its rate gate.
    demand : callable
        How many jobs wait to be submitted.
    stop : callable
        Told to end the run when the coordinator cannot be reached.
    """

    def __init__(
        self,
        desk: Exchange,
        *,
        member: str,
        account: str,
        run: str,
        budget: LeasedBudget,
        rate_limit: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._names = {"member": member, "account": account, "run": run}
        self._budget = budget
        self._rate_limit = rate_limit
        self._clock = clock
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_ending = False
        self.error: Exception | None = None
        self.gate = LeasedGate(self._asked.set)
        self.demand: Callable[[], int] = lambda: 1
        self.stop: Callable[[str], None] = lambda _reason: None

    async def __aenter__(self) -> Self:
        await self._exchange()
        self._task = asyncio.get_running_loop().create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Told to end, not cancelled: wait_for of Python 3.11 may swallow a cancellation that meets the event.
        self._is_ending = True
        self._asked.set()
        if self._task is not None:
            await self._task
        if self.error is None:
            with contextlib.suppress(
                LedgerError
            ):  # the figures told before stand: more than was spent, never less
                await self._exchange(is_leaving=True)
        await asyncio.to_thread(self._desk.close)
        if self.error is not None and error is None:
            raise self.error

    async def _renew(self) -> None:
        """Report and ask for more, whenever permits run low and at every heartbeat."""
        try:
            while not self._is_ending:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), _HEARTBEAT_S)
                self._asked.clear()
                await self._exchange()
                await asyncio.sleep(_NAP_S / 2)
        except LedgerError as error:
            self.error = error
            self.stop(str(error))

    async def _exchange(self, *, is_leaving: bool = False) -> None:
        report = self._report(is_leaving=is_leaving)
        grant = await asyncio.shield(asyncio.to_thread(self._desk.exchange, report))
        self._budget.price = max(self._budget.price, grant.price)
        self._budget.is_spent = grant.is_spent
        self.gate.take(grant, self._clock())

    def _report(self, *, is_leaving: bool) -> Report:
        """Return the figures since the last report, and start the next."""
        now = self._clock()
        posts, gets = self.gate.posts, self.gate.gets
        refusals = tuple((now - at, wait_s, is_get) for at, wait_s, is_get in self.gate.refusals)
        report = Report(
            **self._names,
            rate_limit=self._rate_limit,
            max_cost=self._budget.max_cost,
            want_posts=max(0, self.demand() - len(posts.moments)) if posts.waiting and not is_leaving else 0,
            want_gets=gets.waiting if not is_leaving else 0,
            sent_posts=posts.sent,
            sent_gets=gets.sent,
            unused_posts=len(posts.moments) if is_leaving else posts.drop_stale(now),
            unused_gets=len(gets.moments) if is_leaving else gets.drop_stale(now),
            returned_posts=posts.returned,
            returned_gets=gets.returned,
            refused_posts=posts.refused,
            refused_gets=gets.refused,
            refusals=refusals,
            price=self._budget.price,
            has_bill=self._budget.has_bill,
            known=self._budget.known,
            unbilled=self._budget.unbilled,
            in_doubt=self._budget.in_doubt,
            is_leaving=is_leaving,
        )
        self.gate.refusals.clear()
        for permits in (posts, gets):
            permits.waiting = permits.sent = permits.returned = permits.refused = 0
        return report
