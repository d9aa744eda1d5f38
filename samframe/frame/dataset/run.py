"""``samframe.segment_dataset``: a table larger than memory in, a dataset's folder out, a few batches at a time.

Batches overlap: the next one starts while the jobs of the last are still out, on one pace and one budget
(:class:`samframe.jobs.Coordinator`), so that the account's limit is used to the full between batches too. A batch is
written when all its rows are settled, as one part that appears whole or not at all; its name tells of which rows, file
and options it is. So a later call finds what is done by looking, and the rest costs what the ledger does not have.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pyarrow.parquet as pq

from samframe.errors import OptionError, RowsFailedError, SamframeError
from samframe.export import PARTS, describe_part, finish_parts, write_part
from samframe.frame.call import CallOptions, SegmentOptions, Work, make_display
from samframe.frame.dataset.part_names import PartNames
from samframe.frame.dataset.sources import Source, find_sources
from samframe.ground.signature import with_options
from samframe.ground.sync import Background, terminate_as_interrupt
from samframe.jobs import Budget, Coordinator, Progress, RowStatus
from samframe.segmind import Client

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Iterator, Sequence

    import pandas as pd

    from samframe.export import FileEntry

__all__ = ["DatasetRun", "segment_dataset"]

#: Batches in memory at once: one that is sent, one whose last jobs are out, one that is read.
_AT_ONCE = 3
_TICK_S = 0.05
#: What is no row's last word: such a batch is not written. One that may be completed for nothing is done again.
_UNSETTLED = frozenset(status.value for status in RowStatus if not status.is_settled)
_FREE_AGAIN = frozenset(status.value for status in RowStatus if status.may_change_free)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRun:
    """What a call of :func:`segment_dataset` did.

    Attributes
    ----------
    path : Path
        The folder, for :func:`samframe.read_parquet`.
    rows : dict of str to int
        Rows by status, of all parts that are there.
    parts_written, parts_kept : int
        Parts that this call wrote, and those that it found done.
    usd_low, usd_high : float
        What this call spent, in US dollars: the bills that came, and the most it can have been.
    is_complete : bool
        Whether all rows of the table are in the folder.
    """

    path: Path
    rows: dict[str, int] = field(default_factory=dict)
    parts_written: int = 0
    parts_kept: int = 0
    usd_low: float = 0.0
    usd_high: float = 0.0
    is_complete: bool = True


@with_options(CallOptions)
def segment_dataset(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    *,
    out: str | os.PathLike[str],
    batch_rows: int = 2000,
    overwrite_out: bool = False,
    **options: Unpack[SegmentOptions],
) -> DatasetRun:
    """Segment a table that need not fit in memory, and go on where an earlier call ended.

    Parameters
    ----------
    source : path, URL or list of them
        Parquet, CSV or JSON lines: a file, a folder, or a pattern such as ``"in/*.parquet"``; URLs through fsspec. The
        columns of a CSV are text.
    image_col, prompt_col, **options
        Those of :func:`samframe.segment`. ``max_cost`` is for the whole call.
    out : path
        A folder of this machine. The parts lie in ``data/``; :func:`samframe.read_parquet` reads the folder.
    batch_rows : int
        Rows a part; three parts are in memory at most. Another number makes other parts.
    overwrite_out : bool
        Whether parts of another table or other options, which are refused else, are removed.

    Returns
    -------
    DatasetRun

    Raises
    ------
    OptionError
        If an option, a column or a file is wrong, or ``out`` holds parts of another call.
    ApiError, LedgerError
        If the call stopped as a whole. Parts that are done stay; the same call goes on.
    RowsFailedError
        With ``on_error="raise"``, once all parts are written, if any row has no result.
    KeyboardInterrupt
        After a stop, once the jobs that are out are in the ledger.
    """
    call = CallOptions.of("segment_dataset", image_col, prompt_col, options).row_by_row("segment_dataset")
    call = replace(call, client=call.client if call.client is not None else Client())
    if isinstance(batch_rows, bool) or not isinstance(batch_rows, int) or batch_rows < 1:
        raise OptionError(f"batch_rows is a number of rows of at least 1; it is {batch_rows!r}.")
    if call.bridge != "thread":
        raise OptionError('bridge="nest" is for one frame in a notebook; leave it out.')
    run = _Run(find_sources(source), call, Path(out).expanduser().absolute(), batch_rows)
    run.check_out(overwrite=overwrite_out)
    try:
        with terminate_as_interrupt():
            Background(run.main, stop=run.stop).result()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"samframe: stopped. {run.progress.summary()}. The same call goes on."
        ) from None
    if call.on_error == "raise":
        run.raise_failed_rows()
    return run.result()


class _Run:
    """One call at work."""

    def __init__(self, sources: list[Source], call: CallOptions, out: Path, batch_rows: int) -> None:
        self._sources = sources
        self._call = call
        self._out = out
        self._batch_rows = batch_rows
        self._names = call.output_names()
        settings = call.settings()
        coordinator = settings.coordinator or Coordinator()
        self._settings = replace(settings, coordinator=coordinator, run=settings.run or "dataset")
        self._part_names = PartNames(sources, call, batch_rows)
        self._found: dict[tuple[int, int], str] = {}
        self._works: dict[asyncio.Task[None], tuple[Work, tuple[int, int]]] = {}
        self._parts: dict[tuple[int, int], FileEntry] = {}
        self._rows: Counter[str] = Counter()
        self._written = self._kept = 0
        self._is_stopping = False
        self._is_spent = False
        self._is_whole = True
        self._error: SamframeError | None = None
        known = [source.n_rows for source in sources]
        self._n_rows = sum(count for count in known if count is not None) if None not in known else None
        self.progress = Progress(rows=self._n_rows or 0, budget=Budget(price=0.0, max_cost=call.max_cost))
        self._ended = Progress(rows=0, budget=Budget(price=0.0))

    # -- the outside -----------------------------------------------------------------------------

    def stop(self) -> None:
        """Send nothing more. From any thread."""
        self._is_stopping = True
        for work, _ in list(self._works.values()):
            work.stop()

    def check_out(self, *, overwrite: bool) -> None:
        """Refuse, or remove, parts that no batch of this call is named after."""
        folder = self._out / PARTS
        self._found, foreign = self._part_names.kept(folder)
        if foreign and not overwrite:
            raise OptionError(
                f"{self._out} holds {len(foreign)} parts of another table, batch_rows or option, such as "
                f"{foreign[0]}. Nothing was sent. Choose another folder, or pass overwrite_out=True to remove "
                "them; what was paid for stays in the ledger."
            )
        for name in foreign:
            (folder / name).unlink()
        folder.mkdir(parents=True, exist_ok=True)

    def result(self) -> DatasetRun:
        """Return what the call did."""
        return DatasetRun(
            path=self._out,
            rows=dict(self._rows),
            parts_written=self._written,
            parts_kept=self._kept,
            usd_low=self.progress.budget.low,
            usd_high=self.progress.budget.high,
            is_complete=self._is_whole and not self._is_closed(),
        )

    def raise_failed_rows(self) -> None:
        """Raise if any row has no result."""
        bad = sum(self._rows.values()) - self._rows[RowStatus.COMPLETED.value]
        if bad:
            raise RowsFailedError(
                f"{bad:,} of {sum(self._rows.values()):,} rows in {self._out} have no result."
            )

    async def main(self) -> None:
        """Run all batches, a few at a time; raise what stopped them."""
        async with make_display(self._call.progress, stop=self.stop).live(lambda: self.progress):
            batches = self._batches()
            try:
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    place, frame = batch
                    await self._make_room()
                    if self._is_closed():
                        break
                    self._start(place, frame)
            finally:
                await self._drain()
            finish_parts(
                self._out, [self._parts[place] for place in sorted(self._parts)], statuses=self._rows
            )
            self.progress.ended_at = self.progress.clock()
        if self._error is not None:
            raise self._error

    # -- batches ---------------------------------------------------------------------------------

    def _batches(self) -> Iterator[tuple[tuple[int, int], pd.DataFrame]]:
        """Yield the batches that are not done, with the places of their parts: (file, batch)."""
        for number, source in enumerate(self._sources):
            for at, frame in enumerate(source.batches(self._batch_rows)):
                counts = self._done_before((number, at), len(frame))
                if counts is None:
                    yield (number, at), frame
                    continue
                self._kept += 1
                self._rows.update(counts)
                self._ended.rows_done += len(frame)
                self._ended.by_status.update({RowStatus(status): count for status, count in counts.items()})

    def _name(self, place: tuple[int, int]) -> str:
        """Return the name of a part: the one that it has, or the one that it will have."""
        return self._found.get(place) or self._part_names.name(*place)

    def _done_before(self, place: tuple[int, int], rows: int) -> Counter[str] | None:
        """Return the statuses of a part that is there and has nothing left to do, None where there is none."""
        name = self._name(place)
        path = self._out / PARTS / name
        if not path.is_file() or self._call.refresh:
            return None
        column = self._names["status"]
        statuses = pq.read_table(path, columns=[column])[column].to_pylist()
        counts = Counter(map(str, statuses))
        retried = {retry.value for retry in self._settings.retry} | _FREE_AGAIN
        if len(statuses) != rows or retried & set(counts):
            return None
        self._parts[place] = describe_part(self._out, name, rows=rows)
        return counts

    # -- works -----------------------------------------------------------------------------------

    def _start(self, place: tuple[int, int], frame: pd.DataFrame) -> None:
        work = Work(frame, self._call, settings=self._settings)
        task = asyncio.get_running_loop().create_task(work.run())
        self._works[task] = (work, place)

    async def _make_room(self) -> None:
        """Wait until the batches at work leave room for the next: the newest has sent most of its jobs."""
        while self._works and not self._is_closed():
            newest = next(reversed(self._works.values()))[0]
            waiting = newest.waiting_jobs
            if len(self._works) < _AT_ONCE and waiting is not None and waiting <= self._batch_rows // 4:
                return
            await self._settle_some()

    async def _drain(self) -> None:
        while self._works:
            if self._is_closed():
                self._stop_works()
            await self._settle_some()

    async def _settle_some(self) -> None:
        """Wait a moment, and write the parts whose batches have ended."""
        done, _ = await asyncio.wait(list(self._works), timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
        self._refresh()
        for task in done:
            work, place = self._works.pop(task)
            error = task.exception()
            if isinstance(error, SamframeError):
                self._error = self._error or error
            elif error is not None:
                self._stop_works()
                raise error
            frame = await asyncio.to_thread(work.frame)
            self._add(self._ended, work)
            await self._keep(place, frame)
        self._refresh()

    async def _keep(self, place: tuple[int, int], frame: pd.DataFrame) -> None:
        """Write a batch whose rows are all settled."""
        counts = Counter(
            {str(status): int(n) for status, n in frame[self._names["status"]].value_counts().items() if n}
        )
        self._is_spent = self._is_spent or RowStatus.SKIPPED.value in counts
        if _UNSETTLED & set(counts):
            self._is_whole = False  # stopped, at max_cost, or with jobs that do not end: a later call goes on
            return
        self._parts[place] = await asyncio.to_thread(write_part, frame, self._out, self._name(place))
        self._rows.update(counts)
        self._written += 1

    def _is_closed(self) -> bool:
        return self._is_stopping or self._is_spent or self._error is not None

    def _stop_works(self) -> None:
        if self._is_stopping or self._error is not None:
            for work, _ in self._works.values():
                work.stop()

    # -- figures ---------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Bring the figures of the whole call up to date."""
        total = Progress(rows=0, budget=Budget(price=0.0))
        self._merge(total, self._ended)
        for work, _ in self._works.values():
            self._add(total, work)
        live = self.progress
        live.rows_done, live.by_status, live.calls, live.refused = (
            total.rows_done, total.by_status, total.calls, total.refused,
        )  # fmt: skip
        live.rows = max(self._n_rows or 0, live.rows_done)
        live.budget.price = max(live.budget.price, total.budget.price)
        live.budget.known, live.budget.unbilled, live.budget.in_doubt = (
            total.budget.known, total.budget.unbilled, total.budget.in_doubt,
        )  # fmt: skip

    def _add(self, total: Progress, work: Work) -> None:
        if work.progress is not None:
            self._merge(total, work.progress)

    def _merge(self, total: Progress, part: Progress) -> None:
        total.rows_done += part.rows_done
        total.by_status.update(part.by_status)
        total.calls.update(part.calls)
        total.refused += part.refused
        total.budget.price = max(total.budget.price, part.budget.price)
        total.budget.known += part.budget.known
        total.budget.unbilled += part.budget.unbilled
        total.budget.in_doubt += part.budget.in_doubt
