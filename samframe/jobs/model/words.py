"""The words of a row's error and of a stopped run: what happened, what it cost, what to do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from samframe.errors import (
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    ContractError,
    CreditsError,
    ModelUnavailableError,
    PermissionDeniedError,
)
from samframe.ground.contract import RECORD_SECONDS
from samframe.jobs.model.cause import Cause, Evidence
from samframe.jobs.model.money import format_usd
from samframe.segmind import Call, CallError, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.jobs.model.job import Outcome

__all__ = [
    "cannot_connect",
    "contract_error",
    "id_not_kept",
    "in_doubt",
    "job_failed",
    "lost",
    "never_sent",
    "no_history",
    "other_key",
    "refused_input",
    "remedy",
    "run_error",
    "still_running",
    "stopped",
    "trial_failed",
    "unread",
]


def in_doubt(detail: str, price: float, *, is_visible: bool = True) -> str:
    """Return the words for a submit whose answer never came.

    Parameters
    ----------
    is_visible : bool
        Whether the request history can tell the job by its inputs: an image URL and a prompt.
    """
    if not price:
        return f"Sent, but the answer was lost ({detail}). Nothing is charged by this server; run again."
    look = (
        'Run again to look for it, or retry="in_doubt" to pay again.'
        if is_visible
        else "The request history cannot tell it by its inputs (that takes an image URL and a prompt): look at the "
        'account\'s requests, then retry="in_doubt" to pay again.'
    )
    return f"Sent, but the answer was lost ({detail}); may have cost {format_usd(price)}. {look}"


def id_not_kept(request_id: str, detail: str, price: float, *, rescued: bool = False) -> str:
    """Return the words for an accepted job whose id could not be written down, but perhaps in an emergency file."""
    if rescued:
        return (
            f"Accepted as {request_id}; the ledger could not keep that id: {detail} It is in an emergency file of the "
            "store, which the next run takes over: make room, then run again to collect it free."
        )
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


def unread(
    cause: Cause,
    detail: str,
    *,
    cost: float | None,
    evidence: Evidence | None = None,
    is_offline: bool = False,
) -> str:
    """Return the words for a job that is done and paid for, and whose mask is not read yet."""
    evidence = evidence if evidence is not None else Evidence()
    billed = "" if is_offline else " and paid for" if cost is None else f", billed {format_usd(cost)}"
    kept = f" The output is kept as {evidence.kept}." if evidence.kept else ""
    return f"Done{billed}; its mask is not read yet: {_sentence(detail)}{kept} {remedy(cause, evidence)}"


def remedy(cause: Cause, evidence: Evidence) -> str:
    """Return what makes a mask of an output that is paid for, which never costs anything."""
    match cause:
        case Cause.FORM:
            readers = _readers_text(evidence.readers) if evidence.readers else "a reader= of your own"
            return f"Run the same call with {readers} to read it: free."
        case Cause.ASPECT:
            return "Run the same call with a reader= of your own that cuts its frame away: free."
        case Cause.HOST:
            host = evidence.host or "its host"
            return f"If you trust it, run the same call with client=samframe.Client(allowed_hosts=[{host!r}]): free."
        case Cause.REFUSED:
            return (
                "The same call does not ask for it again; a later version of samframe does, and so does a call with "
                "another reader=: free."
            )
        case Cause.GONE:
            return (
                "Run the same call again to fetch and read it: free. "
                "If the file has gone for good, refresh=True for this row pays for it again."
            )
        case _:
            return "Run the same call again to fetch and read it: free."


def _readers_text(readers: Sequence[str]) -> str:
    return " or ".join(f"reader={name!r}" for name in readers[:3])


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def contract_error(
    outcome: Outcome, *, evidence: Evidence | None, spent: str, n_unread: int, is_trial: bool
) -> ContractError:
    """Return the exception that stops a run whose answers are of no use.

    Parameters
    ----------
    outcome : Outcome
        What the last job ended as.
    evidence : Evidence, optional
        What came back.
    spent : str
        What the run has cost so far.
    n_unread : int
        Jobs of the run that are paid for and not read yet.
    is_trial : bool
        Whether it was the first job of its deployment and model.
    """
    cause = outcome.cause
    assert cause is not None  # noqa: S101 - it is what the run is stopped for
    evidence = evidence if evidence is not None else Evidence()
    reason = cause.value if cause is not Cause.HOST else f"{cause.value} ({evidence.host})"
    first = "The first job of this model" if is_trial else "Several jobs in a row"
    parts = [f"{first} came to nothing that can be used, so no more were sent: {reason}."]
    if outcome.error:
        parts.append(_sentence(outcome.error))
    if evidence.form:
        sent = (
            f", for an image sent as {evidence.sent_hw[1]} x {evidence.sent_hw[0]} px"
            if evidence.sent_hw
            else ""
        )
        host = f", from {evidence.host}" if evidence.host else ""
        parts.append(f"What came: {evidence.form}{host}{sent}.")
    parts.append(f"Spent: {spent}; nothing that was paid for is lost.")
    if n_unread:
        parts.append(f"{n_unread} paid job(s) are unread: the same call reads them for nothing.")
    if cause.is_about_submits:
        parts.append(_ADVICE_ON_SUBMITS[cause])
    elif cause is Cause.PRICE:
        parts.append("Run the same call again to go on at this price: it is the plan's from now on.")
    return ContractError(" ".join(parts), came_png=evidence.came_png, sent_png=evidence.sent_png)


def trial_failed(error: str) -> ContractError:
    """Return the exception for a run that waits for another one's first job, whose output could not be read."""
    return ContractError(
        "Nothing was sent: the first job of this model, sent by another call a moment ago, is not read yet, and others "
        f"would cost the same for nothing. It says: {error}"
    )


_ADVICE_ON_SUBMITS = {
    Cause.FOREIGN_ID: "Its id cannot be asked for; look at the account's request history for its output.",
    Cause.LOST_ANSWER: "Look at the service's status page and at any proxy on the way before you run again.",
    Cause.SERVER_ERROR: "Nothing was billed for it. Look at the service's status page, then run again.",
}


def lost(detail: str) -> str:
    """Return the words for a job whose record expired."""
    return (
        f"The job was accepted, but its record has expired and {detail}; it was probably billed. "
        'retry="lost" pays again.'
    )


def other_key(theirs: str, ours: str) -> str:
    """Return the words for a job that was sent with another API key, by the fingerprints of both."""
    return (
        f"Accepted and paid for with another API key (fingerprint {theirs[:8]}; this call's is {ours[:8]}): "
        "run the same call with that key to collect it free. It was not asked for with this one."
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
