"""The words of a row's error and of a stopped run: what happened, what it cost, what to do."""

from __future__ import annotations

from datetime import datetime

from samframe._contract import RECORD_SECONDS
from samframe.errors import (
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    ContractError,
    CreditsError,
    ModelUnavailableError,
    PermissionDeniedError,
)
from samframe.jobs.model.money import format_usd
from samframe.segmind import Call, CallError, Failure

__all__ = [
    "bad_output",
    "cannot_connect",
    "id_not_kept",
    "in_doubt",
    "job_failed",
    "lost",
    "never_sent",
    "no_history",
    "refused_input",
    "run_error",
    "still_running",
    "stopped",
]


def in_doubt(detail: str, price: float) -> str:
    """Return the words for a submit whose answer never came."""
    return (
        f"Sent, but the answer was lost ({detail}); may have cost {format_usd(price)}. "
        'Run again to look for it, or retry="in_doubt" to pay again.'
    )


def id_not_kept(request_id: str, detail: str, price: float) -> str:
    """Return the words for an accepted job whose id could not be written down."""
    return (
        f"Accepted as {request_id}, but the ledger could not keep that id: {detail} May have cost {format_usd(price)}. "
        'Make room, then run again to look for it, or retry="in_doubt" to pay again.'
    )


def refused_input(detail: str, *, prompt: str | None) -> str:
    """Return the words for a job that the API refused to take."""
    shown = f" (prompt {_short(prompt)})" if prompt is not None else ""
    return f'Refused by the API: {detail}{shown}. Not billed. Correct the row, or retry="failed" to send it again.'


def job_failed(detail: str) -> str:
    """Return the words for a job that ran and failed."""
    return f'The job failed: {detail}. Not billed. Correct the row, or retry="failed" to send it again.'


def never_sent(detail: str) -> str:
    """Return the words for a job that could not be sent."""
    return f"Not sent: {detail}. Nothing was charged. Run again."


def bad_output(detail: str, *, cost: float | None, kept: str | None) -> str:
    """Return the words for a finished job whose output is no mask."""
    billed = f"it was billed {format_usd(cost)}" if cost is not None else "it may have been billed"
    where = f"; the raw output is kept as artifact {kept[:12]}" if kept else ""
    return (
        f"The job finished and {billed}, but its output is unusable: {detail}{where}. "
        'retry="failed" pays for it again.'
    )


def lost(detail: str) -> str:
    """Return the words for a job whose record expired."""
    return (
        f"The job was accepted, but its record has expired and {detail}; it was probably billed. "
        'retry="lost" pays again.'
    )


def no_history(detail: str) -> str:
    """Return the words for a job whose record expired while the history does not answer."""
    return (
        f"The job was accepted; its record has expired and the history does not answer ({detail}). Run again."
    )


def not_searched(detail: str) -> str:
    """Return the words for a row in doubt that was to be paid again, while the history could not be read."""
    return (
        f"In doubt, and the request history could not be searched ({detail}): not paid again, as the job may be in it. "
        "Run again."
    )


def still_running(submitted_at: float | None) -> str:
    """Return the words for a job that was accepted and not collected; ``submitted_at`` is seconds since 1970."""
    if submitted_at is None:
        return "Accepted and running; run again to collect it free."
    until = datetime.fromtimestamp(submitted_at + RECORD_SECONDS).astimezone()
    return f"Accepted and running; run again before {until:%H:%M} to collect it free."


def stopped(reason: str) -> str:
    """Return the words for a row that was not sent because the run was stopped."""
    return f"Not sent: {reason}. Nothing was charged."


_STOPS: dict[Failure, tuple[type[ApiError], str]] = {
    Failure.UNAUTHENTICATED: (
        AuthenticationError,
        "The API refused the key: {detail}. Check SEGMIND_API_KEY.",
    ),
    Failure.FORBIDDEN: (PermissionDeniedError, "This account may not use the model: {detail}."),
    Failure.NO_MODEL: (
        ModelUnavailableError,
        "The API has no such model or address: {detail}. Check model= and base_url.",
    ),
    Failure.RETIRED: (ModelUnavailableError, "The model is retired: {detail}. Choose another with model=."),
    Failure.NO_CREDITS: (CreditsError, "The account cannot pay: {detail}."),
    Failure.BAD_CONTENT_TYPE: (
        ContractError,
        "The server refused the request's form: {detail}. Check base_url for a proxy.",
    ),
    Failure.REDIRECTED: (
        ContractError,
        "The server redirects ({detail}); the key is never sent on to another address. Check base_url.",
    ),
}


def run_error(
    error: CallError, call: Call, *, balance: float | None = None, need: float | None = None
) -> ApiError:
    """Return the exception for a failure that stops the whole run; ``balance`` and ``need`` are US dollars."""
    kind, words = _STOPS.get(
        error.kind, (ContractError, "The API answered a {call} call unexpectedly: {detail}.")
    )
    text = words.format(detail=error, call=call.value)
    if balance is not None and need is not None:
        text += f" The balance is {format_usd(balance)}, the jobs not yet sent need about {format_usd(need)}."
    return kind(f"{text} Nothing more was sent; rows that were done are kept.", status_code=error.status_code)


def cannot_connect(detail: str, *, anything_sent: bool) -> ConnectionFailedError:
    """Return the exception for a service that cannot be reached at all."""
    cost = "rows that were sent before are kept" if anything_sent else "nothing was sent or charged"
    return ConnectionFailedError(
        f"The API cannot be reached: {detail}; {cost}. Check the network and base_url, then run again."
    )


def _short(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
