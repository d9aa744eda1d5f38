"""The service that the fan-out benchmarks run against: the local server in a process of its own."""

from __future__ import annotations

import heapq
import multiprocessing
from contextlib import contextmanager
from dataclasses import dataclass

from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig, lognormal

KEY = "SG_0123456789abcdef"
PRICE_USD = 0.002


@dataclass(frozen=True, kw_only=True)
class Case:
    """One service: workers, service time in seconds (or its distribution), limits, faults, and different masks."""

    name: str
    rows: int
    workers: int
    service_s: float | str = 1.7
    early_result: str = "status"
    rate_limit: int | None = None
    rate_kind: str = "fixed"
    polls_count: bool = False
    faults: bool = False
    variants: int | None = 16

    def service_times(self) -> list[float]:
        """Return the service times that the server draws, in order."""
        if self.service_s == "lognormal":
            draw = lognormal(1.7, sigma=0.5, seed=1)
            return [draw() for _ in range(self.rows)]
        return [float(self.service_s)] * self.rows

    def ideal_s(self) -> float:
        """Return the shortest makespan: a first-come replay of jobs that are sent as soon as the limit lets them.

        Where GETs count, each job takes a second call, and the last of all must be let in too. A window that just takes
        all of them is taken to end before the last: no client asks for every job only once.
        """
        free = [0.0] * self.workers
        for number, seconds in enumerate(self.service_times()):
            start = (
                heapq.heappop(free) if self.polls_count else max(heapq.heappop(free), self._let_in_s(number))
            )
            heapq.heappush(free, start + seconds)
        return max(*free, self._let_in_s(2 * self.rows)) if self.polls_count else max(free)

    def _let_in_s(self, calls_before: int) -> float:
        """Return when a call can be let in that so many come before."""
        if self.rate_limit is None:
            return 0.0
        if self.rate_kind == "fixed":
            return 60.0 * (calls_before // self.rate_limit)
        per_s = self.rate_limit / 60
        return max(0.0, (calls_before + 1 - per_s) / per_s)


def _serve(pipe, case: Case) -> None:
    service = lognormal(1.7, sigma=0.5, seed=1) if case.service_s == "lognormal" else float(case.service_s)
    config = ServerConfig(
        engine=DrawnEngine(variants=case.variants),
        workers=case.workers,
        latency_s=service,
        price_usd=PRICE_USD,
        early_result=case.early_result,
        rate_limit=case.rate_limit,
        rate_kind=case.rate_kind,
        polls_count=case.polls_count,
    )
    with LocalServer(config) as server:
        if case.faults:
            _script_faults(server, case.rows)
        pipe.send(server.base_url)
        while pipe.recv() != "stop":
            pipe.send((server.counters, [(job.prompt, job.state) for job in server.jobs]))


def _script_faults(server: LocalServer, rows: int) -> None:
    """About one call in twenty goes wrong, spread over the run."""
    per_kind = max(1, rows // 100)
    for number in range(per_kind):
        at = number * 100
        server.script(Fault.BAD_GATEWAY_502, on="status", after=at + 17)
        server.script(Fault.BAD_GATEWAY_502, on="result", after=at + 29)
        server.script(Fault.DROP_BEFORE, on="submit", after=at + 41)
        server.script(Fault.DROP_ANSWER, on="submit", after=at + 67)
        server.script(Fault.SLOW_BODY, on="output", after=at + 53, delay_s=1.0)


@contextmanager
def service(case: Case):
    """Start the service; give its base URL and a callable that returns its counters and jobs."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, case), daemon=True)
    process.start()
    base_url = here.recv()

    def look():
        here.send("look")
        return here.recv()

    try:
        yield base_url, look
    finally:
        here.send("stop")
        process.join(10)
