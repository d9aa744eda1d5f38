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
        """Return the shortest makespan: a first-come replay, or what the limit allows where that is longer."""
        free = [0.0] * self.workers
        for seconds in self.service_times():
            heapq.heappush(free, heapq.heappop(free) + seconds)
        if self.rate_limit is None:
            return max(free)
        calls = self.rows * (2 if self.polls_count else 1)
        per_s = self.rate_limit / 60
        if self.rate_kind == "fixed":
            return max(*free, 60.0 * ((calls - 1) // self.rate_limit))
        return max(*free, (calls - per_s) / per_s)


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
