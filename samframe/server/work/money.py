"""The account behind a server: a balance, what running jobs may still cost, and what was charged."""

from __future__ import annotations

__all__ = ["Purse"]


class Purse:
    """A balance from which completed jobs are paid.

    Parameters
    ----------
    price_usd : float
        Charge for a completed job, in dollars.
    credits_usd : float, optional
        Balance at the start, in dollars; None: nothing is counted.
    """

    def __init__(self, price_usd: float, credits_usd: float | None) -> None:
        self._price_usd = price_usd
        self._reserved = 0
        self.balance_usd = credits_usd

    def reserve(self) -> bool:
        """Set the price of one more job aside; False where the balance does not reach."""
        if self.balance_usd is not None and self.balance_usd + 1e-9 < self._price_usd * (self._reserved + 1):
            return False
        self._reserved += 1
        return True

    def release(self) -> None:
        """Give back what was set aside for a job that FAILED."""
        self._reserved -= 1

    def charge(self) -> float:
        """Charge what was set aside for a job that completed, and return its price in dollars."""
        self._reserved -= 1
        if self.balance_usd is not None:
            self.balance_usd -= self._price_usd
        return self._price_usd
