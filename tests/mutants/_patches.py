"""The seeded mistakes: for each, the texts in the engine's sources that are replaced."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant", "Swap"]


@dataclass(frozen=True, kw_only=True)
class Swap:
    """One replacement; ``old`` stands exactly once in the file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mistake."""

    name: str
    swaps: tuple[Swap, ...]


MUTANTS = (
    Mutant(
        name="no intent: the job is sent before the ledger knows",
        swaps=(
            Swap(
                file="samframe/jobs/engine/submit.py",
                old="        attempt = await self._c.ledger.claim(\n",
                new="        early_id = await self._c.api.submit(body, model=flight.job.parameters.model)\n"
                "        attempt = await self._c.ledger.claim(\n",
            ),
            Swap(
                file="samframe/jobs/engine/submit.py",
                old="            request_id = await self._c.api.submit(body, model=flight.job.parameters.model)\n",
                new="            request_id = early_id\n",
            ),
        ),
    ),
    Mutant(
        name="retry on a lost answer",
        swaps=(
            Swap(
                file="samframe/jobs/model/policy.py",
                old="    Failure.LOST: Action.DOUBT,\n",
                new="    Failure.LOST: Action.REPEAT,\n",
            ),
        ),
    ),
    Mutant(
        name="retry on 502",
        swaps=(
            Swap(
                file="samframe/jobs/engine/submit.py",
                old="        match action:\n            case Action.DOUBT:\n",
                new="        action = Action.REPEAT if error.status_code == 502 else action\n"
                "        match action:\n            case Action.DOUBT:\n",
            ),
        ),
    ),
    Mutant(
        name="resubmit on 404",
        swaps=(
            Swap(
                file="samframe/jobs/engine/collect.py",
                old="            case Action.ASK_HISTORY:\n                flight.stage = Stage.HISTORY\n",
                new="            case Action.ASK_HISTORY:\n"
                '                await self._c.ledger.release(flight.job.key, "404")\n'
                "                self._c.pace.forget(flight)\n"
                "                flight.stage = Stage.SUBMIT\n",
            ),
        ),
    ),
    Mutant(
        name="mark stored first: the file comes after the record",
        swaps=(
            Swap(
                file="samframe/jobs/engine/output.py",
                old="    return Stored(\n        artifact=artifacts.save(data),\n",
                new="    import hashlib\n\n"
                "    return Stored(\n        artifact=hashlib.sha256(data).hexdigest(),\n",
            ),
            Swap(
                file="samframe/jobs/engine/fetch.py",
                old="        outcome = outcome_of(\n            flight,\n            RowStatus.COMPLETED,\n",
                new="        c.artifacts.save(found.data)\n"
                "        outcome = outcome_of(\n            flight,\n            RowStatus.COMPLETED,\n",
            ),
        ),
    ),
    Mutant(
        name="ignore the history's lag: what is not found did not run",
        swaps=(
            Swap(
                file="samframe/jobs/engine/session.py",
                old="            outcome = settled_outcome(record)\n"
                "            if row is None or outcome is not None:\n",
                new="            if row is None:\n"
                "                flights.append(Flight(job=job, stage=Stage.SUBMIT, record=record, due=runner.now()))\n"
                "                continue\n"
                "            outcome = settled_outcome(record)\n"
                "            if row is None or outcome is not None:\n",
            ),
            Swap(
                file="samframe/jobs/engine/settings.py",
                old="        states = {_RETAKE[retry] for retry in self.retry}\n",
                new="        states = {_RETAKE[retry] for retry in self.retry} | {JobState.IN_DOUBT}\n",
            ),
        ),
    ),
    Mutant(
        name="the first answer is not awaited",
        swaps=(
            Swap(
                file="samframe/jobs/engine/runner.py",
                old="        if not self.breaker.is_proven and self.jobs_out():\n",
                new="        if False:\n",
            ),
            Swap(
                file="samframe/jobs/engine/runner.py",
                old="        submits = _SUBMITS if self._accepted_any and self.breaker.is_proven else 1\n",
                new="        submits = _SUBMITS\n",
            ),
        ),
    ),
    Mutant(
        name="what is unread is paid again",
        swaps=(
            Swap(
                file="samframe/jobs/model/plan.py",
                old="            return Step.PAY if refresh else Step.READ\n",
                new="            return Step.PAY\n",
            ),
            Swap(
                file="samframe/jobs/engine/settings.py",
                old="        states = {_RETAKE[retry] for retry in self.retry}\n",
                new="        states = {_RETAKE[retry] for retry in self.retry} | {JobState.UNREAD}\n",
            ),
        ),
    ),
)
