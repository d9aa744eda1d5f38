"""The pool of workers: jobs run as long as they take or as is simulated, those about one image after each other."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samframe.server.engines.cache import ByteCache
from samframe.server.protocol import EngineRefused, Picture
from samframe.server.wire import SAM3_SLUG, JobRequest, read_image
from samframe.server.work.jobs import Job, JobState
from samframe.server.work.outputs import CONTENT_TYPES, SUFFIXES, mask_file, overlay_file, styled_file
from samframe.server.work.parts import PartFile, part_files, zip_of
from samframe.server.work.queue import GroupedQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from samframe.server.config import OutputForm, ServerConfig
    from samframe.server.protocol import Segmentation, ServedEngine
    from samframe.server.work.jobs import JobBook
    from samframe.server.work.money import Purse
    from samframe.server.work.tally import Tally

__all__ = ["WorkerPool"]

logger = logging.getLogger(__name__)

#: Room for the decoded pixels of the images that were asked about last: five of 12 megapixels.
_PIXEL_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class _Preparation:
    """An image that somebody looks at: what every question about it needs is made before one comes."""

    image: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the engine said, on its way to a file."""

    made: Segmentation
    picture: Picture
    is_overlay: bool
    is_several: bool = False


class WorkerPool:
    """Runs accepted jobs. Its methods belong to one event loop; engines run in threads.

    Parameters
    ----------
    config : ServerConfig
        Number of workers and form of the outputs.
    engine : ServedEngine
        Makes the masks.
    book : JobBook
        Where outputs go and uploaded files lie.
    purse : Purse
        What is charged for completed jobs.
    tally : Tally
        Counts them.
    """

    def __init__(
        self, config: ServerConfig, engine: ServedEngine, *, book: JobBook, purse: Purse, tally: Tally
    ) -> None:
        self._config = config
        self._engine = engine
        self._book = book
        self._purse = purse
        self._tally = tally
        self._queue: GroupedQueue[Job | _Preparation] = GroupedQueue()
        self._tasks: list[asyncio.Task[None]] = []
        self._pixels: ByteCache[NDArray[np.uint8]] = ByteCache(_PIXEL_BYTES)
        n_threads = engine.facts.n_threads
        #: Whether jobs about one image follow each other, as the engine keeps what it made of it.
        self._is_grouped = n_threads is not None
        n_workers = config.workers if n_threads is None else min(config.workers, n_threads)
        # With a thread of the model's own, one more job can be on its way in or out meanwhile.
        self._n_tasks = n_workers if n_threads is None else n_workers + 1
        self._threads = ThreadPoolExecutor(
            max_workers=min(n_workers, os.cpu_count() or 1), thread_name_prefix="samframe-engine"
        )
        self._encoders = (
            self._threads
            if n_threads is None
            else ThreadPoolExecutor(1, thread_name_prefix="samframe-encoder")
        )

    def submit(self, job: Job) -> None:
        """Put a job in the queue."""
        self._queue.put(job, group=job.body["image"] if self._is_grouped else job.request_id)

    def prepare(self, image: str) -> bool:
        """Let the engine look at an image before a job asks about it; return whether that is of use."""
        if not self._is_grouped:
            return False
        if image not in self._queue:
            self._queue.put(_Preparation(image), group=image)
        return True

    def start(self) -> None:
        """Start the workers, in the running loop."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._n_tasks)]

    async def stop(self) -> None:
        """Stop the workers; what has not finished never will."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for threads in (self._threads, self._encoders):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job = await self._queue.get()
            if isinstance(job, _Preparation):
                await loop.run_in_executor(self._threads, self._prepare, job.image)
                continue
            job.state, job.started_s = JobState.PROCESSING, time.monotonic()
            output: bytes | list[PartFile] | None = None
            try:
                if self._is_grouped:
                    others = self._queue.first_of_others(self._engine.facts.n_batch - 1)
                    images = [
                        one.image if isinstance(one, _Preparation) else one.body["image"] for one in others
                    ]
                    answer = await loop.run_in_executor(self._threads, self._ask, job, images)
                    output = await loop.run_in_executor(self._encoders, self._encode, answer)
                else:
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

    def _run(self, job: Job) -> bytes | list[PartFile]:
        """Make the output of a job, in a thread. A ValueError's text is the FAILED job's."""
        return self._encode(self._ask(job))

    def _ask(self, job: Job, others: Sequence[str] = ()) -> _Answer:
        """Put a job's question to the engine; ``others`` are images that come next, to be looked at in one pass."""
        job.started_s = time.monotonic()  # it may have waited for the model's thread
        if job.doomed is not None:
            raise ValueError(job.doomed)
        request = JobRequest.read(job.body, job.model)
        picture = self._picture(request.image)
        job.image_sha256 = picture.key
        if others:
            self._engine.prepare(picture, *self._readable(others))
        made = self._engine.answer(picture, request.question)
        job.score = float(made.score) if self._engine.facts.tells_score else None
        job.embedding_cached = made.detail.get("embedding_cached")
        return _Answer(made, picture, request.overlay_mask, request.is_several)

    def _encode(self, answer: _Answer) -> bytes | list[PartFile]:
        made, form = answer.made, self._config.output
        if answer.is_several:
            return part_files(made, form)
        if answer.is_overlay:
            return overlay_file(answer.picture.pixels(), made.mask)
        if form.style != "mask":
            return styled_file(answer.picture.pixels(), made.mask, form)
        if made.mask_key is not None:
            return _file_of(_Keyed(made.mask_key, answer.picture.size_hw, made.mask), form)
        return mask_file(made.mask, form)

    def _prepare(self, image: str) -> None:
        try:
            self._engine.prepare(self._picture(image))
        except (ValueError, EngineRefused) as error:
            # The job that asks about the image will say so to whom it concerns.
            logger.info("An image could not be prepared: %s", error)
        except Exception:
            logger.exception("The engine broke while it prepared an image")

    def _readable(self, images: Sequence[str]) -> Iterator[Picture]:
        """Yield the pictures that can be decoded; the others fail when their own job comes."""
        for image in images:
            try:
                picture = self._picture(image)
                picture.pixels()
            except (ValueError, TypeError, AttributeError):
                continue
            yield picture

    def _picture(self, text: str) -> Picture:
        clock, assets = self._config.clock, self._book.assets
        image = read_image(
            text,
            asset=lambda name: assets.get(name, now=clock()),
            max_side_px=self._config.max_side_px,
        )
        key = image.sha256

        def pixels() -> NDArray[np.uint8]:
            kept = self._pixels.get(key)
            if kept is None:
                kept = image.pixels()
                self._pixels.put(key, kept, n_bytes=kept.nbytes)
            return kept

        return Picture(key, image.size_hw, pixels)

    def _finish(self, job: Job, output: bytes | list[PartFile] | None) -> None:
        job.finished_s = time.monotonic()
        image = job.body.get("image")
        if isinstance(image, str):
            job.body["image"] = _abridged(image)
        if output is None:
            self._purse.release()
            self._tally.failed += 1
            job.state = JobState.FAILED
            return
        overlay = (
            job.body.get("return_overlay", False)
            if job.model == SAM3_SLUG
            else job.body.get("overlay_mask", True)
        )
        suffix = ".png" if overlay else SUFFIXES[self._config.output.file_format]
        if isinstance(output, list):
            if self._config.output.several != "zip":
                self._keep_parts(job, output, suffix)
            output, suffix = zip_of(output, suffix), ".zip"
        job.file_name, job.file_type = job.request_id + suffix, CONTENT_TYPES[suffix]
        job.file_size = len(output)
        self._book.outputs.put(job.file_name, output, now=self._config.clock())
        job.cost_usd = self._purse.charge()
        self._tally.billed += 1
        job.remaining_usd = self._purse.balance_usd
        job.state = JobState.COMPLETED

    def _keep_parts(self, job: Job, parts: list[PartFile], suffix: str) -> None:
        for number, part in enumerate(parts):
            name = f"{job.request_id}-{number}{suffix}"
            self._book.outputs.put(name, part.data, now=self._config.clock())
            job.parts.append(
                {
                    "file_name": name,
                    "content_type": CONTENT_TYPES[suffix],
                    "file_size": len(part.data),
                    "score": round(part.score, 4),
                    "box": part.box,
                }
            )


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A mask that is known by its key and size alone."""

    key: bytes
    size_hw: tuple[int, int]
    mask: NDArray[np.bool_] = field(compare=False)


@functools.lru_cache(maxsize=512)
def _file_of(keyed: _Keyed, form: OutputForm) -> bytes:
    # Compressing a mask is most of what a job of a cheap engine costs.
    return mask_file(keyed.mask, form)


def _abridged(image: str) -> str:
    """Shorten base64 text: a history that kept every image whole would fill the memory."""
    longest = 2_048
    if len(image) <= longest or image[:8].lower().startswith("http"):
        return image
    return f"{image[:64]}... ({len(image)} characters)"
