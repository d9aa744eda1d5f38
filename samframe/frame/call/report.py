"""What a run did: rows by status, money, calls and times, as text, as a table and as a figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.ground.html import facts_table
from samframe.jobs import Progress, RowStatus, format_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RunReport", "make_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The figures of a run, final where it has ended.

    Attributes
    ----------
    rows, jobs : int
        Rows of the frame, and the distinct jobs behind them.
    seconds : float
        How long it took.
    by_status : mapping of str to int
        Rows by status.
    usd_low, usd_high : float
        What was spent, in US dollars: the bills that came, and with them those that may still come.
    calls : mapping of str to int
        Requests by kind of call.
    refused : int
        Calls refused with a 429.
    reason : str
        Why rows have no result, most often, and what to do; empty where all have one.
    notes : tuple of str
        How images were changed to be sent.
    queue_times, inference_times : sequence of float
        Seconds of server time of the jobs that this run sent and that completed.
    """

    rows: int
    jobs: int
    seconds: float
    by_status: Mapping[str, int]
    usd_low: float
    usd_high: float
    calls: Mapping[str, int]
    refused: int
    reason: str = ""
    notes: tuple[str, ...] = ()
    queue_times: Sequence[float] = field(repr=False, default=())
    inference_times: Sequence[float] = field(repr=False, default=())

    def quantile(self, times: str, q: float) -> float | None:
        """Return the q-quantile of ``"queue_times"`` or ``"inference_times"`` in seconds, None without any."""
        values = getattr(self, times)
        return float(np.quantile(values, q)) if len(values) else None

    def plot(self, *, figure: Any = None) -> Any:
        """Draw the report and return the Axes.

        Parameters
        ----------
        figure : matplotlib Figure, optional
            Where to draw; None makes one.

        Returns
        -------
        ndarray of matplotlib Axes, shape (3,)
        """
        from samframe.plotting import plot_run  # noqa: PLC0415 - matplotlib is heavy

        return plot_run(
            by_status=self.by_status,
            calls=self.calls,
            times={"in the queue": self.queue_times, "inference": self.inference_times},
            title=self._headline(),
            figure=figure,
        )

    def _headline(self) -> str:
        spent = format_usd(self.usd_low)
        if self.usd_high - self.usd_low > 0:
            spent += f" to {format_usd(self.usd_high)}"
        return f"{self.rows:,} rows, {self.jobs:,} jobs, {self.seconds:.1f} s, {spent} spent"

    def _lines(self) -> list[tuple[str, str]]:
        lines = [("run", self._headline())]
        lines += [("rows " + name, f"{count:,}") for name, count in self.by_status.items()]
        lines.append(("requests", f"{sum(self.calls.values()):,}"))
        lines += [("  " + name, f"{count:,}") for name, count in self.calls.items()]
        lines.append(("refused (429)", f"{self.refused:,}"))
        lines += [("reason", self.reason)] if self.reason else []
        lines += [("note", note) for note in self.notes]
        for label, name in (("queue time", "queue_times"), ("inference time", "inference_times")):
            middle, high = self.quantile(name, 0.5), self.quantile(name, 0.95)
            if middle is not None and high is not None:
                lines.append((label, f"p50 {middle:.2f} s, p95 {high:.2f} s"))
        return lines

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self._lines())
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self._lines())

    def _repr_html_(self) -> str:
        return facts_table(self._lines())


def make_report(progress: Progress, *, notes: tuple[str, ...] = ()) -> RunReport:
    """Return the report of a run's figures as they are now."""
    return RunReport(
        rows=progress.rows,
        jobs=progress.jobs,
        seconds=progress.seconds,
        by_status={
            status.value: progress.by_status[status] for status in RowStatus if progress.by_status[status]
        },
        usd_low=progress.budget.low,
        usd_high=progress.budget.high,
        calls={
            call.value: count
            for call, count in sorted(progress.calls.items(), key=lambda item: item[0].value)
        },
        refused=progress.refused,
        reason=progress.reasons.words(),
        notes=notes,
        queue_times=tuple(progress.queue_times),
        inference_times=tuple(progress.inference_times),
    )
