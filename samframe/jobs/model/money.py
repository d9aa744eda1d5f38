"""Money: what a job costs, what a run may spend, and how spending is told."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samframe.ground.contract import JOB_PRICE_USD

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BalanceWatch", "Budget", "format_usd", "job_price_usd"]


#: A bill above so many times the plan is no slip of rounding.
_DEAR = 3.0


@dataclass(slots=True)
class BalanceWatch:
    """Compares what the account's balance loses with the bills: US dollars.

    Other programs may spend from the same account, so it warns; only ``max_cost`` makes a stop of it.
    """

    first: float | None = None
    known_then: float = 0.0
    has_warned: bool = False
    seen: int = 0

    def saw(self, remaining: float, *, known: float, price: float) -> str | None:
        """Take in the balance after a bill, and return a warning once it falls much faster than the bills."""
        if self.first is None or remaining > self.first:
            self.first, self.known_then, self.seen = remaining, known, 0
            return None
        self.seen += 1
        lost, billed = self.first - remaining, known - self.known_then
        if self.has_warned or self.seen < _FEWEST_BALANCES or lost <= _DEAR * max(billed, price):
            return None
        self.has_warned = True
        return (
            f"The account's balance fell by {format_usd(lost)} while the bills of this run say {format_usd(billed)}: "
            "jobs may cost more than they tell, or something else spends from the account."
        )


_FEWEST_BALANCES = 3


def job_price_usd(
    recent_costs: Sequence[float], *, is_free: bool, published_usd: float = JOB_PRICE_USD
) -> float:
    """Return what one job is expected to cost: the median of the latest bills, else the published price."""
    if is_free:
        return 0.0
    return statistics.median(recent_costs) if recent_costs else published_usd


def format_usd(amount: float) -> str:
    """Return dollars with the digits that matter: ``$0.002``, ``$1.20``, ``$31.00``."""
    cents, fine = f"{amount:.2f}", f"{amount:.4f}".rstrip("0")
    return f"${fine}" if 0 < amount < 1 and len(fine) > len(cents) else f"${cents}"


@dataclass(slots=True, kw_only=True)
class Budget:
    """What a run has spent and may spend, in US dollars.

    Attributes
    ----------
    price : float
        What a job is expected to cost.
    max_cost : float or None
        The hard stop: no job is sent that could pass it.
    has_bill : bool
        Whether ``price`` comes from a bill. Where it does not and there is a ``max_cost``, one job is sent and its bill
        awaited before the others, so that a wrong guess costs one job and not all that would be in flight.
    known : float
        Sum of the bills that came.
    unbilled : int
        Jobs that were accepted and whose bill is not known yet.
    in_doubt : int
        Jobs that may have been billed.
    planned : float
        What a job was expected to cost when the run began; ``price`` follows the bills.
    """

    price: float
    max_cost: float | None = None
    has_bill: bool = False
    known: float = 0.0
    unbilled: int = 0
    in_doubt: int = 0
    planned: float = 0.0

    def allows_one_more(self) -> bool:
        """Return whether one more job stays within ``max_cost``, whatever becomes of those that are out."""
        if self.max_cost is None:
            return True
        if not self.has_bill and self.unbilled:
            return False
        return self.high + self.price <= self.max_cost * (1 + 1e-9)

    def is_dear(self, cost: float | None) -> bool:
        """Return whether a bill is far above what was planned."""
        planned = self.planned or self.price
        return cost is not None and planned > 0 and cost > _DEAR * planned

    @property
    def low(self) -> float:
        """The least that was spent: the bills that came."""
        return self.known

    @property
    def high(self) -> float:
        """The most that was spent: the bills, and the price of every job whose bill is not known."""
        return self.known + (self.unbilled + self.in_doubt) * self.price

    def billed(self, cost: float | None) -> None:
        """A job's bill came; None where the answer tells no cost."""
        self.unbilled -= 1
        self.has_bill = True
        self.known += self.price if cost is None else cost
        if cost is not None and cost > self.price:
            self.price = cost  # a dearer job than expected: the hard stop must reckon with it

    def spent_text(self) -> str:
        """Return the spending as one sum, or as an interval where some bills are not known."""
        if not self.price or not (self.unbilled or self.in_doubt):
            return format_usd(self.low)
        return f"{format_usd(self.low)} to {format_usd(self.high)}"
