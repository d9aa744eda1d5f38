"""Pace: when each job that is out is worth asking for, and how many may be out at once."""

from __future__ import annotations

from collections.abc import Sequence

from samframe.jobs._estimate import ServiceTimes, WorkerModel, expected_ends
from samframe.jobs._flight import Flight
from samframe.segmind import Metrics, RemoteState

__all__ = ["Pace"]

_FIRST_WINDOW = 256
_SMALLEST_WINDOW = 16
_LARGEST_WINDOW = 10_000
#: Added to an expected end, for the way there and back.
_MARGIN_S = 0.03
#: Which quantile of the service time to wait for: late is cheap in the middle of a run, dear at its end.
_CALM, _EAGER = 0.8, 0.5


class Pace:
    """The model of the service that a run builds up, and the polls that follow from it."""

    def __init__(self) -> None:
        self.times = ServiceTimes()
        self.workers = WorkerModel()
        self._out: dict[Flight, None] = {}
        self._window = float(_FIRST_WINDOW)

    def track(self, flight: Flight) -> None:
        """A job is out; jobs are tracked in the order of their submission."""
        self._out[flight] = None

    def forget(self, flight: Flight) -> None:
        """A job is no longer out."""
        self._out.pop(flight, None)

    def has_room(self) -> bool:
        """Return whether one more job may be out."""
        return len(self._out) < self._window

    def finished(self, flight: Flight, metrics: Metrics, now: float) -> None:
        """Learn from a job that completed; the API's own times where it tells them, else what was seen from here."""
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

    def not_done(self, flight: Flight, state: RemoteState, now: float, *, eager: bool) -> None:
        """A job was asked for too early. What is found waiting tells that all behind it wait too."""
        if state is RemoteState.QUEUED:
            self.workers.saw_queue()
            for other in self._out:
                if other.seq >= flight.seq:
                    other.not_before = max(other.not_before, now)
            flight.earliest = now + max(0.05, 0.5 * self.times.quantile(0.5))
        else:
            elapsed = now - max(flight.age_base, flight.not_before)
            flight.earliest = now + self.times.remaining(elapsed, _EAGER if eager else _CALM) + _MARGIN_S

    def replan(self, flights: Sequence[Flight], now: float, *, eager: bool) -> None:
        """Set the due times of polls anew from what is known now."""
        out = sorted(self._out, key=lambda flight: flight.seq)
        service = self.times.quantile(_EAGER if eager else _CALM)
        ends = expected_ends(
            [flight.age_base for flight in out],
            [flight.not_before for flight in out],
            service_s=service,
            free=self.workers.busy_until(now),
            workers=self.workers.workers,
        )
        expected = dict(zip(out, ends, strict=True))
        for flight in flights:
            end = expected.get(flight, now)
            flight.due = max(end + _MARGIN_S, flight.earliest)
