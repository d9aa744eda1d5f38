"""What the steps of a job need of the runner that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.errors import ApiError
    from samframe.jobs.engine.trial import Breaker
    from samframe.jobs.ledger import Artifacts, Ledger
    from samframe.jobs.model import Budget, Outcome, Patience, Progress
    from samframe.jobs.pace import Flight, Gate, Pace
    from samframe.segmind import Connection, Reader

__all__ = ["Context"]


class Context(Protocol):
    """What the steps need of the runner."""

    api: Connection
    ledger: Ledger
    artifacts: Artifacts
    gate: Gate
    budget: Budget
    progress: Progress
    pace: Pace
    rng: Callable[[], float]
    breaker: Breaker
    reader: Reader
    patience: Patience
    #: What a mask that is read proves, in the ledger.
    proof: str
    #: Whether the server is one of ours, in this process.
    is_offline: bool

    @property
    def submitting(self) -> bool:
        """Whether jobs wait to be submitted."""

    @property
    def near_end(self) -> bool:
        """Whether the last jobs are out: what is put off now makes the run longer."""

    @property
    def accepted_any(self) -> bool:
        """Whether any submit of this run was accepted."""

    @property
    def unsent_jobs(self) -> int:
        """Jobs that have not been accepted."""

    def is_stopping(self) -> bool:
        """Return whether nothing more is to be submitted."""

    def now(self) -> float:
        """Return the loop's time in seconds."""

    def wall_time(self) -> float:
        """Return seconds since 1970, as the ledger writes them."""

    def fail(self, error: ApiError, *, collect: bool) -> None:
        """Stop the run as a whole, jobs that are out collected first or not."""

    def watch_balance(self, remaining: float) -> None:
        """Take in what the account has left, in US dollars."""

    def accepted(self, flight: Flight) -> None:
        """Take over a job that the API has accepted."""

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        """Give a job its outcome."""

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run CPU or disk work off the loop."""
