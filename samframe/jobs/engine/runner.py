"""The dispatcher: plain job records and heaps of due times, a task a call, everything bounded."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from samframe.jobs.engine.collect import Collector
from samframe.jobs.engine.fetch import Fetcher
from samframe.jobs.engine.resume import follow, left_over
from samframe.jobs.engine.trial import Breaker
from samframe.jobs.engine.watch import Watch, as_samframe_error
from samframe.jobs.model import Job, Outcome, RowStatus, stopped
from samframe.jobs.pace import Flight, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from samframe.errors import ApiError, SamframeError
    from samframe.jobs.engine.submit import Submitter
    from samframe.jobs.ledger import Artifacts, Ledger
    from samframe.jobs.model import Budget, Patience, Progress
    from samframe.jobs.pace import Gate, Pace
    from samframe.segmind import Connection, Reader

__all__ = ["Runner"]

# Submits at work at once: some make their body, some wait for their id to be durable, POSTS of them are being sent.
_SUBMITS = 12
_GETS = 32
_FETCHES = 16
_THREADS = 2


class Runner:
    """Runs jobs to their outcomes over one connection.

    Parameters
    ----------
    api : Connection
        Open connection to the API.
    ledger, artifacts : Ledger, Artifacts
        Where every step is kept.
    gate : Gate
        The rate limit.
    budget : Budget
        The spending, and its limit.
    progress : Progress
        Live figures; its ``settle`` is told every outcome.
    submitter : callable
        Makes the step that sends jobs, given this runner.
    pace : Pace
        When each job that is out is asked for.
    rng, wall_time : callable
        A number in [0, 1); seconds since 1970.
    reader : Reader
        What masks are read with.
    patience : Patience
        How long is waited for what.
    proof : str
        What a mask that is read proves, in the ledger.
    is_proven : bool
        Whether one was read before; until then jobs go out one by one.
    is_offline : bool
        Whether the server is one of ours, in this process.
    """

    def __init__(
        self,
        *,
        api: Connection,
        ledger: Ledger,
        artifacts: Artifacts,
        gate: Gate,
        budget: Budget,
        progress: Progress,
        submitter: Callable[[Runner], Submitter],
        pace: Pace,
        rng: Callable[[], float],
        wall_time: Callable[[], float],
        reader: Reader,
        patience: Patience,
        proof: str,
        is_proven: bool,
        is_offline: bool,
    ) -> None:
        self.api = api
        self.ledger = ledger
        self.artifacts = artifacts
        self.gate = gate
        self.budget = budget
        self.progress = progress
        self.pace = pace
        self.rng = rng
        self.wall_time = wall_time
        self.reader = reader
        self.patience = patience
        self.proof = proof
        self.is_offline = is_offline
        self.breaker = Breaker(is_proven=is_proven)
        self._watch = Watch()
        self.error: SamframeError | None = None
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="samframe-work")
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._stop_reason: str | None = None
        self._closed = False
        self._ready: deque[Flight] = deque()
        self._later: list[tuple[float, int, Flight]] = []
        self._polls: list[tuple[float, int, Flight]] = []
        self._fetches: list[tuple[float, int, Flight]] = []
        self._open: dict[Flight, None] = {}
        self._tasks: dict[asyncio.Task[None], Stage] = {}
        self._busy = dict.fromkeys(Stage, 0)
        self._seq = 0
        self._accepted_any = False
        self._next_replan = 0.0
        self._pumped_at = 0.0
        api.on_call = self._count
        self._submitter = submitter(self)
        self._collector = Collector(self)
        self._fetcher = Fetcher(self)

    # -- the outside -----------------------------------------------------------------------------

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self._loop.time()

    def is_stopping(self) -> bool:
        """Return whether nothing more is to be submitted."""
        return self._stop_reason is not None or self._closed

    @property
    def unsent_jobs(self) -> int:
        """Jobs that have not been accepted."""
        return sum(flight.request_id is None for flight in self._open)

    def waiting_jobs(self) -> int:
        """Return how many jobs could be submitted now."""
        return len(self._ready)

    def stop(self, reason: str = "the run was stopped") -> None:
        """Submit nothing more. May be called from any thread."""
        if self._stop_reason is None:
            self._stop_reason = reason
        with contextlib.suppress(RuntimeError):  # a closed loop: the run has ended
            self._loop.call_soon_threadsafe(self._wake.set)

    def fail(self, error: ApiError, *, collect: bool) -> None:
        """Stop the run as a whole; the first error is the one that is raised.

        Parameters
        ----------
        collect : bool
            Whether jobs that are out are collected first, which is free.
        """
        if self.error is None:
            self.error = error
        if collect:
            self._closed = True
        else:
            self.stop(str(error))

    def accepted(self, flight: Flight) -> None:
        """A job was accepted by the API (or found in its history)."""
        self._accepted_any = True
        self._seq += 1
        flight.seq = self._seq
        flight.stage = Stage.POLL
        self.pace.track(flight, self.now())

    @property
    def submitting(self) -> bool:
        """Whether jobs wait to be submitted."""
        return bool(self._ready) and not self.is_stopping()

    @property
    def near_end(self) -> bool:
        """Whether the last jobs are out: what is put off now makes the run longer."""
        return self.pace.is_tail(submitting=self.submitting)

    @property
    def accepted_any(self) -> bool:
        """Whether any submit of this run was accepted."""
        return self._accepted_any

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        """A job has its outcome."""
        flight.stage = Stage.DONE
        self._open.pop(flight, None)
        self.pace.forget(flight)
        self._wake.set()
        self.progress.settle(flight.job.row, flight.job.n_rows, outcome)
        self._settled(flight.job, outcome)
        error = self._watch.settled(self, outcome)
        if error is not None:
            self.fail(error, collect=True)

    def drop_unsent(self, status: RowStatus, text: str) -> None:
        """Give up on every job that has not been sent, and go on with those that are out."""
        for flight in [*self._ready, *(entry[2] for entry in self._later if entry[2].stage is Stage.SUBMIT)]:
            self.settle(flight, Outcome(status=status, error=text, attempts=flight.attempts))
        self._ready.clear()
        self._later = [entry for entry in self._later if entry[2].stage is not Stage.DONE]
        heapq.heapify(self._later)

    def watch_balance(self, remaining: float) -> None:
        """Take in what the account has left, in US dollars."""
        self._watch.saw_balance(self, remaining)

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run CPU or disk work off the loop."""
        return await self._loop.run_in_executor(self.threads, function, *args)

    async def run(self, flights: Iterable[Flight], settled: Callable[[Job, Outcome], None]) -> None:
        """Bring every job to its outcome, or as far as a stop allows.

        Parameters
        ----------
        flights : iterable of Flight
            In the order they are to be sent.
        settled : callable
            Told each outcome once.

        Raises
        ------
        ApiError
            If the API stopped the run as a whole; what was done before has been told to ``settled``.
        LedgerError
            If the store could not be written.
        """
        self._settled = settled
        for flight in flights:
            self._open[flight] = None
            if flight.stage is Stage.POLL:
                self.accepted(flight)
                flight.due = self.now()
            self._enqueue(flight)
        try:
            while self._open and not (self._stop_reason is not None and not self._busy[Stage.SUBMIT]):
                self._pump()
                if self._open and not self._wake.is_set():  # the pump itself may have settled the last
                    await self._sleep()
                self._wake.clear()
            await self._end_tasks()
        except asyncio.CancelledError:
            self._stop_reason = self._stop_reason or "the run was cancelled"
            await self._end_tasks()
            raise
        finally:
            self._settle_rest()
            self.threads.shutdown(wait=False, cancel_futures=True)
        if self.error is not None:
            raise self.error

    # -- the inside ------------------------------------------------------------------------------

    def _count(self, call: Any) -> None:
        self.progress.calls[call] += 1

    def _enqueue(self, flight: Flight) -> None:
        match flight.stage:
            case Stage.SUBMIT if flight.due <= self.now():
                self._ready.append(flight)
            case Stage.POLL:
                heapq.heappush(self._polls, (flight.due, id(flight), flight))
            case Stage.FETCH:
                heapq.heappush(self._fetches, (flight.due, id(flight), flight))
            case _:
                heapq.heappush(self._later, (flight.due, id(flight), flight))

    def _pump(self) -> None:
        """Start every call that may start now: downloads first, then polls that are due, then submits."""
        now = self._pumped_at = self.now()
        while self._later and self._later[0][0] <= now:
            flight = heapq.heappop(self._later)[2]
            if flight.stage is Stage.SUBMIT:
                self._ready.appendleft(flight)
            else:
                self._spawn(
                    flight,
                    follow(self, flight)
                    if flight.stage is Stage.FOLLOW
                    else self._collector.ask_history(flight),
                )
        while self._fetches and self._fetches[0][0] <= now and self._busy[Stage.FETCH] < _FETCHES:
            flight = heapq.heappop(self._fetches)[2]
            self._spawn(flight, self._fetcher.fetch(flight))
        self._pump_polls(now)
        if self._closed:
            self.drop_unsent(RowStatus.CANCELLED, stopped("the run was stopped by an error"))
        elif not self.is_stopping():
            self._pump_submits(now)

    def _pump_polls(self, now: float) -> None:
        has_news = self.pace.has_news(submitting=bool(self._ready))
        if self._polls and (self.pace.is_stale or (has_news and now >= self._next_replan)):
            self.pace.replan([entry[2] for entry in self._polls], now, submitting=bool(self._ready))
            self._polls = [(entry[2].due, entry[1], entry[2]) for entry in self._polls]
            heapq.heapify(self._polls)
            self._next_replan = now + self.pace.replan_s()
        while self._polls and self._polls[0][0] <= now and self._busy[Stage.POLL] < _GETS:
            wait = max(self.gate.wait_s(now, is_get=True), self.pace.allowance.wait_s(now, self.gate.gap_s))
            if wait > 0:
                self._call_at(now + wait)
                return
            self.gate.passed(now, is_get=True)
            flight = heapq.heappop(self._polls)[2]
            self._spawn(flight, self._collector.poll(flight))

    def _pump_submits(self, now: float) -> None:
        # One sentinel first: a bad key or an empty balance is told by one call, not by four.
        submits = _SUBMITS if self._accepted_any and self.breaker.is_proven else 1
        if not self.breaker.is_proven and self.jobs_out():
            return  # the first job is awaited to its mask: a form that nobody can read costs one job, not all
        while self._ready and self._busy[Stage.SUBMIT] < submits and self.pace.has_room():
            if not self.budget.allows_one_more():
                if self.budget.unbilled == 0:
                    self.drop_unsent(
                        RowStatus.SKIPPED, stopped("it would pass max_cost; raise it and run again")
                    )
                return
            wait = self.gate.wait_s(now, is_get=False)
            if wait > 0:
                self._call_at(now + wait)
                return
            self.gate.passed(now, is_get=False)
            self.budget.unbilled += 1
            flight = self._ready.popleft()
            self._spawn(flight, self._submitter.submit(flight))

    def posting_jobs(self) -> int:
        """Return how many jobs are being sent, their ids not kept yet. From any thread."""
        return sum(flight.claimed for flight in self._open.copy())

    def unclaimed_jobs(self) -> int:
        """Return how many jobs have not begun to be sent."""
        return sum(flight.stage is Stage.SUBMIT and not flight.claimed for flight in self._open)

    def jobs_out(self) -> int:
        """Return how many jobs are on their way to a mask: being sent, sent, found, or paid for and not read yet."""
        n_unsent = len(self._ready) + sum(entry[2].stage is Stage.SUBMIT for entry in self._later)
        return len(self._open) - n_unsent

    def _spawn(self, flight: Flight, step: Coroutine[Any, Any, None]) -> None:
        stage = flight.stage
        self._busy[stage] += 1
        task = self._loop.create_task(step)
        self._tasks[task] = stage
        task.add_done_callback(lambda done: self._finished(done, flight, stage))

    def _finished(self, task: asyncio.Task[None], flight: Flight, stage: Stage) -> None:
        self._busy[stage] -= 1
        self._tasks.pop(task, None)
        self._wake.set()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._unexpected(error)
        elif flight.stage is not Stage.DONE:
            self._enqueue(flight)

    def _unexpected(self, error: BaseException) -> None:
        """A step raised what the table does not know (a disk error, a full ledger): stop before the next POST."""
        if self.error is None:
            self.error = as_samframe_error(error)
        self.stop(str(error))

    def _call_at(self, when: float) -> None:
        self._loop.call_at(when, self._wake.set)

    async def _sleep(self) -> None:
        """Sleep until a call finishes or the next flight is due."""
        heads = [heap[0][0] for heap in (self._later, self._polls, self._fetches) if heap]
        if not heads:
            await self._wake.wait()
            return
        # A flight that is due but has no place waits for a call to finish, not for the clock.
        upcoming = [due for due in heads if due > self._pumped_at]
        timer = self._loop.call_at(min(upcoming), self._wake.set) if upcoming else None
        has_news = self.pace.has_news(submitting=bool(self._ready))
        is_replan_due = self._polls and has_news and self._next_replan > self._pumped_at
        replan = self._loop.call_at(self._next_replan, self._wake.set) if is_replan_due else None
        try:
            await self._wake.wait()
        finally:
            for handle in (timer, replan):
                if handle is not None:
                    handle.cancel()

    async def _end_tasks(self) -> None:
        """Let POSTs in flight answer and their ids be kept; other calls are free to repeat and are dropped."""
        for task, stage in list(self._tasks.items()):
            if stage is not Stage.SUBMIT:
                task.cancel()
        while self._tasks:
            await asyncio.wait(list(self._tasks))
            await asyncio.sleep(0)

    def _settle_rest(self) -> None:
        reason = self._stop_reason or "the run ended"
        for flight in list(self._open):
            self.settle(flight, left_over(self, flight, reason))
