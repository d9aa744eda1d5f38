"""One call on one frame: columns checked, images read, jobs run, and the frame so far at any moment."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from samframe.errors import ImageError, RowsFailedError, SamframeError
from samframe.frame.call.asked import Asked
from samframe.frame.call.result import NEVER_SENT, UNDER_WAY, result_frame
from samframe.frame.cells.rows import Distinct, Inputs, distinct_rows, make_inputs
from samframe.images import Image, read_images
from samframe.jobs import Artifacts, Budget, Plan, Progress, RowStatus, Session, Survey, instances_of
from samframe.segmind import Client

if TYPE_CHECKING:
    import pandas as pd

    from samframe.frame.call.options import CallOptions
    from samframe.jobs import Job, Settings
    from samframe.masks import Mask

__all__ = ["Work"]

_IMAGES_AT_ONCE = 64


class Work:
    """A call's work, apart from how it is waited for.

    Parameters
    ----------
    df : pandas.DataFrame
        The rows.
    options : CallOptions
        The call's options.
    dry : bool
        True for a plan: output names are not checked.
    settings : Settings, optional
        What the engine is asked in place of what the options say, for calls that share a coordinator.

    Raises
    ------
    OptionError
        If a column is missing, or an output column exists.
    AuthenticationError
        If there is no key.
    """

    def __init__(
        self, df: pd.DataFrame, options: CallOptions, *, dry: bool = False, settings: Settings | None = None
    ) -> None:
        self.options = options
        self._names = options.output_names()
        self._asked = Asked(df, options, self._names, dry=dry)
        self._df = self._asked.frame
        self._settings = settings if settings is not None else options.settings()
        self._distinct: Distinct = distinct_rows(self._df, self._asked.columns, rows=self._asked.rows)
        # Last of all: a column that is misspelt is told before a key that is missing.
        self.client = options.client if options.client is not None else Client(keyless=dry)
        self._inputs: Inputs | None = None
        self._session: Session | None = None
        self._stop_asked: str | None = None
        self._has_ended = False
        self._read = 0
        self._reading = Progress(rows=len(self._df), budget=Budget(price=0.0))
        self._lock = threading.Lock()
        self.artifacts = Artifacts(self._settings.store)
        self.notes: tuple[str, ...] = ()
        self._instances: dict[str, list[tuple[Mask, float | None]]] = {}

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._df)

    @property
    def has_ended(self) -> bool:
        """Whether :meth:`run` has come to its end, a good one or not."""
        return self._has_ended

    def image_of(self, row: int) -> object:
        """Return the image cell of a row, by position."""
        cell: object = self._asked.source[self.options.image_col].iloc[row]
        return cell

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The distinct jobs of the rows that can be sent; none before images are read."""
        return tuple(self._inputs.jobs) if self._inputs is not None else ()

    @property
    def waiting_jobs(self) -> int | None:
        """How many jobs could be submitted now; None before the first can."""
        return self._session.waiting_jobs if self._session is not None else None

    @property
    def posting_jobs(self) -> int:
        """How many jobs are being sent at this moment, whose ids are not kept yet."""
        return self._session.posting_jobs if self._session is not None else 0

    @property
    def progress(self) -> Progress | None:
        """Live figures, None while images are still read."""
        return self._session.progress if self._session is not None else None

    @property
    def shown(self) -> Progress | None:
        """Figures for displays: while images are read, how many are; None where the run ended then."""
        if self._session is not None:
            return self._session.progress
        if self._has_ended:
            return None
        self._reading.message = f"reading images: {self._read:,} of {len(self._distinct.images):,}"
        return self._reading

    def plan(self) -> Plan:
        """Return the bill before the run. Images are read and hashed, nothing is sent."""
        plan = self._make_session(
            read_images(self._distinct.images, image_root=self.options.image_root)
        ).plan()
        assert self._inputs is not None  # noqa: S101 - made with the session
        problems = self._inputs.told_problems(self._asked.rows)
        return replace(plan, notes=self.notes, problems=problems)

    def survey(self) -> Survey:
        """Return what is to be done with each job, to be joined with those of other frames. Nothing is sent."""
        return self._make_session(
            read_images(self._distinct.images, image_root=self.options.image_root)
        ).survey()

    async def run(self) -> None:
        """Read the images and run the jobs.

        Raises
        ------
        ApiError, LedgerError
            If the call stopped as a whole; ``frame`` on it holds the rows so far.
        """
        try:
            await self._run()
        except SamframeError as error:
            self._has_ended = True
            error.frame = self.frame()
            raise
        finally:
            self._has_ended = True

    async def _run(self) -> None:
        images = await self._read_images()
        if images is None:
            return  # stopped: no row was sent, and what is stored is looked up by the next call
        session = self._make_session(images)
        if self._stop_asked is not None:
            session.stop(self._stop_asked)
        await session.run()

    def stop(self, reason: str = "the run was stopped") -> None:
        """Send nothing more. From any thread."""
        with self._lock:
            self._stop_asked = self._stop_asked or reason
            session = self._session
        if session is not None:
            session.stop(reason)

    def frame(self) -> pd.DataFrame:
        """Return the frame as far as it is done; rows that are not are ``running``, after the end ``cancelled``."""
        outcomes = dict(self._session.outcomes) if self._session is not None else {}
        result = result_frame(
            self._df,
            self._inputs,
            outcomes,
            self._names,
            pending=NEVER_SENT if self._has_ended else UNDER_WAY,
            artifact_path=self.artifacts.path,
            rows=self._asked.rows,
        )
        return self._asked.answer(
            result, find=self._instances_of if self.options.instances == "rows" else None
        )

    def _instances_of(self, row: int) -> list[tuple[Mask, float | None]] | None:
        """Return the masks of a row's job, None where it has none that are stored."""
        inputs, session = self._inputs, self._session
        code = int(inputs.codes[row]) if inputs is not None else -1
        if inputs is None or session is None or code < 0:
            return None
        job = inputs.jobs[code]
        outcome = session.outcomes.get(job.key)
        if outcome is None or outcome.status is not RowStatus.COMPLETED or outcome.artifact is None:
            return None
        if job.key not in self._instances:
            data = self.artifacts.load(outcome.artifact)
            self._instances[job.key] = instances_of(data, job) if data is not None else []
        return self._instances[job.key]

    def raise_failed_rows(self) -> None:
        """With ``on_error="raise"``: raise if any row has not completed.

        Raises
        ------
        RowsFailedError
            With the frame on it.
        """
        if self.options.on_error != "raise":
            return
        frame = self.frame()
        status = frame[self._names["status"]]
        bad = (status != RowStatus.COMPLETED.value).to_numpy()
        if bad.any():
            errors = frame[self._names["error"]].to_numpy(dtype=object)
            first = next((errors[position] for position in bad.nonzero()[0]), "")
            raise RowsFailedError(
                f"{int(bad.sum())} of {len(frame)} rows have no result. First: {first} "
                "The frame is on this exception (.frame).",
                frame=frame,
            )

    async def _read_images(self) -> list[Image | ImageError] | None:
        """Return the images, a batch at a time; None if a stop came in between."""
        images: list[Image | ImageError] = []
        cells = self._distinct.images
        for start in range(0, len(cells), _IMAGES_AT_ONCE):
            if self._stop_asked is not None:
                return None
            batch = cells[start : start + _IMAGES_AT_ONCE]
            images += await asyncio.to_thread(read_images, batch, image_root=self.options.image_root)
            self._read = len(images)
        return images

    def _make_session(self, images: list[Image | ImageError]) -> Session:
        inputs = make_inputs(
            self._distinct,
            images,
            identity=self.client.identity,
            parameters=self.options.job_parameters(),
            box_format=self.options.box_format,
            max_prompt=self.options.max_prompt,
        )
        with self._lock:
            self._inputs = inputs
            self._session = Session(
                self.client, inputs.jobs, self._settings, rows=self.rows, invalid=inputs.n_invalid
            )
            self._session.progress.rows_done += inputs.n_invalid
            self._session.progress.by_status[RowStatus.FAILED] += inputs.n_invalid
            for problem, count in inputs.problem_counts():
                self._session.progress.reasons.add(problem, count)
            self.notes = inputs.notes()
            return self._session
