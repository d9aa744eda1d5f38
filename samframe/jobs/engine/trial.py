"""The trial of a deployment by its first job, and the breaker that stops a run whose answers are all of no use."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from samframe.jobs.model import Cause, Outcome, RowStatus

if TYPE_CHECKING:
    from samframe.jobs.model import Evidence

__all__ = ["Breaker"]

#: So many contract failures in a row stop a run.
_IN_A_ROW = 3
#: ... and where several jobs are out at once, whose ends come in any order, none good among so many.
_LATEST = 6


class Breaker:
    """Judges what jobs end as.

    Parameters
    ----------
    is_proven : bool
        Whether a mask of this deployment and model was read before, with this reader. Until then jobs go out one by
        one, each awaited to its mask.
    """

    def __init__(self, *, is_proven: bool) -> None:
        self.is_proven = is_proven
        self.evidence: Evidence | None = None
        #: Submits in a row whose answer was of no use: while there are any, POSTs go out one at a time.
        self.lost_submits = 0
        self._latest: deque[Cause | None] = deque(maxlen=_LATEST)
        self._in_a_row = 0

    @property
    def wants_evidence(self) -> bool:
        """Whether a message about what came back may be needed."""
        return self.evidence is None

    @property
    def is_counting(self) -> bool:
        """Whether something went wrong since the last good job."""
        return bool(self._in_a_row or self.lost_submits)

    def accepted(self) -> None:
        """A submit was answered as the contract has it."""
        self.lost_submits = 0

    def settled(self, outcome: Outcome, *, n_out: int) -> bool:
        """Take in what a job ended as, and return whether the run is to be stopped.

        Parameters
        ----------
        n_out : int
            Jobs that are out besides it.
        """
        cause = outcome.cause
        if cause is None or cause.is_the_rows_own:
            if outcome.status is RowStatus.COMPLETED:
                self.is_proven = True
                self._in_a_row = 0
                self._latest.clear()
            return False
        if cause.is_about_submits:
            self.lost_submits += 1
            return self.lost_submits >= _IN_A_ROW or (cause is Cause.FOREIGN_ID and not self.is_proven)
        was_trial = not self.is_proven
        self._in_a_row += 1
        self._latest.append(cause)
        if outcome.status is RowStatus.COMPLETED:
            self.is_proven = True  # a mask it is, at another price
        return was_trial or self._in_a_row >= (_LATEST if n_out > 1 else _IN_A_ROW)
