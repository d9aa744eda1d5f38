"""The rate gate that all calls pass: a limit given, or one learned from the first refusal. Pure: time comes in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Gate", "RateGate"]

_WINDOW_S = 60.0
#: A reset nearer than this is no window of a minute but a bucket that drips tokens.
_BUCKET_RESET_S = 5.0
_FIRST_BLIND_WAIT_S = 2.0
_LONGEST_BLIND_WAIT_S = 60.0
_REOPEN = (1, 2, 4)
#: Part of what a bucket took in while the gate was closed that is let through at once, and how long that may take.
_CATCH_UP, _REOPEN_S = 0.8, 0.5
#: Refused again after fewer calls than these, a bucket holds little, and nothing is made up for any more.
_MADE_UP_CALLS = 4
#: What a learned gap shrinks by with each call that was not refused, unless it was measured over so many.
_SHRINK, _ENOUGH_MEASURED = 0.999, 64
#: Two refusals nearer than this tell nothing about a rate.
_SHORTEST_MEASURE_S, _FEWEST_MEASURED = 0.5, 8
#: Calls are spaced this much wider than the limit asks, as the way to the server takes some longer than others.
_SLACK = 1.01


class Gate(Protocol):
    """What a run asks before each call, and tells after it; times are the loop's, in seconds."""

    def wait_s(self, now: float, *, is_get: bool) -> float:
        """Return how long a call must wait; 0 if it may go now (then tell :meth:`passed`)."""

    def is_closed(self, now: float) -> bool:
        """Return whether a refusal holds everybody."""

    def passed(self, now: float, *, is_get: bool) -> None:
        """A call goes out now."""

    def slot_wait_s(self, now: float, *, is_get: bool) -> float:
        """Take the moment at which a call that has passed is sent, and return how long to wait for it."""

    def returned(self, *, is_get: bool, refused: bool = False) -> None:
        """A call that had passed came back."""

    @property
    def gap_s(self) -> float | None:
        """Seconds between two calls where they are spaced, None where they are not."""

    def refuse(self, now: float, *, is_get: bool, wait_s: float | None) -> None:
        """A call was refused with a 429, ``wait_s`` seconds before its reset where the server told."""


class RateGate:
    """One gate for everybody.

    Before the first 429 there is no limit (unless one is given). A 429 closes the gate for all until the reset the
    server told. After that, a limit with a distant reset is a window: one less than it took is let through in each. A
    near reset is a token bucket: calls are paced at the rate measured between two refusals.

    Parameters
    ----------
    per_minute : float, optional
        A limit given by the user: calls are spaced evenly under it, so that no kind of limiter refuses any.
    random : callable
        A number in [0, 1), for the jitter after a reset.
    """

    def __init__(self, per_minute: float | None, random: Callable[[], float]) -> None:
        self._random = random
        self._given_gap_s = _SLACK * _WINDOW_S / per_minute if per_minute is not None else None
        self._gap_s = self._given_gap_s
        self._next_at = -math.inf
        self._last_slot = -math.inf
        self._closed_until = -math.inf
        self._blind_wait_s = _FIRST_BLIND_WAIT_S
        self._out = 0
        self._reopening = 0
        self.gets_count = False
        self.refused = 0
        # window of a minute
        self._window_left: int | None = None
        self._window_limit: int | None = None
        self._window_ends = math.inf
        self._passed_since_opening = 0
        # token bucket
        self._first_empty_at: float | None = None
        self._taken_since_empty = self._measured_calls = 0
        self._taken_at_make_up = -_MADE_UP_CALLS
        self._catch_up = _CATCH_UP
        self._lag_s = self._slot_lag_s = 0.0

    def applies(self, *, is_get: bool) -> bool:
        """Return whether a call counts towards the limit. GETs do once one of them was refused."""
        return self.gets_count or not is_get

    def wait_s(self, now: float, *, is_get: bool) -> float:
        """Return how long a call must wait; 0 if it may go now (then tell :meth:`passed`)."""
        if not self.applies(is_get=is_get):
            return 0.0
        if now < self._closed_until:
            return self._closed_until - now
        if now >= self._window_ends and self._window_limit is not None:
            self._open_window(now)
        if self._window_left is not None and self._window_left <= 0:
            return max(0.01, self._window_ends - now)
        if self._reopening < len(_REOPEN) and self.refused and self._out >= _REOPEN[self._reopening]:
            return 0.01
        return max(0.0, self._next_at - now)

    def is_closed(self, now: float) -> bool:
        """Return whether a refusal holds everybody."""
        return now < self._closed_until

    def passed(self, now: float, *, is_get: bool) -> None:
        """A call goes out now."""
        if not self.applies(is_get=is_get):
            return
        self._out += 1
        self._passed_since_opening += 1
        if self._window_left is not None:
            self._window_left -= 1
        if self._gap_s is not None:
            is_behind = self._next_at > now - max(self._gap_s, self._lag_s)
            if not is_behind:
                self._first_empty_at = (
                    None  # less was asked than drips in: what was taken does not tell how much that is
                )
            self._next_at = (self._next_at if is_behind else now) + self._gap_s
            self._lag_s = self._lag_s if self._next_at < now else 0.0

    def slot_wait_s(self, now: float, *, is_get: bool) -> float:
        """Take the moment at which a call that has passed is sent, and return how long to wait for it.

        Between the two a submit waits for the disk, now longer, now shorter: without this, calls that passed well
        spaced could arrive in a heap.
        """
        if self._gap_s is None or not self.applies(is_get=is_get):
            return 0.0
        self._last_slot = max(now - self._slot_lag_s, self._last_slot + self._gap_s)
        self._slot_lag_s = self._slot_lag_s if self._last_slot < now else 0.0
        return max(0.0, self._last_slot - now)

    def returned(self, *, is_get: bool, refused: bool = False) -> None:
        """A call that had passed came back, answered or ``refused``; one that was never sent counts as refused."""
        if not self.applies(is_get=is_get):
            return
        self._out = max(0, self._out - 1)
        if not refused:
            self._taken_since_empty += 1
            if self._gap_s not in {None, self._given_gap_s} and self._measured_calls < _ENOUGH_MEASURED:
                # A gap that is too long is never refused: it shrinks until one is, which tells the rate anew.
                self._gap_s = max(self._gap_s * _SHRINK, self._given_gap_s or 0.0)
            self._blind_wait_s = _FIRST_BLIND_WAIT_S
            if self._reopening < len(_REOPEN):
                self._reopening += 1

    def refuse(self, now: float, *, is_get: bool, wait_s: float | None) -> None:
        """A call was refused with a 429.

        Parameters
        ----------
        wait_s : float or None
            Seconds to the reset as the server told, None where it told nothing usable.
        """
        self.refused += 1
        if is_get and not self.gets_count:
            self.gets_count = True
            # What was measured has left the GETs out.
            self._gap_s, self._first_empty_at = self._given_gap_s, None
        if now < self._closed_until:
            # Sent before the gate closed: the same refusal, and one less that the window took.
            if self._window_limit is not None:
                self._window_limit = max(1, self._window_limit - 1)
            return
        if wait_s is None:
            wait_s = self._blind_wait_s
            self._blind_wait_s = min(_LONGEST_BLIND_WAIT_S, self._blind_wait_s * 2)
            jitter = self._random() * 0.5
        else:
            jitter = self._random() * min(1.0, wait_s * 0.02)
        self._learn(now, wait_s)
        self._closed_until = now + wait_s + jitter
        self._reopening = 0

    def limit(self, per_minute: float | None) -> None:
        """Keep to a limit that was given meanwhile, or to none; what was learned stays."""
        learned = self._gap_s if self._gap_s != self._given_gap_s else None
        self._given_gap_s = _SLACK * _WINDOW_S / per_minute if per_minute is not None else None
        gaps = [gap for gap in (learned, self._given_gap_s) if gap is not None]
        self._gap_s = max(gaps, default=None)

    def unused(self, count: int) -> None:
        """Calls that had passed were not sent after all: others may go in their place."""
        self._passed_since_opening = max(0, self._passed_since_opening - count)
        if self._window_left is not None:
            self._window_left += count
        if self._gap_s is not None:
            self._next_at -= count * self._gap_s

    @property
    def gap_s(self) -> float | None:
        """Seconds between two calls where they are spaced, None where they are not."""
        return self._gap_s

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes, as JSON can hold it."""
        return {name: value for name, value in vars(self).items() if name != "_random"}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of :meth:`state`."""
        vars(self).update(state)

    def _learn(self, now: float, wait_s: float) -> None:
        taken = max(1, self._passed_since_opening - 1)
        if wait_s > _BUCKET_RESET_S:
            # A window: what it took since it opened is what it takes. One is left in hand.
            self._window_limit = taken if self._window_limit is None else min(taken, self._window_limit)
            self._window_ends = now + wait_s
            self._window_left = 0
            return
        self._passed_since_opening = 0
        if self._first_empty_at is None:
            self._first_empty_at, self._taken_since_empty = now, 0
        elif now - self._first_empty_at > _SHORTEST_MEASURE_S or self._taken_since_empty >= _FEWEST_MEASURED:
            # Empty then and empty now: what was taken between is what dripped in. One more, as the next refusal puts a
            # gap right that is too short, and nothing one that is too long.
            gap = (now - self._first_empty_at) / (self._taken_since_empty + 1)
            self._gap_s = gap if self._given_gap_s is None else max(gap, self._given_gap_s)
            self._measured_calls = self._taken_since_empty
            self._make_up(now, wait_s)

    def _make_up(self, now: float, wait_s: float) -> None:
        """Let what drips in while the gate is closed through when it opens, unless the bucket does not hold it."""
        if self._taken_since_empty - self._taken_at_make_up < _MADE_UP_CALLS:
            self._catch_up = 0.0
        self._taken_at_make_up = self._taken_since_empty
        made_up_from = now + (1.0 - self._catch_up) * wait_s
        self._next_at, self._last_slot = max(self._next_at, made_up_from), max(self._last_slot, made_up_from)
        self._lag_s = self._slot_lag_s = self._catch_up * wait_s + _REOPEN_S if self._catch_up else 0.0

    def _open_window(self, now: float) -> None:
        self._window_left = self._window_limit
        self._window_ends = now + _WINDOW_S
        self._passed_since_opening = 0
