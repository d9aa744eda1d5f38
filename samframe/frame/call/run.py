"""A run that goes on by itself: progress, the frame so far, stop, result."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from samframe.errors import ContractError, OptionError
from samframe.frame.call.display import Display, make_display, show_pictures
from samframe.frame.call.report import RunReport, make_report
from samframe.ground.contract import RECORD_SECONDS
from samframe.ground.sync import Background, terminate_as_interrupt
from samframe.jobs import Progress, RowStatus

if TYPE_CHECKING:
    import pandas as pd

    from samframe.frame.call.work import Work

__all__ = ["Run", "last_run"]

_LAST: list[Run] = []


class Run:
    """A live handle on a run, as ``start`` returns it.

    Nothing is lost when it is dropped: what is paid for is in the ledger, and the same call collects it free.

    Parameters
    ----------
    work : Work
        What is to be done.
    here : bool
        False starts it at once on a loop of its own, in a thread; True leaves it to the caller to await :meth:`main`.
    """

    def __init__(self, work: Work, *, here: bool = False) -> None:
        self._work = work
        self._display: Display = make_display(
            work.options.progress,
            stop=self.stop,
            image_of=work.image_of,
            image_root=work.options.image_root,
        )
        self._background = None if here else Background(self.main, stop=self.stop)
        _LAST[:] = [self]

    async def main(self) -> None:
        """Do the work on the running loop, for those who have one (``here=True``)."""
        try:
            async with self._display.live(lambda: self._work.shown):
                await self._work.run()
        except ContractError as error:
            show_pictures(error)
            raise

    @property
    def progress(self) -> Progress | None:
        """Live figures; None while images are still read."""
        return self._work.progress

    @property
    def frame(self) -> pd.DataFrame:
        """The frame so far: every row, those under way with the status ``running``."""
        return self._work.frame()

    @property
    def is_done(self) -> bool:
        """Whether the run has ended."""
        return self._work.has_ended

    def report(self) -> RunReport:
        """Return what the run did so far: rows by status, spending, requests, queue and inference times.

        Raises
        ------
        OptionError
            If the run still reads its images.
        """
        progress = self.progress
        if progress is None:
            raise OptionError("The run still reads its images; there is nothing to report yet.")
        return make_report(progress, notes=self._work.notes)

    def stop(self) -> None:
        """Send nothing more; POSTs in flight are answered and their ids kept. Returns at once."""
        self._work.stop()

    def result(self) -> pd.DataFrame:
        """Wait for the end and return the frame. A run of ``asegment`` is awaited there; here it gives what is done.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted; the text says what is stored, running and in doubt.
        ApiError, LedgerError
            If the run stopped as a whole; ``.frame`` on it holds the rows so far.
        RowsFailedError
            With ``on_error="raise"``, if any row has not completed.
        """
        try:
            if self._background is not None:
                with terminate_as_interrupt():
                    self._background.result()
                self._display.tell_end(self._work.shown)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(interrupt_text(self._work)) from None
        self._work.raise_failed_rows()
        return self.frame

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "A Run belongs to the process that it runs in and is not pickled. Its frame is: run.frame; in another "
            "process the same call collects what this one has paid for."
        )

    def __repr__(self) -> str:
        progress = self.progress
        state = "done" if self.is_done else "running"
        return f"<samframe.Run {state}: {progress.summary() if progress is not None else self._early()}>"

    def _early(self) -> str:
        shown = self._work.shown
        return shown.phase if shown is not None else "stopped before anything was sent"


def last_run() -> Run | None:
    """Return the latest run of this process, None before any. Its ``frame`` has the rows, whatever became of it."""
    return _LAST[0] if _LAST else None


def interrupt_text(work: Work) -> str:
    """Return what an interrupted run leaves behind, and what to do."""
    progress = work.progress
    if progress is None:
        return "samframe: stopped before anything was sent."
    counts = progress.by_status
    # None was submitted before the run began: by this moment all of them can be collected.
    until = time.time() - progress.seconds + RECORD_SECONDS
    text = f"samframe: stopped. {counts[RowStatus.COMPLETED]} rows stored"
    if counts[RowStatus.RUNNING]:
        until_text = f"{datetime.fromtimestamp(until).astimezone():%H:%M}"
        text += f", {counts[RowStatus.RUNNING]} running (run again before {until_text} to collect them free)"
    if counts[RowStatus.IN_DOUBT]:
        text += f", {counts[RowStatus.IN_DOUBT]} in doubt"
    if counts[RowStatus.UNREAD]:
        text += f", {counts[RowStatus.UNREAD]} unread"
    being_sent = 0 if work.has_ended else work.posting_jobs
    if being_sent:  # a second interrupt does not wait for their answers
        text += f", {being_sent} being sent, which are in doubt unless their answers still come"
    return f"{text}; {progress.budget.spent_text()} spent. samframe.last_run().frame has the rows so far."
