"""The pure wire: build the body of a request, read the answer to one. No socket, no clock."""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from samframe.segmind.answers import CallError, Credits, Failure, HistoryRow, JobAnswer, Metrics, RemoteState
from samframe.segmind.reset import reset_wait_s

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "encode_body",
    "is_usable_id",
    "output_of",
    "read_credits",
    "read_history",
    "read_job",
    "read_submit",
    "read_upload",
]

_SHOWN_CHARACTERS = 300


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Return the body of a submit as JSON. Nearly all of it is the image: where that needs no escape, it gets none."""
    image = body["image"]
    if not (image.isascii() and image.isprintable()) or '"' in image or "\\" in image:
        return json.dumps(body).encode()
    rest = json.dumps({name: value for name, value in body.items() if name != "image"})
    return b'{"image": "%b", %b' % (image.encode(), rest[1:].encode())


def read_submit(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return the request id of an accepted job.

    Raises
    ------
    CallError
        With the kind that the retry table goes by. A 2xx whose body holds no valid id is ``LOST``: the job may
        run and be billed.
    """
    if _is_success(status):
        answer = _object(body)
        request_id = answer.get("request_id") if answer is not None else None
        if isinstance(request_id, int) and not isinstance(request_id, bool):
            request_id = str(request_id)
        if not isinstance(request_id, str) or not request_id.strip():
            raise CallError(
                f"the answer (HTTP {status}) holds no valid request_id", kind=Failure.LOST, status_code=status
            )
        if not is_usable_id(request_id):
            raise CallError(
                f"the answer (HTTP {status}) holds no valid request_id, but {_shorten(request_id)!r}",
                kind=Failure.FOREIGN_ID,
                status_code=status,
            )
        return request_id
    text = _error_text(body)
    if status == HTTPStatus.NOT_FOUND:
        raise CallError(text or "no such model", kind=Failure.NO_MODEL, status_code=status)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and _object(body) is not None:
        raise CallError(text or "server error", kind=Failure.SERVER_ERROR, status_code=status)
    if _may_have_arrived(status):
        raise CallError(f"HTTP {status} {text}".strip(), kind=Failure.LOST, status_code=status)
    _raise_common(status, headers, text)
    raise CallError(text or f"HTTP {status}", kind=Failure.BAD_INPUT, status_code=status)


def read_job(status: int, headers: Mapping[str, str], body: bytes) -> JobAnswer:
    """Return the state of a job from the answer to a status or result call (FAILED comes as HTTP 422).

    Raises
    ------
    CallError
        ``NOT_FOUND`` for an unknown or expired id; ``LOST`` for anything that may pass and is safe to ask again.
    """
    answer = _object(body)
    if answer is not None and (_is_success(status) or status == HTTPStatus.UNPROCESSABLE_ENTITY):
        told = answer.get("status")
        state = _state(told)
        output = output_of(answer)
        unknown = None
        if state is None and isinstance(told, str) and told.strip() and _is_success(status):
            # A word that nobody knows: an output tells more than it.
            state = RemoteState.COMPLETED if output is not None else RemoteState.PROCESSING
            unknown = _shorten(told)
        if state is not None:
            error = answer.get("error")
            return JobAnswer(
                state=state,
                metrics=_metrics(answer.get("metrics")),
                error=_shorten(error) if error is not None else None,
                output=output,
                unknown_status=unknown,
                raw=body.decode("utf-8", "replace"),
                engine=_shorten(answer["engine"]) if isinstance(answer.get("engine"), str) else None,
            )
    text = _error_text(body)
    if status == HTTPStatus.NOT_FOUND:
        raise CallError(text or "unknown or expired request", kind=Failure.NOT_FOUND, status_code=status)
    _raise_common(status, headers, text)
    raise CallError(f"HTTP {status} {text}".strip(), kind=Failure.LOST, status_code=status)


def read_upload(status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return the URLs of uploaded assets, in the order sent (``file_urls``, or ``urls`` as one docs page has it)."""
    answer = _checked_object(status, headers, body)
    for name in ("file_urls", "urls"):
        urls = answer.get(name)
        if isinstance(urls, list) and all(isinstance(url, str) for url in urls):
            return urls
    raise CallError("the answer to an upload holds no file_urls", kind=Failure.LOST, status_code=status)


def read_credits(status: int, headers: Mapping[str, str], body: bytes) -> Credits:
    """Return the balance."""
    answer = _checked_object(status, headers, body)
    paid = _number(answer.get("credits"), least=-math.inf)
    if paid is None:
        raise CallError("the answer holds no credits", kind=Failure.LOST, status_code=status)
    return Credits(credits=paid, free_credits=_number(answer.get("free-credits")) or 0.0)


def read_history(status: int, headers: Mapping[str, str], body: bytes) -> list[HistoryRow]:
    """Return the rows of one page of the request history, or of one request's own page.

    The envelope is not documented: rows are taken wherever they are in it, at any depth, in order.
    """
    parsed = _parse(body)
    if not _is_success(status):
        _checked_object(status, headers, body)
    if parsed is None:
        raise CallError(f"HTTP {status}: the history is no JSON", kind=Failure.LOST, status_code=status)
    return [row for item in _rows(parsed) if (row := _history_row(item)) is not None]


def _checked_object(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    answer = _object(body)
    if _is_success(status) and answer is not None:
        return answer
    text = _error_text(body)
    if status == HTTPStatus.NOT_FOUND:
        raise CallError(text or "not found", kind=Failure.NOT_FOUND, status_code=status)
    _raise_common(status, headers, text)
    raise CallError(f"HTTP {status} {text}".strip(), kind=Failure.LOST, status_code=status)


#: What means the same in every call, and the words where the server gives none.
_MEANINGS = {
    HTTPStatus.UNAUTHORIZED: (Failure.UNAUTHENTICATED, "the API key was refused"),
    HTTPStatus.FORBIDDEN: (Failure.FORBIDDEN, "not allowed for this account"),
    HTTPStatus.METHOD_NOT_ALLOWED: (Failure.NO_MODEL, "this address does not take the call"),
    HTTPStatus.GONE: (Failure.RETIRED, "the model is retired"),
    HTTPStatus.PAYMENT_REQUIRED: (Failure.NO_CREDITS, "payment required"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        Failure.BAD_INPUT,
        "the picture is too large for the API; send it by URL, or smaller",
    ),
}
_WORDS_OF_MONEY = ("credit", "spend", "balance", "limit")


def _raise_common(status: int, headers: Mapping[str, str], text: str) -> None:
    """Raise for what means the same in every call; return for the rest."""
    wait_s = None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        kind, fallback = Failure.REDIRECTED, f"HTTP {status} redirect"
    elif status in _MEANINGS:
        kind, fallback = _MEANINGS[HTTPStatus(status)]
    elif status == HTTPStatus.NOT_ACCEPTABLE and _is_about_content_type(text):
        kind, fallback = Failure.BAD_CONTENT_TYPE, "content type refused"
    elif status == HTTPStatus.NOT_ACCEPTABLE and _is_about_money(text):
        kind, fallback = Failure.NO_CREDITS, "not acceptable"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        kind, fallback = Failure.RATE_LIMITED, "rate limit reached"
        wait_s = reset_wait_s(headers)
    else:
        return
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and text:
        text = f"{fallback} ({text})"
    raise CallError(text or fallback, kind=kind, status_code=status, wait_s=wait_s)


def _is_about_content_type(text: str) -> bool:
    return "content type" in text.lower().replace("-", " ")


def _is_about_money(text: str) -> bool:
    # A 406 without words is read as the account's: stopping costs nothing, going on fails every row.
    return not text or any(word in text.lower() for word in _WORDS_OF_MONEY)


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _may_have_arrived(status: int) -> bool:
    """Return whether a proxy may have given this answer for a server that had taken the request."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: nested deeper than any real answer
        return None


def _object(body: bytes) -> dict[str, Any] | None:
    parsed = _parse(body)
    return parsed if isinstance(parsed, dict) else None


def _error_text(body: bytes) -> str:
    """Return what the server says went wrong, in one short line; empty for HTML and other noise."""
    answer = _object(body)
    if answer is None:
        return ""
    for name in ("error", "message", "detail"):
        if answer.get(name):
            return _shorten(answer[name])
    return ""


def _shorten(value: object) -> str:
    """Return text on one line, cut, without what a terminal would obey or a database refuses (half characters)."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, default=str)
        except RecursionError:
            value = type(value).__name__
    seen = value[: 4 * _SHOWN_CHARACTERS]
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in seen).split())
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


# Letters that mean nothing in a path: no slash, no escape, no dot in front.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_~:=.\-]{0,199}")


def is_usable_id(text: str) -> bool:
    """Return whether an id can stand in a URL's path as it is, whatever its form: a UUID is not promised."""
    return _ID.fullmatch(text) is not None and ".." not in text


def output_of(result: Mapping[str, Any]) -> Any:
    """Return what a result names as its output, ``output`` or the first of ``images``; None where there is none."""
    output = result.get("output")
    if output is None:
        output = result.get("images") or result.get("image")
        if isinstance(output, list) and len(output) > 1:
            output = output[:1]
    return output


_SYNONYMS = {
    RemoteState.COMPLETED: (
        "SUCCEEDED",
        "SUCCESS",
        "SUCCESSFUL",
        "COMPLETE",
        "DONE",
        "FINISHED",
        "OK",
        "READY",
    ),
    RemoteState.PROCESSING: (
        "IN_PROGRESS",
        "RUNNING",
        "STARTED",
        "WORKING",
        "ACTIVE",
        "GENERATING",
        "INPROGRESS",
    ),
    RemoteState.QUEUED: ("PENDING", "IN_QUEUE", "WAITING", "STARTING", "SUBMITTED", "ACCEPTED", "CREATED"),
    RemoteState.FAILED: ("FAILURE", "ERROR", "ERRORED", "CANCELLED", "CANCELED", "ABORTED", "REJECTED"),
}
_STATES = {word: state for state, words in _SYNONYMS.items() for word in (state.value, *words)}


def _state(value: object) -> RemoteState | None:
    return _STATES.get(str(value).strip().upper().replace(" ", "_").replace("-", "_"))


def _number(value: object, *, least: float = 0.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= least else None


def _metrics(value: object) -> Metrics:
    if not isinstance(value, dict):
        return Metrics()
    names = ("inference_time", "queue_time", "total_time", "cost", "score")
    return Metrics(
        remaining_credits=_number(value.get("remaining_credits"), least=-math.inf),
        **{name: _number(value.get(name)) for name in names},
    )


def _rows(parsed: Any) -> list[dict[str, Any]]:
    """Return the rows in an unknown envelope, in order. Not recursive: JSON may be nested deeper than Python calls."""
    rows: list[dict[str, Any]] = []
    stack = [parsed]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and not value.keys().isdisjoint(_ROW_FIELDS) and "request_id" in value:
            rows.append(value)
        elif isinstance(value, dict | list):
            inside = list(value.values()) if isinstance(value, dict) else value
            stack.extend(reversed(inside))
    return rows


#: What tells a row from an envelope that carries a request_id of its own.
_ROW_FIELDS = frozenset({"request_body", "model_status", "generation_url", "credits_deduction"})


def _history_row(item: dict[str, Any]) -> HistoryRow | None:
    request_id = item.get("request_id")
    if not isinstance(request_id, str) or not is_usable_id(request_id):
        return None
    inputs = item.get("request_body")
    if isinstance(inputs, str):
        inputs = _parse(inputs.encode())
    error = item.get("error")
    created = next(
        (item[name] for name in ("model_created", "created_at", "timestamp", "created") if item.get(name)),
        None,
    )
    return HistoryRow(
        request_id=request_id,
        state=_state(item.get("model_status", item.get("status"))),
        inputs=inputs if isinstance(inputs, dict) else {},
        output=item.get("generation_url"),
        error=_shorten(error) if error else None,
        cost=_number(item.get("credits_deduction")),
        created_at=str(created) if created is not None else None,
        model=str(item["model_name"]) if item.get("model_name") else None,
    )
