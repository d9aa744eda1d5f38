"""The coordinator of several runs: one rate gate for an account, one budget for a run, handed out as leases.

The account's rate limit is the bottleneck of any number of workers, so nothing is gained by sharing more than it takes:
each worker keeps the ordinary engine and asks for permits, each good for one call at one moment, with its money set
aside. Who pays for which job is not decided here: that is the ledger's atomic claim. Pure: time comes in.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from samframe.jobs.model import Budget
from samframe.jobs.pace import RateGate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AccountPace", "Coordinator", "Exchange", "Grant", "Report", "RunPurse", "exchange_once"]

#: How far ahead permits are handed out, in seconds.
_HORIZON_S = 0.3
#: How soon a worker that got nothing asks again, in seconds.
_PAUSE_S = 0.02
#: Calls out at once, over all workers, where no spacing is known: before the first 429 few, as it may refuse them all.
_FIRST_OUT, _MOST_OUT = 6, 12
#: A worker that says nothing for so long is taken for dead: its calls no longer hold up the others.
_SILENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker tells. Counts are since its last report, money (US dollars) is since it began.

    Attributes
    ----------
    member, account, run : str
        Who asks, for which account's rate limit, and out of which budget.
    rate_limit, max_cost : float or None
        Requests a minute and US dollars, as the call was given them.
    want_posts, want_gets : int
        Calls that wait for a permit.
    sent_posts, sent_gets : int
        Permits that were used.
    unused_posts, unused_gets : int
        Permits that come back.
    returned_posts, returned_gets : int
        Calls that came back and were not refused.
    refused_posts, refused_gets : int
        Calls that came back with a 429.
    refusals : tuple of (float, float or None, bool)
        Each 429: seconds ago, seconds to its reset or None, whether it was a GET.
    price, known : float
        A job's expected price, and the bills that came.
    has_bill : bool
        Whether the price comes from a bill.
    unbilled, in_doubt : int
        Jobs whose bill is not known yet, and those that may have been billed.
    is_leaving : bool
        Whether this is the last report.
    """

    member: str
    account: str
    run: str
    rate_limit: float | None = None
    max_cost: float | None = None
    want_posts: int = 0
    want_gets: int = 0
    sent_posts: int = 0
    sent_gets: int = 0
    unused_posts: int = 0
    unused_gets: int = 0
    returned_posts: int = 0
    returned_gets: int = 0
    refused_posts: int = 0
    refused_gets: int = 0
    refusals: tuple[tuple[float, float | None, bool], ...] = ()
    price: float = 0.0
    has_bill: bool = False
    known: float = 0.0
    unbilled: int = 0
    in_doubt: int = 0
    is_leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a worker may do.

    Attributes
    ----------
    posts_in_s, gets_in_s : tuple of float
        When each granted call may go, in seconds from now, in order.
    again_in_s : float
        When asking for more is worth while, in seconds.
    closed_s : float
        How long a 429 still holds everybody, in seconds.
    gap_s : float or None
        Seconds between two calls of the account, where they are spaced.
    gets_count : bool
        Whether GETs count towards the limit.
    price : float
        What a job is expected to cost, in US dollars.
    is_spent : bool
        Whether the budget is used up, every bill being known.
    """

    posts_in_s: tuple[float, ...] = ()
    gets_in_s: tuple[float, ...] = ()
    again_in_s: float = 0.0
    closed_s: float = 0.0
    gap_s: float | None = None
    gets_count: bool = False
    price: float = 0.0
    is_spent: bool = False


class Exchange(Protocol):
    """Where a worker reports and is granted permits; called off the event loop."""

    def exchange(self, report: Report) -> Grant:
        """Take a report and return what the worker may do."""

    def close(self) -> None:
        """Let go of what the exchange holds open."""


@dataclass(slots=True)
class _Sender:
    """One worker's calls: when it was heard of last, its unused permits, its calls that are out, its limit."""

    seen: float
    permits: int = 0
    out: int = 0
    per_minute: float | None = None


class AccountPace:
    """The pace of one account: the rate gate, and who holds permits of it.

    Parameters
    ----------
    per_minute : float or None
        The limit that the first worker was given; None: it is learned. Of several that workers are given the strictest
        holds, for as long as one of them is at work; what is learned stays.
    random : callable
        A number in [0, 1).
    """

    def __init__(self, per_minute: float | None, random: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self.gate = RateGate(per_minute, random)
        self._senders: dict[str, _Sender] = {}

    def hear(self, report: Report, now: float) -> None:
        """Take in what became of a worker's calls."""
        sender = self._senders.setdefault(report.member, _Sender(now))
        sender.seen = now
        sender.per_minute = report.rate_limit
        self._keep_to_strictest()
        for is_get, good, bad in (
            (False, report.returned_posts, report.refused_posts + report.unused_posts),
            (True, report.returned_gets, report.refused_gets + report.unused_gets),
        ):
            for number in range(good + bad):
                self.gate.returned(is_get=is_get, refused=number >= good)
            sender.out = max(0, sender.out - good - bad)
        for age_s, wait_s, is_get in report.refusals:
            self.gate.refuse(now - age_s, is_get=is_get, wait_s=wait_s)
        self.gate.unused(report.unused_posts + report.unused_gets)
        used = report.sent_posts + report.sent_gets + report.unused_posts + report.unused_gets
        sender.permits = max(0, sender.permits - used)
        if report.is_leaving:
            self._forget(report.member)
        for name in [name for name, other in self._senders.items() if now - other.seen > _SILENCE_S]:
            self._forget(name)
        self._keep_to_strictest()

    def _keep_to_strictest(self) -> None:
        given = [sender.per_minute for sender in self._senders.values() if sender.per_minute is not None]
        strictest = min(given, default=None)
        if strictest != self.per_minute and self._senders:
            self.per_minute = strictest
            self.gate.limit(strictest)

    def grant(self, report: Report, now: float, *, want: int, is_get: bool) -> tuple[float, ...]:
        """Return when each of up to ``want`` calls may go, in seconds from now."""
        sender = self._senders.get(report.member)
        if sender is None:
            return ()
        room = min(want, self._room() - sender.permits)
        granted: list[float] = []
        at = now
        while len(granted) < room:
            wait = self.gate.wait_s(at, is_get=is_get)
            if wait > 0:
                at += wait
                if at > now + _HORIZON_S:
                    break
                continue
            self.gate.passed(at, is_get=is_get)
            granted.append(at - now)
        sender.permits += len(granted)
        sender.out += len(granted)
        return tuple(granted)

    def knows(self, member: str) -> bool:
        """Return whether a worker is at work, as far as is known."""
        return member in self._senders

    def _room(self) -> int:
        """How many permits one worker may hold: an even part of what may be out at once."""
        if self.gate.gap_s is not None:
            return max(1, math.ceil(_HORIZON_S / self.gate.gap_s / len(self._senders)))
        most = _MOST_OUT if self.gate.refused else _FIRST_OUT
        left = most - sum(sender.out for sender in self._senders.values())
        return min(left, max(1, math.ceil(most / len(self._senders))))

    def _forget(self, member: str) -> None:
        sender = self._senders.pop(member)
        for _ in range(sender.out):
            self.gate.returned(is_get=False, refused=True)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes, as JSON can hold it."""
        senders = {name: asdict(sender) for name, sender in self._senders.items()}
        return {"per_minute": self.per_minute, "gate": self.gate.state(), "senders": senders}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of :meth:`state`."""
        self._senders = {name: _Sender(**sender) for name, sender in state["senders"].items()}
        self.per_minute = state["per_minute"]
        self.gate.restore(state["gate"])


@dataclass(slots=True)
class RunPurse:
    """The money of one run, over all its workers; US dollars.

    Attributes
    ----------
    price : float
        What a job is expected to cost.
    has_bill : bool
        Whether any worker knows the price from a bill; before, one job at a time is let through where there is a limit.
    gone : float
        The most that workers which have left may have spent.
    members : dict
        For each worker at work: bills known, jobs unbilled, in doubt, and permits that it holds.
    """

    price: float = 0.0
    has_bill: bool = False
    gone: float = 0.0
    members: dict[str, list[float]] = field(default_factory=dict)

    def hear(self, report: Report) -> None:
        """Take in a worker's figures."""
        self.price = max(self.price, report.price)
        self.has_bill = self.has_bill or report.has_bill
        held = self.members.get(report.member, [0.0, 0, 0, 0])[3]
        held -= report.sent_posts + report.unused_posts
        self.members[report.member] = [report.known, report.unbilled, report.in_doubt, max(0, held)]

    def settle(self, is_at_work: Callable[[str], bool]) -> None:
        """Let go of workers that have left or died; jobs of theirs without a bill count as billed."""
        for member in [name for name in self.members if not is_at_work(name)]:
            known, unbilled, in_doubt, _ = self.members.pop(member)
            self.gone += known + (unbilled + in_doubt) * self.price

    def take(self, report: Report) -> bool:
        """Set the price of one more job aside for a worker, or return False."""
        if not self._budget(report.max_cost).allows_one_more():
            return False
        self.members[report.member][3] += 1
        return True

    def give_back(self, member: str, count: int) -> None:
        """Take back what was set aside for permits that were not to be had."""
        self.members[member][3] -= count

    def is_spent(self, report: Report) -> bool:
        """Return whether no further job fits, and none is out whose bill might make room."""
        budget = self._budget(report.max_cost)
        return not budget.allows_one_more() and budget.unbilled == 0

    def _budget(self, max_cost: float | None) -> Budget:
        figures = list(self.members.values())
        return Budget(
            price=self.price,
            max_cost=max_cost,
            has_bill=self.has_bill,
            known=self.gone + sum(known for known, *_ in figures),
            unbilled=int(sum(unbilled + held for _, unbilled, _, held in figures)),
            in_doubt=int(sum(in_doubt for _, _, in_doubt, _ in figures)),
        )


def exchange_once(pace: AccountPace, purse: RunPurse, report: Report, now: float) -> Grant:
    """Take a report into an account's pace and a run's purse, and return what the worker may do."""
    pace.hear(report, now)
    purse.hear(report)
    purse.settle(pace.knows)
    if report.is_leaving:
        return Grant()
    funded = 0
    while funded < report.want_posts and purse.take(report):
        funded += 1
    posts = pace.grant(report, now, want=funded, is_get=False)
    purse.give_back(report.member, funded - len(posts))
    gets_count = pace.gate.gets_count
    gets = pace.grant(report, now, want=report.want_gets, is_get=True) if gets_count else ()
    wait = pace.gate.wait_s(now, is_get=False)
    return Grant(
        posts_in_s=posts,
        gets_in_s=gets,
        again_in_s=0.0 if posts or gets else min(max(wait, _PAUSE_S), _HORIZON_S),
        closed_s=wait if pace.gate.is_closed(now) else 0.0,
        gap_s=pace.gate.gap_s,
        gets_count=gets_count,
        price=purse.price,
        is_spent=report.want_posts > 0 and not posts and purse.is_spent(report),
    )


class Coordinator:
    """The coordinator of one process's runs, from any of its threads.

    Parameters
    ----------
    random, clock : callable
        Chance, and monotonic seconds.
    """

    def __init__(
        self, *, random: Callable[[], float] = lambda: 0.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._random = random
        self._clock = clock
        self._lock = threading.Lock()
        self._paces: dict[str, AccountPace] = {}
        self._purses: dict[str, RunPurse] = {}

    def exchange(self, report: Report) -> Grant:
        """Take a report and return what the worker may do."""
        with self._lock:
            pace = self._paces.get(report.account)
            if pace is None:
                pace = self._paces[report.account] = AccountPace(report.rate_limit, self._random)
            purse = self._purses.setdefault(report.run, RunPurse())
            return exchange_once(pace, purse, report, self._clock())

    def close(self) -> None:
        """Nothing is held open."""
