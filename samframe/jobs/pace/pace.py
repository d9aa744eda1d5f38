"""Pace: when each job that is out is worth asking for, and how many may be out at once."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from samframe.jobs.pace.estimate import ServiceTimes, WorkerModel, expected_ends
from samframe.segmind import Metrics, RemoteState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.jobs.pace.flight import Flight

__all__ = ["Pace"]

_FIRST_WINDOW = 256
_SMALLEST_WINDOW = 16
_LARGEST_WINDOW = 10_000
#: Added to an expected end, for the way there and back.
_MARGIN_S = 0.03
#: Which quantile of the service time to wait for: late is cheap in the middle of a run, dear at its end.
_CALM, _EAGER = 0.8, 0.3
#: The end of a run: no more jobs out than this part of those that work at once.
_TAIL_SHARE = 1.0
#: At the end of a run a job is asked for again after this part of a median service time.
_TAIL_PAUSE = 0.25
#: ... or of the time that it has taken, where that is longer.
_TAIL_GROWTH = 0.04
#: Jobs that are due at the same moment, while it is not known whether any waits: between two, and for all of them.
_STAGGER_S, _STAGGERED_S = 0.02, 0.3
#: Before the first job has finished nothing is known: only the oldest jobs are asked for.
_COLD_PROBES = 2
_COLD_RECHECK_S = 0.25
#: In the middle of a run polls go out in beats of this part of a median service time, of a second at most.
_BEAT_SHARE, _LONGEST_BEAT_S = 0.35, 1.0
#: Plans are made anew after this part of a median service time, within these bounds, and for many jobs less often.
_REPLAN_SHARE, _REPLAN_S, _REPLAN_JOBS = 0.12, (0.05, 0.2), 1000


#: Of a limit, so large a part goes to asking for jobs that are not done, once that many have been asked in vain.
_POLL_SHARE, _FREE_POLLS = 0.25, 12.0
#: Requests a minute that accounts are allowed, where nothing tells how many: of the published tiers, a common one.
_PUBLISHED_PER_MINUTE = 60.0


class PollAllowance:
    """How often jobs may be asked for that are not done: a bucket, filled by every job that is.

    Parameters
    ----------
    is_unlimited : bool
        Whether nobody counts: a server of ours.
    """

    def __init__(self, *, is_unlimited: bool = False) -> None:
        self._is_unlimited = is_unlimited
        self._left = _FREE_POLLS
        self._at = 0.0

    def wait_s(self, now: float, gap_s: float | None) -> float:
        """Return how long the next poll must wait; ``gap_s`` is the limit's, in seconds between calls, where known."""
        per_s = _POLL_SHARE / (gap_s or 60.0 / _PUBLISHED_PER_MINUTE)
        self._left = min(_FREE_POLLS, self._left + max(0.0, now - self._at) * per_s)
        self._at = now
        # The margin keeps rounding from a wait of next to nothing, again and again.
        return 0.0 if self._is_unlimited or self._left >= 1.0 - 1e-6 else (1.0 - self._left) / per_s

    def in_vain(self) -> None:
        """A job was asked for and is not done."""
        self._left -= 1.0

    def done(self) -> None:
        """A job is done: the queue moves."""
        self._left = _FREE_POLLS


class Pace:
    """The model of the service that a run builds up, and the polls that follow from it.

    Parameters
    ----------
    earlier_s : sequence of float
        Inference times of earlier runs, in seconds: when to ask for the first job. None are needed.
    is_unlimited : bool
        Whether nobody counts how often jobs are asked for.
    """

    def __init__(self, earlier_s: Sequence[float] = (), *, is_unlimited: bool = False) -> None:
        self.times = ServiceTimes(statistics.median(earlier_s)) if earlier_s else ServiceTimes()
        self.workers = WorkerModel()
        self.allowance = PollAllowance(is_unlimited=is_unlimited)
        self._out: dict[Flight, None] = {}
        self._window = float(_FIRST_WINDOW)
        self._last_end = 0.0
        self._was_tail = False
        self._was_submitting = True
        self._has_news = False
        #: Whether what was planned is known to be wrong: to be planned anew at once.
        self.is_stale = False

    def track(self, flight: Flight, now: float) -> None:
        """A job is out; jobs are tracked in the order of their submission. It is due after all that are out before."""
        self._has_news = True
        self._out[flight] = None
        flight.due = max(now + self.times.quantile(_CALM) + _MARGIN_S, self._last_end)

    def forget(self, flight: Flight) -> None:
        """A job is no longer out."""
        self._has_news = True
        self._out.pop(flight, None)

    def has_room(self) -> bool:
        """Return whether one more job may be out."""
        return len(self._out) < self._window

    def finished(self, flight: Flight, metrics: Metrics, now: float) -> None:
        """Learn from a job that completed; the API's own times where it tells them, else what was seen from here."""
        self.allowance.done()
        service = metrics.inference_time
        waited = metrics.queue_time or 0.0
        if service is None:
            service = max(0.05, now - max(flight.age_base, flight.not_before))
        self.times.add(service)
        start = flight.age_base + waited
        self.workers.add(start, start + service, waited_s=waited)
        if waited < 0.25 * service:
            self._window = min(_LARGEST_WINDOW, self._window + 1)
        elif waited > 3 * service + 2:
            self._window = max(_SMALLEST_WINDOW, self._window - 0.5)

    def is_tail(self, *, submitting: bool) -> bool:
        """Return whether the run nears its end: nothing more to submit, and no more jobs out than work at once."""
        return not submitting and len(self._out) <= _TAIL_SHARE * (self.workers.workers or len(self._out))

    def not_done(self, flight: Flight, state: RemoteState, now: float, *, submitting: bool) -> None:
        """A job was asked for too early. What is found waiting tells that all behind it wait too."""
        self._has_news = True
        self.allowance.in_vain()
        if state is RemoteState.QUEUED:
            self._saw_queue()
            for other in self._out:
                if other.seq >= flight.seq:
                    other.not_before = max(other.not_before, now)
            flight.earliest = now + max(0.05, 0.5 * self.times.quantile(0.5))
        else:
            elapsed = now - max(flight.age_base, flight.not_before)
            if len(self.times) and elapsed > self.times.longest_s():
                self._saw_queue()  # longer than any service time known: it must have waited first
            if self.is_tail(submitting=submitting):
                pause = min(self.times.remaining(elapsed, _EAGER), self._tail_pause_s(elapsed))
            else:
                pause = self.times.remaining(elapsed, _CALM)
            flight.earliest = now + max(pause, _MARGIN_S) + _MARGIN_S

    def _tail_pause_s(self, elapsed_s: float) -> float:
        return max(_TAIL_PAUSE * self.times.quantile(0.5), _TAIL_GROWTH * elapsed_s)

    def _saw_queue(self) -> None:
        self.is_stale = self.workers.saw_queue() or self.is_stale

    def replan_s(self) -> float:
        """Return the least time between two plans, in seconds."""
        shortest, longest = _REPLAN_S
        pause = min(longest, max(shortest, _REPLAN_SHARE * self.times.quantile(0.5)))
        if not self._was_tail:
            pause = max(pause, self._beat_s())  # polls go out on the beat: a plan in between changes little
        return pause * max(1.0, len(self._out) / _REPLAN_JOBS)

    def has_news(self, *, submitting: bool) -> bool:
        """Return whether anything is known now that the latest plan did not know.

        Before the first job has finished, each plan puts off what is not to be asked for yet.
        """
        return self._has_news or not len(self.times) or submitting is not self._was_submitting

    def replan(self, flights: Sequence[Flight], now: float, *, submitting: bool) -> None:
        """Set the due times of polls anew from what is known now."""
        self.is_stale = self._has_news = False
        self._was_submitting = submitting
        out = list(self._out)  # in the order of submission, as they were tracked
        if not len(self.times):
            for flight in out[_COLD_PROBES:]:
                flight.due = max(flight.earliest, now + _COLD_RECHECK_S)
            for flight in out[:_COLD_PROBES]:
                flight.due = max(flight.age_base + self.times.quantile(_CALM), flight.earliest)
            return
        is_tail = self.is_tail(submitting=submitting)
        if is_tail and not self._was_tail:
            # What was put off while there was time is not waited for any longer.
            soon = now + _TAIL_PAUSE * self.times.quantile(0.5)
            for flight in out:
                if not flight.tries:  # a pause after a failure is kept
                    flight.earliest = min(flight.earliest, soon)
        self._was_tail = is_tail
        quantile = _EAGER if is_tail else _CALM
        ends = expected_ends(
            [flight.age_base for flight in out],
            [flight.not_before for flight in out],
            service_s=self.times.quantile(quantile),
            free=self.workers.busy_until(now),
            workers=self.workers.workers,
        )
        self._last_end = max(ends, default=0.0)
        expected = dict(zip(out, ends, strict=True))
        beat_s = 0.0 if is_tail else self._beat_s()
        for flight in flights:
            flight.due = _on_beat(max(expected.get(flight, now) + _MARGIN_S, flight.earliest), beat_s)
        if self.workers.workers is None:
            self._stagger([flight for flight in out if flight.due <= now], now)

    def _beat_s(self) -> float:
        """Return how far apart polls are that can wait: what they bring together is written and fetched together."""
        if self.workers.workers is None:
            return 0.0
        return min(_LONGEST_BEAT_S, _BEAT_SHARE * self.times.quantile(0.5))

    def _stagger(self, overdue: Sequence[Flight], now: float) -> None:
        """Ask one after the other while it is not known that all work at once: the first that waits tells of all."""
        gap = min(_STAGGER_S, _STAGGERED_S / max(1, len(overdue)))
        for place, flight in enumerate(overdue):
            flight.due = now + place * gap


def _on_beat(due: float, beat_s: float) -> float:
    return math.ceil(due / beat_s) * beat_s if beat_s > 0 else due
