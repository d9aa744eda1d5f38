"""What a call to the API can answer: values for the good cases, one error with a kind for the bad ones."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from samframe.errors import SamframeError

__all__ = ["Call", "CallError", "Credits", "Failure", "HistoryRow", "JobAnswer", "Metrics", "RemoteState"]


class Call(enum.Enum):
    """The calls of the API, as the retry table and the counters name them."""

    SUBMIT = "submit"
    STATUS = "status"
    RESULT = "result"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    CREDITS = "credits"
    HISTORY = "history"
    PREPARE = "prepare"


class Failure(enum.Enum):
    """Why a call gave no usable answer."""

    NOT_SENT = "not sent"
    LOST = "answer lost"
    BAD_INPUT = "bad input"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NO_MODEL = "no such model"
    RETIRED = "model retired"
    NO_CREDITS = "no credits"
    BAD_CONTENT_TYPE = "content type refused"
    REDIRECTED = "redirected"
    NOT_FOUND = "not found"
    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    REFUSED_HOST = "host not allowed"
    FOREIGN_ID = "id of a foreign form"
    REFUSED_BYTES = "too large"
    ENCODED = "compressed"


class CallError(SamframeError):
    """One call failed.

    Parameters
    ----------
    message : str
        What happened, without the key.
    kind : Failure
        What the retry table goes by.
    status_code : int, optional
        HTTP status, None where there was no answer.
    wait_s : float, optional
        Seconds until the rate limit resets, as the server told; None where it told nothing usable.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Failure = Failure.LOST,
        status_code: int | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status_code = status_code
        self.wait_s = wait_s


class RemoteState(enum.Enum):
    """The state of a job as the API tells it."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Server times in seconds and money in US dollars; None where the API told nothing usable.

    ``score`` is how sure an engine is of its mask, 0 to 1. Segmind tells none, the local server does.
    """

    inference_time: float | None = None
    queue_time: float | None = None
    total_time: float | None = None
    cost: float | None = None
    remaining_credits: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAnswer:
    """The answer to a status or result call. ``output`` and ``raw`` are set where the result was asked for.

    ``unknown_status`` is the word that the API used where it is none that is known; the job counts as at work then.
    """

    state: RemoteState
    metrics: Metrics = field(default_factory=Metrics)
    error: str | None = None
    output: Any = None
    raw: str | None = None
    unknown_status: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """The balance, in US dollars."""

    credits: float
    free_credits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One row of the request history."""

    request_id: str
    state: RemoteState | None
    inputs: dict[str, Any]
    output: Any = None
    error: str | None = None
    cost: float | None = None
    created_at: str | None = None
    model: str | None = None
