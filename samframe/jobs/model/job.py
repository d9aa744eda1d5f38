"""What the engine works on: a job, the states of its life, its record in the ledger, and what a row gets."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.ground.contract import DEFAULT_MODEL
from samframe.ground.status import RowStatus
from samframe.segmind import Model, find_model

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from samframe.images import Image
    from samframe.jobs.model.cause import Cause
    from samframe.masks import Mask

__all__ = ["Boxes", "Job", "JobState", "Outcome", "Parameters", "Points", "Record", "RowStatus", "job_key"]

#: Raised whenever two equal rows of different versions could mean different jobs.
KEY_SCHEMA = 1

Points = tuple[tuple[float, float], ...]
Boxes = tuple[tuple[float, float, float, float], ...]


class JobState(enum.Enum):
    """A job's life in the ledger. Only ``SUBMITTING`` and what follows it may have cost money.

    ``UNREAD`` is done and paid for: its mask is not read yet, and the same call reads it for nothing.
    """

    PENDING = "pending"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    STORED = "stored"
    UNREAD = "unread"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What is the same for every row of a call.

    Attributes
    ----------
    model : str
        Slug.
    overlay_mask, base64 : bool
        Whether the painted picture, and the output in the answer, are asked for.
    several : bool
        Whether each object's mask by itself is asked for.
    own : tuple of (name, value)
        The model's own parameters, those at their defaults left out, by name.
    profile : Model, optional
        The user's own profile of the model; None: samframe's.
    """

    model: str = DEFAULT_MODEL
    overlay_mask: bool = False
    base64: bool = False
    several: bool = False
    own: tuple[tuple[str, Any], ...] = ()
    profile: Model | None = None

    @property
    def fields(self) -> Model:
        """The profile by which requests are written."""
        return self.profile if self.profile is not None else find_model(self.model)

    def key_facts(self) -> dict[str, Any]:
        """Return what goes into a job's key beside the first three: only what differs from its default."""
        facts: dict[str, Any] = {}
        if self.several:
            facts["several"] = True
        if self.own:
            facts["own"] = dict(self.own)
        if self.profile is not None:
            names = (
                "prompt",
                "points",
                "remove_points",
                "boxes",
                "point_labels",
                "lone_point",
                "overlay",
                "several",
            )
            facts["fields"] = {name: getattr(self.profile, name) for name in names}
        return facts

    def to_row(self) -> dict[str, Any]:
        """Return what the ledger keeps of them, beside the model."""
        return {"overlay_mask": self.overlay_mask, "base64": self.base64, **self.key_facts()}

    def to_body(self, job: Job, image: str) -> dict[str, Any]:
        """Return the JSON body of a job's submit; ``image`` is its URL, or base64 text of its bytes."""
        return self.fields.body(
            image=image,
            prompt=job.prompt,
            points=_sent_points(job, job.points),
            remove_points=_sent_points(job, job.remove_points),
            boxes=job.image.boxes_to_sent(job.boxes) if job.boxes else (),
            overlay_mask=self.overlay_mask,
            base64=self.base64,
            several=self.several,
            own=self.own,
        )

    def facts_of(self, body: Mapping[str, Any]) -> Hashable:
        """Return what a body, ours or one in the service's history, asks for: equal requests, equal facts."""
        return self.fields.facts_of(body)

    def matches(self, job: Job, body: Mapping[str, Any]) -> bool:
        """Return whether a body in the service's history is the request of a job whose image is a URL."""
        return self.facts_of(self.to_body(job, job.image.identity.removeprefix("url:"))) == self.facts_of(
            body
        )


def _sent_points(job: Job, points: Points) -> tuple[tuple[float, ...], ...]:
    """Return points in whole pixels of the image as sent."""
    if not points:
        return ()
    return tuple((round(float(x)), round(float(y))) for x, y in job.image.points_to_sent(points))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One distinct thing to pay for: an image, what to find in it, and how.

    ``points`` and ``remove_points`` are (x, y), ``boxes`` (x1, y1, x2, y2), in pixels of the image as stored; ``row``
    is the position of the first row that asked for it, for messages; ``n_rows`` how many rows share it.
    """

    key: str
    image: Image
    prompt: str | None
    points: Points
    remove_points: Points
    parameters: Parameters
    row: int
    n_rows: int = 1
    boxes: Boxes = ()


def job_key(
    *,
    identity: str,
    image_identity: str,
    prompt: str | None,
    points: Points,
    remove_points: Points,
    parameters: Parameters,
    boxes: Boxes = (),
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
    points, remove_points, boxes : tuple
        As in :class:`Job`.
    parameters : Parameters
        What is the same for every row.
    """
    parts: list[Any] = [
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
    # The nine above are hashed as ever, so that what was stored before stays free. Anything newer is named, and left
    # out where it is at its default.
    newer = {**({"boxes": boxes} if boxes else {}), **parameters.key_facts()}
    if newer:
        parts.append(newer)
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
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
    raw: str | None = None
    reader: str | None = None
    mask: Mask | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rows of one job get. ``error`` says what happened, what it cost and what to do, or is None.

    ``cause`` is set where the service, or the reading of its answer, is to blame and not the row.
    """

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
    cause: Cause | None = None
    paid_now: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
