"""The last step: download the output, verify it, keep it, and give the rows their mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samframe.jobs.engine.output import OutputProblemError, Stored, decode_output
from samframe.jobs.engine.resume import outcome_of
from samframe.jobs.engine.several import fetch_parts
from samframe.jobs.model import Action, RowStatus, backoff_s, decide, words
from samframe.segmind import Call, CallError, OutputError, extract_output

if TYPE_CHECKING:
    from samframe.jobs.engine.context import Context
    from samframe.jobs.pace import Flight

__all__ = ["Fetcher"]

_OUTPUT_TRIES = 3


class Fetcher:
    """Brings finished jobs home.

    Parameters
    ----------
    context : Context
        The runner.
    """

    def __init__(self, context: Context) -> None:
        self._c = context

    async def fetch(self, flight: Flight) -> None:
        """Download the output, verify it, keep it, and give the rows their mask."""
        is_url = False
        try:
            data = await self._c.in_thread(self._kept, flight) if flight.record is not None else None
            if data is None and flight.job.parameters.several:
                record = flight.record
                whole = flight.raw_result or (record.result if record is not None else None)
                data = await fetch_parts(self._c.api, flight.output, whole)
            if data is None:
                reference = extract_output(flight.output)
                is_url = reference.url is not None
                data = (
                    await self._c.api.download(reference.url)
                    if reference.url is not None
                    else reference.data or b""
                )
            stored: Stored = await self._c.in_thread(decode_output, data, flight.job, self._c.artifacts)
        except CallError as error:
            tries = flight.failed_once_more(Call.DOWNLOAD)
            action = decide(Call.DOWNLOAD, error.kind, tries=tries)
            if action is Action.FAIL_ROW:
                await self._output_failed(flight, str(error), None)
            else:
                if action is Action.HOLD:
                    self._c.progress.refused += 1
                flight.due = self._c.now() + (error.wait_s or backoff_s(tries, self._c.rng))
            return
        except OutputProblemError as problem:
            if is_url and flight.failed_once_more(Call.DOWNLOAD) < _OUTPUT_TRIES:
                flight.due = self._c.now() + backoff_s(flight.tries[Call.DOWNLOAD], self._c.rng)
                return
            await self._output_failed(flight, str(problem), problem.artifact)
            return
        except OutputError as error:
            await self._output_failed(flight, str(error), None)
            return
        await self._c.ledger.stored(
            flight.job.key,
            artifact=stored.artifact,
            size=stored.size,
            mask=stored.mask,
            note=stored.note,
            urgent=self._c.near_end,
        )
        self._c.settle(
            flight,
            outcome_of(
                flight,
                RowStatus.COMPLETED,
                error=stored.note,
                mask=stored.mask,
                artifact=stored.artifact,
                metrics=flight.metrics,
            ),
        )

    def _kept(self, flight: Flight) -> bytes | None:
        """Return the raw output of a job whose mask alone is damaged in the ledger, None where it must be fetched."""
        record = flight.record
        if record is None or record.artifact is None or record.mask is not None:
            return None  # a job with a sound mask is being refreshed: what is kept is the older output
        return None if flight.job.parameters.overlay_mask else self._c.artifacts.load(record.artifact)

    async def _output_failed(self, flight: Flight, detail: str, kept: str | None) -> None:
        text = words.bad_output(detail, cost=flight.metrics.cost, kept=kept)
        await self._c.ledger.failed(flight.job.key, text, metrics=flight.metrics, cost=flight.metrics.cost)
        self._c.settle(
            flight, outcome_of(flight, RowStatus.FAILED, error=text, artifact=kept, metrics=flight.metrics)
        )
