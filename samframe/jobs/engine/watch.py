"""What a run is stopped for: answers of no use, money that leaves the plan, and errors that nobody foresaw."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from samframe.errors import ApiError, LedgerError, SamframeError
from samframe.jobs.model import BalanceWatch, Cause, Outcome, RowStatus, contract_error, format_usd, stopped

if TYPE_CHECKING:
    from samframe.errors import ContractError
    from samframe.jobs.engine.trial import Breaker
    from samframe.jobs.model import Budget, Progress

__all__ = ["Watch", "as_samframe_error"]

_logger = logging.getLogger(__name__)


class Watched(Protocol):
    """What is asked of the runner that is looked at."""

    breaker: Breaker
    budget: Budget
    progress: Progress

    def is_stopping(self) -> bool:
        """Return whether nothing more is to be submitted."""

    def jobs_out(self) -> int:
        """Return how many jobs are out."""

    def unclaimed_jobs(self) -> int:
        """Return how many jobs nobody has claimed."""

    def drop_unsent(self, status: RowStatus, error: str) -> None:
        """Settle what was not sent."""


class Watch:
    """Looks at what jobs end as, and at what they cost."""

    def __init__(self) -> None:
        self._balance = BalanceWatch()
        self._n_unread = 0
        self._has_told_of_price = False

    def settled(self, runner: Watched, outcome: Outcome) -> ContractError | None:
        """Take in a job's outcome, and return what the run is to be stopped with, if anything."""
        self._n_unread += outcome.status is RowStatus.UNREAD
        if outcome.cause is Cause.PRICE and not self._has_told_of_price:
            self._has_told_of_price = True
            self._warn(
                runner,
                f"A job was billed {format_usd(outcome.cost or 0.0)}, "
                f"the plan said {format_usd(runner.budget.planned)}.",
            )
        if outcome.cause is None and runner.breaker.is_proven and not runner.breaker.is_counting:
            return None
        is_trial = not runner.breaker.is_proven
        is_tripped = runner.breaker.settled(outcome, n_out=runner.jobs_out())
        if not is_tripped or runner.is_stopping() or not runner.unclaimed_jobs():
            return None  # nothing would be spared: what the rows say is all there is to tell
        return contract_error(
            outcome,
            evidence=runner.breaker.evidence,
            spent=runner.budget.spent_text(),
            n_unread=self._n_unread,
            is_trial=is_trial,
        )

    def saw_balance(self, runner: Watched, remaining: float) -> None:
        """Take in what the account has left, in US dollars."""
        warning = self._balance.saw(remaining, known=runner.budget.known, price=runner.budget.price)
        if warning is not None:
            self._warn(runner, warning)

    def _warn(self, runner: Watched, text: str) -> None:
        """Tell the user once; under ``max_cost`` nothing more is sent, as it can no longer be kept."""
        runner.progress.notes.append(text)
        _logger.warning(text)
        if runner.budget.max_cost is not None:
            runner.drop_unsent(RowStatus.SKIPPED, stopped(f"max_cost may not be kept. {text}"))


def as_samframe_error(error: BaseException) -> SamframeError:
    """Return an unforeseen error as one of samframe's own, with its cause."""
    if isinstance(error, SamframeError):
        return error
    if isinstance(error, OSError):
        failure: SamframeError = LedgerError(
            f"The store cannot be written: {error}. Nothing more was sent; make room, then run again."
        )
    else:
        failure = ApiError(f"{type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
