"""``samframe.check()``: one job over a bundled photograph, and what came back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pandas as pd

from samframe._version import __version__
from samframe.errors import OptionError
from samframe.frame.call import CallOptions, Run, Work
from samframe.frame.check.asking import Witness, ask_around, ask_balance
from samframe.ground.id_form import id_form
from samframe.ground.service_report import ServiceReport
from samframe.ground.sync import Background
from samframe.jobs import JobState, Ledger, Record, format_usd
from samframe.segmind import Client, ReaderContext, find_model, output_facts, readers_for

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from samframe.jobs import Job, Plan
    from samframe.segmind import Model

__all__ = ["check", "plan_check"]

_PHOTO = "coffee"
#: Something that the photograph shows, in words that the offline engine knows too.
_PROMPT = "red"
_FIELDS = frozenset({"status", "request_id", "output", "images", "image", "metrics", "error"})
_METRICS = frozenset(
    {"inference_time", "queue_time", "total_time", "cost", "remaining_credits", "retry_count"}
)


def check(
    *,
    yes: bool = False,
    client: Client | None = None,
    model: str | Model = "sam-v2-image",
    store: str | os.PathLike[str] | None = None,
    refresh: bool = False,
) -> ServiceReport:
    """Send one job over a bundled photograph, and report what the service really does.

    The job goes through the ledger like any other: a second check costs nothing. What comes back need not be a mask
    that samframe can read; the raw output is kept. The free questions are asked each time: the balance, the history of
    this job, and an upload of one grey pixel, which is public.

    Parameters
    ----------
    yes : bool
        Your consent to pay for the job. Without it nothing is sent.
    client : Client, optional
        The service; None: Segmind, with the key of ``SEGMIND_API_KEY``.
    model : str or Model
        The model to ask.
    store : path, optional
        As for :func:`samframe.segment`.
    refresh : bool
        Pay for another job though one is in the ledger.

    Returns
    -------
    ServiceReport
        Write it with ``report.to_json("report.json")``: it holds no key, URL, id, path or balance.

    Raises
    ------
    OptionError
        Without ``yes``; the text tells the price. Nothing was sent.
    ApiError
        If the service stopped the call: key, credits, model, connection.
    LedgerError
        If the ledger cannot be used; nothing was sent.

    Examples
    --------
    >>> import samframe, tempfile
    >>> with samframe.offline() as client:
    ...     report = samframe.check(yes=True, client=client, store=tempfile.mkdtemp())
    >>> report.status, report.output.kind, report.id_form
    ('completed', 'mask', 'uuid')
    """
    if not yes:
        bill = plan_check(client=client, model=model, store=store, refresh=refresh)
        raise OptionError(
            f"A check sends one job that costs about {format_usd(bill.usd_low)} ({bill.to_pay} to pay), and asks for "
            "the balance, the history and an upload, which are free. Agree with samframe.check(yes=True). "
            "Nothing was sent."
        )
    client = client if client is not None else Client()
    witness = Witness()
    with _heard_by(client, witness):
        before = Background(lambda: ask_balance(client), stop=_nothing).result()
        work = Work(_frame(), _options(client, model, store, refresh=refresh))
        Run(work).result()
        job = work.jobs[0]
        with Ledger(work.options.settings().store) as ledger:
            record = ledger.lookup([job.key]).get(job.key) or Record(key=job.key, state=JobState.PENDING)
        around = Background(lambda: ask_around(client, record.request_id), stop=_nothing).result()
    has_balances = before is not None and around.balance is not None
    balances = (before or 0.0, around.balance or 0.0) if has_balances else None
    row = work.frame().iloc[0]
    return ServiceReport(
        service=urlsplit(client.base_url).netloc,
        model=find_model(model).slug,
        status=str(row["status"]),
        error=None if row["error"] is pd.NA else str(row["error"]),
        samframe=__version__,
        date=datetime.now(UTC).date().isoformat(),
        sent_hw=job.image.sent_hw,
        queue_time=record.queue_time,
        inference_time=record.inference_time,
        total_time=record.total_time,
        bill_usd=record.cost,
        published_usd=find_model(model).price_usd,
        balance_usd=balances,
        balance_fell_usd=round(balances[0] - balances[1], 6) if balances and witness.n_sent else None,
        rate_headers=witness.rate_headers,
        history=around.history,
        upload=around.upload,
        credits=around.credits,
        n_sent=witness.n_sent,
        id_form=id_form(record.request_id) if record.request_id is not None else None,
        **_about_result(client, record),
        **_about_output(work, job, record),
    )


def _about_result(client: Client, record: Record) -> dict[str, Any]:
    """Return what the result's JSON tells of the form of answers."""
    try:
        result = json.loads(record.result or "")
    except ValueError:
        return {}
    if not isinstance(result, dict):
        return {}
    output, metrics = result.get("output"), result.get("metrics")
    url = None
    if isinstance(output, str) and output.lower().startswith(("http://", "https://")):
        url = output
    host = urlsplit(url).netloc.rpartition("@")[2] if url is not None else None
    return {
        "delivery": _delivery(output),
        "output_host": host,
        "is_host_allowed": client.hosts.why_not_fetch(url) is None if url is not None else None,
        "result_fields": tuple(sorted(_FIELDS & result.keys())),
        "metrics": tuple(sorted(_METRICS & metrics.keys())) if isinstance(metrics, dict) else (),
    }


def _about_output(work: Work, job: Job, record: Record) -> dict[str, Any]:
    """Return what the raw output is, where it was fetched."""
    name = record.artifact or record.raw
    data = work.artifacts.load(name) if name is not None else None
    if name is None or data is None:
        return {}
    context = ReaderContext(size_hw=job.image.sent_hw, prompt=job.prompt, load=job.image.sent_pixels)
    return {
        "output": output_facts(data, context),
        "readers": readers_for(data, context),
        "kept": str(work.artifacts.path(name)),
    }


def _delivery(output: object) -> str:
    match output:
        case None:
            return "null"
        case list():
            return "list"
        case dict():
            return "mapping"
        case str() if output.lower().startswith(("http://", "https://")):
            return "url"
        case str():
            return "data-uri" if output[:5].lower() == "data:" else "base64"
        case _:
            return type(output).__name__


@contextmanager
def _heard_by(client: Client, witness: Witness) -> Iterator[None]:
    client.on_answer = witness.heard
    try:
        yield
    finally:
        client.on_answer = None


def _nothing() -> None:
    """Stop nothing: the questions have deadlines of their own."""


def _frame() -> pd.DataFrame:
    from samframe.testing import sample_photo  # noqa: PLC0415 - the scenes are heavy

    return pd.DataFrame({"image": [sample_photo(_PHOTO)], "prompt": [_PROMPT]})


def _options(
    client: Client | None, model: str | Model, store: str | os.PathLike[str] | None, *, refresh: bool
) -> CallOptions:
    options = {"client": client, "model": model, "store": store, "refresh": refresh, "progress": False}
    return CallOptions.of("check", "image", "prompt", options)


def plan_check(
    *,
    client: Client | None = None,
    model: str | Model = "sam-v2-image",
    store: str | os.PathLike[str] | None = None,
    refresh: bool = False,
) -> Plan:
    """Return the bill of a check. Nothing is sent."""
    return Work(_frame(), _options(client, model, store, refresh=refresh), dry=True).plan()
