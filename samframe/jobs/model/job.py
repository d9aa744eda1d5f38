"""What the engine works on: a job, the states of its life, its record in the ledger, and what a row gets."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe._contract import DEFAULT_MODEL
from samframe._status import RowStatus

if TYPE_CHECKING:
    from samframe.images import Image
    from samframe.masks import Mask

__all__ = ["Job", "JobState", "Outcome", "Parameters", "Points", "Record", "RowStatus", "job_key"]

#: Raised whenever two equal rows of different versions could mean different jobs.
KEY_SCHEMA = 1

Points = tuple[tuple[float, float], ...]


class JobState(enum.Enum):
    """A job's life in the ledger. Only ``SUBMITTING`` and what follows it may have cost money."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    STORED = "stored"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What is the same for every row of a call."""

    model: str = DEFAULT_MODEL
    overlay_mask: bool = False
    base64: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One distinct thing to pay for: an image, what to find in it, and how.

    ``points`` and ``remove_points`` are (x, y) in pixels of the image as stored; ``row`` is the position of the
    first row that asked for it, for messages; ``n_rows`` how many rows share it.
    """

    key: str
    image: Image
    prompt: str | None
    points: Points
    remove_points: Points
    parameters: Parameters
    row: int
    n_rows: int = 1


def job_key(
    *,
    identity: str,
    image_identity: str,
    prompt: str | None,
    points: Points,
    remove_points: Points,
    parameters: Parameters,
) -> str:
    """Return the sha256 that equal jobs share: API base, model, image, prompt and all parameters, never the key.

    Parameters
    ----------
    identity : str
        What stands for the deployment of the API (its base URL).
    image_identity : str
        Hash of the bytes that are sent, or the URL.
    prompt : str or None
        NFC-normalised and stripped.
    """
    parts = [
        KEY_SCHEMA,
        identity,
        parameters.model,
        image_identity,
        prompt,
        points,
        remove_points,
        parameters.overlay_mask,
        parameters.base64,
    ]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A job's row in the ledger. Times of the clock are seconds since 1970, durations seconds, money US dollars."""

    key: str
    state: JobState
    attempts: int = 0
    owner: str | None = None
    request_id: str | None = None
    submitted_at: float | None = None
    result: str | None = None
    error: str | None = None
    cost: float | None = None
    inference_time: float | None = None
    queue_time: float | None = None
    total_time: float | None = None
    engine: str | None = None
    score: float | None = None
    artifact: str | None = None
    mask: Mask | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rows of one job get. ``error`` says what happened, what it cost and what to do, or is None."""

    status: RowStatus
    mask: Mask | None = None
    error: str | None = None
    inference_time: float | None = None
    queue_time: float | None = None
    total_time: float | None = None
    request_id: str | None = None
    cost: float | None = None
    attempts: int = 0
    engine: str | None = None
    score: float | None = None
    artifact: str | None = None
    paid_now: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
