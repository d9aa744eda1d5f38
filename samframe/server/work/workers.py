"""The pool of workers: jobs run first come, first served, as long as they take or as is simulated."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from samframe.server.engines import DrawnEngine, ellipse
from samframe.server.protocol import EngineRefused
from samframe.server.wire import JobRequest, read_image
from samframe.server.work.jobs import Job, JobState
from samframe.server.work.outputs import CONTENT_TYPES, SUFFIXES, mask_file, overlay_file

if TYPE_CHECKING:
    from samframe.server.config import OutputForm, ServerConfig
    from samframe.server.protocol import Engine
    from samframe.server.wire import SentImage
    from samframe.server.work.jobs import JobBook
    from samframe.server.work.money import Purse
    from samframe.server.work.tally import Tally

__all__ = ["WorkerPool"]

logger = logging.getLogger(__name__)


class WorkerPool:
    """Runs accepted jobs. Its methods belong to one event loop; engines run in threads.

    Parameters
    ----------
    config : ServerConfig
        Number of workers and form of the outputs.
    engine : Engine
        Makes the masks.
    book : JobBook
        Where outputs go and uploaded files lie.
    purse : Purse
        What is charged for completed jobs.
    tally : Tally
        Counts them.
    """

    def __init__(
        self, config: ServerConfig, engine: Engine, *, book: JobBook, purse: Purse, tally: Tally
    ) -> None:
        self._config = config
        self._engine = engine
        self._book = book
        self._purse = purse
        self._tally = tally
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(
            max_workers=min(config.workers, os.cpu_count() or 1), thread_name_prefix="samframe-engine"
        )

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        self._queue.put_nowait(job)

    def start(self) -> None:
        """Start the workers, in the running loop."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._config.workers)]

    async def stop(self) -> None:
        """Stop the workers; what has not finished never will."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job = await self._queue.get()
            job.state, job.started_s = JobState.PROCESSING, time.monotonic()
            output: bytes | None = None
            try:
                output = await loop.run_in_executor(self._threads, self._run, job)
            except ValueError as error:
                job.error = str(error)
            except Exception as error:
                # An engine's own refusal is an answer; anything else is its fault and is worth a trace.
                job.error = str(error)
                if not isinstance(error, EngineRefused):
                    job.error = f"Internal error of the engine: {error!r}"
                    logger.exception("The engine broke on request %s", job.request_id)
            if job.service_s is not None:
                await asyncio.sleep(job.started_s + job.service_s - time.monotonic())
            self._finish(job, output)

    def _run(self, job: Job) -> bytes:
        """Make the output of a job, in a thread. A ValueError's text is the FAILED job's."""
        if job.doomed is not None:
            raise ValueError(job.doomed)
        request = JobRequest.read(job.body)
        clock, assets = self._config.clock, self._book.assets
        image = read_image(
            request.image,
            asset=lambda name: assets.get(name, now=clock()),
            max_side_px=self._config.max_side_px,
        )
        job.image_sha256 = image.sha256
        if isinstance(self._engine, DrawnEngine):
            return self._drawn(self._engine, image, request)
        rgb = image.pixels()
        made = self._engine.segment(
            rgb, prompt=request.prompt, points=request.points, remove_points=request.remove_points
        )
        job.score = float(made.score)
        return (
            overlay_file(rgb, made.mask)
            if request.overlay_mask
            else mask_file(made.mask, self._config.output)
        )

    def _drawn(self, engine: DrawnEngine, image: SentImage, request: JobRequest) -> bytes:
        """Make an ellipse from the hash of the image's bytes: nothing is decoded that need not be."""
        seed = engine.seed(
            image.sha256, prompt=request.prompt, points=request.points, remove_points=request.remove_points
        )
        if request.overlay_mask:
            return overlay_file(image.pixels(), ellipse(image.size_hw, seed))
        return _ellipse_file(image.size_hw, seed, self._config.output)

    def _finish(self, job: Job, output: bytes | None) -> None:
        job.finished_s = time.monotonic()
        image = job.body.get("image")
        if isinstance(image, str):
            job.body["image"] = _abridged(image)
        if output is None:
            self._purse.release()
            self._tally.failed += 1
            job.state = JobState.FAILED
            return
        overlay = job.body.get("overlay_mask", True)
        suffix = ".png" if overlay else SUFFIXES[self._config.output.file_format]
        job.file_name, job.file_type = job.request_id + suffix, CONTENT_TYPES[suffix]
        job.file_size = len(output)
        self._book.outputs.put(job.file_name, output, now=self._config.clock())
        job.cost_usd = self._purse.charge()
        self._tally.billed += 1
        job.remaining_usd = self._purse.balance_usd
        job.state = JobState.COMPLETED


@functools.lru_cache(maxsize=512)
def _ellipse_file(size_hw: tuple[int, int], seed: bytes, form: OutputForm) -> bytes:
    # Compressing a mask is most of what a job of the drawn engine costs.
    return mask_file(ellipse(size_hw, seed), form)


def _abridged(image: str) -> str:
    """Shorten base64 text: a history that kept every image whole would fill the memory."""
    longest = 2_048
    if len(image) <= longest or image[:8].lower().startswith("http"):
        return image
    return f"{image[:64]}... ({len(image)} characters)"
