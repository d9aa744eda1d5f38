"""Whose job it is: the account that paid is the account that collects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samframe.jobs.model import JobState, Outcome, RowStatus, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from samframe.jobs.ledger import Ledger
    from samframe.jobs.model import Job, Record

__all__ = ["left_to_other_keys"]


def left_to_other_keys(
    ledger: Ledger, fingerprint: str, jobs: Sequence[Job], records: Mapping[str, Record]
) -> Iterator[tuple[Job, Outcome]]:
    """Yield jobs that were sent with another API key, and what their rows get: they stay as they are.

    To this key the API says that it knows no such job, which says nothing of it.

    Parameters
    ----------
    fingerprint : str
        Of this call's key.
    jobs : sequence of Job
        Those that would be collected.
    records : mapping of key to Record
        What the ledger knows of them.
    """
    out = [job for job in jobs if records[job.key].state is JobState.SUBMITTED]
    theirs = ledger.fingerprints([job.key for job in out])
    for job in out:
        other = theirs.get(job.key)
        if other is not None and other != fingerprint:
            record = records[job.key]
            error = words.other_key(other, fingerprint)
            yield (
                job,
                Outcome(
                    status=RowStatus.RUNNING,
                    error=error,
                    request_id=record.request_id,
                    attempts=record.attempts,
                ),
            )
