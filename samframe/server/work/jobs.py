"""The book of jobs: who submitted what, how far it is, how long it may be asked for."""

from __future__ import annotations

import enum
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.server.wire import read_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samframe.server.config import ServerConfig

__all__ = ["FileShelf", "Job", "JobBook", "JobState", "JobView"]


class JobState(enum.Enum):
    """How far a job is, in the API's own words."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in {JobState.COMPLETED, JobState.FAILED}


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One accepted submit. Seconds: `created_at` of the wall clock, the others of the monotonic one."""

    request_id: str
    model: str
    owner: str
    body: dict[str, Any]
    created_at: float
    submitted_s: float
    service_s: float | None
    base_url: str
    doomed: str | None = None
    output_base: str | None = None
    state: JobState = JobState.QUEUED
    started_s: float | None = None
    finished_s: float | None = None
    image_sha256: str | None = None
    error: str | None = None
    score: float | None = None
    embedding_cached: bool | None = None
    file_name: str | None = None
    file_type: str = ""
    file_size: int = 0
    parts: list[dict[str, Any]] = field(default_factory=list)
    cost_usd: float | None = None
    remaining_usd: float | None = None

    @property
    def output_url(self) -> str | None:
        """Where the output lies, None where there is none."""
        return (
            None
            if self.file_name is None
            else f"{self.output_base or self.base_url}/outputs/{self.file_name}"
        )

    def api_urls(self) -> dict[str, str]:
        """Return the URLs that every answer about the job carries."""
        response_url = f"{self.base_url}/v2/requests/{self.request_id}"
        return {"status_url": response_url + "/status", "response_url": response_url}

    def image_entry(self) -> dict[str, Any]:
        """Return the output file as the ``images`` of a result list it."""
        return {
            "url": self.output_url,
            "content_type": self.file_type,
            "file_name": self.file_name,
            "file_size": self.file_size,
        }

    def part_entries(self) -> list[dict[str, Any]]:
        """Return the masks of several objects as ``images`` lists them, with their scores and boxes."""
        return [
            {**part, "url": f"{self.output_base or self.base_url}/outputs/{part['file_name']}"}
            for part in self.parts
        ]

    def metrics(self) -> dict[str, float]:
        """Return the times of a finished job, in seconds, and its cost and its score where it has one."""
        if self.started_s is None or self.finished_s is None:
            return {}
        times = {
            "inference_time": round(self.finished_s - self.started_s, 4),
            "queue_time": round(self.started_s - self.submitted_s, 4),
            "total_time": round(self.finished_s - self.submitted_s, 4),
        }
        if self.cost_usd is not None:
            times["cost"] = self.cost_usd
        if self.remaining_usd is not None:
            times["remaining_credits"] = round(self.remaining_usd, 6)
        if self.score is not None:
            times["score"] = round(self.score, 4)
        if self.embedding_cached is not None:
            times["embedding_cached"] = self.embedding_cached
        return times


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What a test may know of a job.

    Parameters
    ----------
    request_id, model : str
        Its id and model.
    prompt, coordinates, remove_coordinates : str, optional
        As sent.
    image_sha256 : str, optional
        Hexadecimal hash of the image's bytes; None where they cannot be read, and before a URL's job has run.
    state : str
        ``"QUEUED"``, ``"PROCESSING"``, ``"COMPLETED"`` or ``"FAILED"``.
    billed : bool
        Whether it was charged: COMPLETED jobs are, FAILED ones never.
    error : str, optional
        Why it FAILED.
    created_at : float
        Time of submission, seconds since the epoch.
    submitted_s, started_s, finished_s : float, optional
        Monotonic times in seconds, None for what has not happened.
    service_s : float, optional
        The service time that was drawn for it, in seconds.
    """

    request_id: str
    model: str
    prompt: str | None
    coordinates: str | None
    remove_coordinates: str | None
    image_sha256: str | None
    state: str
    billed: bool
    error: str | None
    created_at: float
    submitted_s: float
    started_s: float | None
    finished_s: float | None
    service_s: float | None

    @classmethod
    def of(cls, job: Job) -> JobView:
        """Copy what is known now."""
        body = job.body
        return cls(
            request_id=job.request_id,
            model=job.model,
            prompt=body.get("prompt"),
            coordinates=body.get("coordinates"),
            remove_coordinates=body.get("remove_coordinates"),
            image_sha256=job.image_sha256 or _hash_of(body.get("image")),
            state=job.state.value,
            billed=job.state is JobState.COMPLETED,
            error=job.error,
            created_at=job.created_at,
            submitted_s=job.submitted_s,
            started_s=job.started_s,
            finished_s=job.finished_s,
            service_s=job.service_s,
        )


def _hash_of(image: Any) -> str | None:
    try:
        return read_image(image, asset=lambda _: None, max_side_px=1 << 30).sha256
    except (ValueError, AttributeError, TypeError):
        return None


@dataclass(slots=True, eq=False)
class FileShelf:
    """Named files up to a number of bytes and an age; the oldest go first.

    Parameters
    ----------
    max_bytes : int
        Room.
    ttl_s : float
        Age at which a file goes, in seconds.
    """

    max_bytes: int
    ttl_s: float
    used_bytes: int = 0
    _files: dict[str, tuple[bytes, float]] = field(default_factory=dict)

    def put(self, name: str, raw: bytes, *, now: float) -> None:
        """Keep a file, in place of an earlier one of its name, and drop what is too old or too much."""
        self.drop(name)
        self._files[name] = (raw, now)
        self.used_bytes += len(raw)
        while self._files:
            oldest = next(iter(self._files))
            _, since = self._files[oldest]
            if self.used_bytes <= self.max_bytes and now - since < self.ttl_s:
                return
            self.drop(oldest)

    def get(self, name: str, *, now: float) -> bytes | None:
        """Return a file's bytes, None where it is unknown or too old."""
        kept = self._files.get(name)
        return kept[0] if kept is not None and now - kept[1] < self.ttl_s else None

    def drop(self, name: str) -> None:
        """Forget a file, if it is there."""
        kept = self._files.pop(name, None)
        if kept is not None:
            self.used_bytes -= len(kept[0])


class JobBook:
    """All jobs by id, oldest first.

    Parameters
    ----------
    config : ServerConfig
        Lifetimes and caps.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._jobs: dict[str, Job] = {}
        self._expired: set[str] = set()
        self.outputs = FileShelf(config.max_output_bytes, config.output_ttl_s)
        self.assets = FileShelf(config.max_output_bytes, config.output_ttl_s)
        self.post_times: deque[float] = deque(maxlen=100_000)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def add(self, job: Job) -> None:
        """Enter a job, and drop the oldest finished ones beyond the cap or the age of the history."""
        self._jobs[job.request_id] = job
        self.post_times.append(time.monotonic())
        while self._jobs:
            oldest = next(iter(self._jobs.values()))
            surplus = len(self._jobs) > self._config.max_records
            if not oldest.state.is_final or not (surplus or self._is_ancient(oldest, job.created_at)):
                return
            del self._jobs[oldest.request_id]
            self._expired.discard(oldest.request_id)

    def find(self, request_id: str) -> Job | None:
        """Return a job whose record can still be asked for, None otherwise."""
        job = self._jobs.get(request_id)
        if job is None or request_id in self._expired:
            return None
        return job if self._config.clock() - job.created_at < self._config.record_ttl_s else None

    def recall(self, request_id: str) -> Job | None:
        """Return a job of any age that the history still has."""
        return self._jobs.get(request_id)

    def expire(self, request_id: str | None = None) -> None:
        """Let the record of one job, or of all jobs so far, expire now."""
        self._expired.update(list(self._jobs) if request_id is None else [request_id])

    def _is_ancient(self, job: Job, now: float) -> bool:
        return now - job.created_at >= max(self._config.output_ttl_s, self._config.record_ttl_s)
