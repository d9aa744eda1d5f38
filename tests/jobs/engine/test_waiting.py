"""Long waits on a clock that jumps: an outage of ten minutes, a job that stays in the queue, an expired record."""

from __future__ import annotations

import asyncio
import time

import pytest
from lives import Api, FakeClient, FastLoop, Process, Service, mortal_ledger

from samframe.images import read_image
from samframe.jobs import Job, Ledger, Parameters, RowStatus, Session, Settings, job_key
from samframe.segmind import CallError, Failure, JobAnswer, RemoteState


class Scripted(Api):
    """The scripted service, whose results are what a function of the seconds since the start says."""

    def __init__(self, service, answer) -> None:
        super().__init__(service, Process(None), {"submit": [], "result": [], "fetch": []})
        self._answer = answer
        self.asked = 0

    async def result(self, request_id):
        loop = asyncio.get_running_loop()
        self.began = getattr(self, "began", loop.time())
        self.asked += 1
        answer = self._answer(loop.time() - self.began)
        if answer is not None:
            await asyncio.sleep(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return await super().result(request_id)


def make_job():
    image = read_image("https://example.org/1.png")
    fields = {"prompt": "boy", "points": (), "remove_points": (), "parameters": Parameters()}
    key = job_key(identity=FakeClient.identity, image_identity=image.identity, **fields)
    return Job(key=key, image=image, row=0, **fields)


@pytest.fixture
def run(tmp_path):
    """Run one job against results of a function of time; return its outcome, the API and the service."""

    def run(answer):
        service = Service()
        api = Scripted(service, answer)
        job = make_job()
        session = Session(
            FakeClient(api),
            [job],
            Settings(store=tmp_path),
            rows=1,
            invalid=0,
            open_ledger=mortal_ledger(Process(None), time.time),
        )
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            runner.run(session.run())
        return session.outcomes[job.key], api, service

    return run


def test_ten_minutes_of_outage_cost_nothing(run):
    """Every poll fails for ten minutes: it is asked again, seldom, and then the job comes home."""
    outage = CallError("connection refused", kind=Failure.NOT_SENT)
    outcome, api, service = run(lambda seconds: outage if seconds < 600 else None)

    assert outcome.status is RowStatus.COMPLETED
    assert service.posts == 1
    assert api.asked < 150


def test_a_job_that_stays_queued_is_left_to_a_later_run(run, tmp_path):
    """After a quarter of an hour the row says until when it is collected free; its id stays in the ledger."""
    outcome, api, service = run(lambda _: JobAnswer(state=RemoteState.QUEUED))
    with Ledger(tmp_path) as ledger:
        state = ledger.records()[0]["state"]

    assert outcome.status is RowStatus.RUNNING
    assert "to collect it free" in outcome.error
    assert (service.posts, state) == (1, "submitted")
    assert api.asked < 2_000


def test_a_result_that_is_not_there_at_first_is_waited_for(run):
    """COMPLETED, and the result answers 404 for a while: a young record may not be visible yet."""
    gone = CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
    outcome, _, service = run(lambda seconds: gone if seconds < 20 else None)

    assert outcome.status is RowStatus.COMPLETED
    assert service.posts == 1


def test_a_record_that_stays_away_is_looked_up_in_the_history(run):
    """After a minute a 404 means expired: the history has the output."""
    gone = CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
    outcome, api, service = run(lambda _: gone)

    assert outcome.status is RowStatus.COMPLETED
    assert service.posts == 1
    assert api.asked < 200
