"""The last step: download the output, verify it, keep it, and give the rows their mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from samframe._version import __version__
from samframe.ground.contract import OUTPUT_DAYS
from samframe.jobs.engine.output import (
    OutputProblemError,
    Stored,
    decode_output,
    gather_evidence,
    host_of,
)
from samframe.jobs.engine.resume import outcome_of, resend
from samframe.jobs.engine.several import fetch_parts, wants_parts
from samframe.jobs.model import Action, Cause, Evidence, JobState, RowStatus, backoff_s, decide, words
from samframe.segmind import Call, CallError, Failure, OutputError, extract_output

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context
    from samframe.jobs.pace import Flight

__all__ = ["Fetcher"]

_OUTPUT_TRIES = 3
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Bytes:
    """An output's bytes: where they came from, and whether they were on the disk already."""

    data: bytes
    url: str | None = None
    is_kept: bool = False


class Fetcher:
    """Fetches the outputs of finished jobs, and reads their masks.

    Parameters
    ----------
    context : Context
        The runner.
    """

    def __init__(self, context: Context) -> None:
        self._c = context
        #: Since when a host has given out nothing, by the loop's clock.
        self._down_since: dict[str, float] = {}

    async def fetch(self, flight: Flight) -> None:
        """Bring the output, verify it, keep it, and give the rows their mask."""
        c = self._c
        record = flight.record
        if record is not None and record.state is JobState.UNREAD and record.note == self._refuser:
            outcome = outcome_of(flight, RowStatus.UNREAD, error=record.error, artifact=record.raw)
            c.settle(flight, replace(outcome, cause=Cause.REFUSED))
            return
        try:
            found = await c.in_thread(self._kept, flight) or await self._bring(flight)
            stored: Stored = await c.in_thread(decode_output, found.data, flight.job, c.artifacts, c.reader)
        except CallError as error:
            await self._call_failed(flight, error)
            return
        except OutputProblemError as problem:
            await self._problem(flight, problem, found)
            return
        except OutputError as error:
            await self._unread(flight, Cause.NO_OUTPUT, str(error))
            return
        await c.ledger.stored(
            flight.job.key,
            artifact=stored.artifact,
            size=stored.size,
            mask=stored.mask,
            note=stored.note,
            reader=c.reader.name if stored.mask is not None else None,
            proof=None if c.breaker.is_proven else c.proof,
            urgent=c.near_end or not c.breaker.is_proven,
        )
        outcome = outcome_of(
            flight,
            RowStatus.COMPLETED,
            error=stored.note,
            mask=stored.mask,
            artifact=stored.artifact,
            metrics=flight.metrics,
        )
        c.settle(flight, replace(outcome, cause=Cause.PRICE) if flight.is_dear else outcome)

    @property
    def _refuser(self) -> str:
        """What an output's bytes are refused by: the same refuses them again, so that they are not asked for again."""
        most = self._c.api.most_output_bytes
        return f"refused by samframe {__version__}, {most} bytes at most, reader {self._c.reader.name}"

    def _kept(self, flight: Flight) -> _Bytes | None:
        """Return the raw output of a job that is on the disk, None where it must be fetched."""
        record = flight.record
        if record is None or flight.was_fetched:
            return None
        if record.state is JobState.UNREAD:
            name = record.raw
        elif record.artifact is None or record.mask is not None or flight.job.parameters.overlay_mask:
            return None  # a job with a sound mask is being refreshed: what is kept is the older output
        else:
            name = record.artifact
        data = self._c.artifacts.load(name) if name is not None else None
        return _Bytes(data, is_kept=True) if data is not None else None

    async def _bring(self, flight: Flight) -> _Bytes:
        if wants_parts(flight.job, flight.output):
            record = flight.record
            whole = flight.raw_result or (record.result if record is not None else None)
            flight.was_fetched = True
            return _Bytes(await fetch_parts(self._c.api, flight.output, whole))
        reference = extract_output(flight.output)
        flight.was_fetched = True
        if reference.url is None:
            return _Bytes(reference.data or b"")
        flight.url = reference.url
        data = await self._c.api.download(reference.url)
        self._down_since.pop(host_of(reference.url) or "", None)
        self._c.progress.message = ""
        return _Bytes(data, url=reference.url)

    async def _call_failed(self, flight: Flight, error: CallError) -> None:
        """A download came to nothing: try again within the host's patience, or leave it to a later call."""
        now = self._c.now()
        tries = flight.failed_once_more(Call.DOWNLOAD)
        action = decide(Call.DOWNLOAD, error.kind, tries=tries)
        if action is Action.HOLD:
            self._c.progress.refused += 1
            flight.due = now + (error.wait_s or backoff_s(tries, self._c.rng))
            return
        if self._c.is_offline and (error.kind is not Failure.LOST or action is Action.FAIL_ROW):
            await resend(self._c, flight)  # a server of ours that is gone: nothing was ever billed
            return
        if action is Action.FAIL_ROW:
            await self._gave_up(flight, error)
            return
        host = host_of(flight.url) or "the host"
        since = self._down_since.setdefault(host, now)
        if now - since >= self._c.patience.download:
            text = f"{error}, for {now - since:.0f} s"
            await self._unread(flight, Cause.HOST_DOWN, text)
            return
        self._c.progress.message = (
            f"waiting for {host} to give out outputs ({error}), {self._c.patience.download:.0f} s at most"
        )
        flight.due = now + min(
            backoff_s(tries, self._c.rng), max(0.01, since + self._c.patience.download - now)
        )

    async def _gave_up(self, flight: Flight, error: CallError) -> None:
        match error.kind:
            case Failure.REFUSED_HOST:
                await self._unread(flight, Cause.HOST, str(error))
            case Failure.REFUSED_BYTES | Failure.ENCODED:
                await self._unread(flight, Cause.REFUSED, str(error))
            case _ if self._c.now() - flight.age_base > OUTPUT_DAYS * _DAY_S and flight.age_base:
                text = words.lost(f"its output is gone ({error})")
                await self._c.ledger.lost(flight.job.key, text)
                self._c.settle(flight, outcome_of(flight, RowStatus.LOST, error=text))
            case _:
                await self._unread(flight, Cause.GONE, str(error))

    async def _problem(self, flight: Flight, problem: OutputProblemError, found: _Bytes) -> None:
        """The bytes give no mask. Damaged ones are fetched again; those of a sound picture would be the same."""
        if problem.cause is Cause.DAMAGED and (found.url is not None or found.is_kept):
            can_fetch = found.url is not None or _has_url(flight.output)
            if can_fetch and (found.is_kept or flight.failed_once_more(Call.DOWNLOAD) < _OUTPUT_TRIES):
                flight.was_fetched = True
                flight.due = self._c.now() + backoff_s(flight.tries[Call.DOWNLOAD], self._c.rng)
                return
        await self._unread(
            flight, problem.cause, str(problem), raw=problem.artifact, size=problem.size, data=found.data
        )

    async def _unread(
        self,
        flight: Flight,
        cause: Cause,
        detail: str,
        *,
        raw: str | None = None,
        size: int | None = None,
        data: bytes | None = None,
    ) -> None:
        """The job is done and paid for, and its mask is not read yet."""
        c = self._c
        raw = raw or (flight.record.raw if flight.record is not None else None)
        kept = str(c.artifacts.path(raw)) if raw is not None else None
        evidence = Evidence(host=host_of(flight.url), kept=kept)
        if c.breaker.wants_evidence:
            evidence = await c.in_thread(
                lambda: gather_evidence(data, flight.job, url=flight.url, kept=kept, cause=cause)
            )
            c.breaker.evidence = evidence
        elif cause is Cause.FORM and c.breaker.evidence is not None:
            evidence = replace(evidence, readers=c.breaker.evidence.readers)
        text = words.unread(
            cause, detail, cost=flight.metrics.cost, evidence=evidence, is_offline=c.is_offline
        )
        await c.ledger.unread(
            flight.job.key,
            text,
            metrics=flight.metrics,
            raw=raw,
            raw_bytes=size,
            reader=c.reader.name,
            note=self._refuser if cause is Cause.REFUSED else None,
        )
        outcome = outcome_of(flight, RowStatus.UNREAD, error=text, artifact=raw, metrics=flight.metrics)
        c.settle(flight, replace(outcome, cause=cause))


def _has_url(output: object) -> bool:
    try:
        return extract_output(output).url is not None
    except OutputError:
        return False
