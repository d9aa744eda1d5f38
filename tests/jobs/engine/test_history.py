"""Rows in doubt whose image is a URL: what the request history tells, and what `retry="in_doubt"` still sends."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from samframe import errors
from samframe.jobs.engine import doubt as _doubt
from samframe.segmind import HistoryRow
from samframe.server import Fault


@pytest.fixture
def by_url(world, png):
    """Make a frame of rows of one image, which has been uploaded and is sent by its URL."""

    async def upload():
        async with world.client.connect() as api:
            return await api.upload(["data:image/png;base64," + base64.b64encode(png(0)).decode()])

    (url,) = asyncio.run(upload())
    return lambda *prompts: pd.DataFrame({"image": [url] * len(prompts), "prompt": prompts})


def test_a_lost_answer_is_made_up_for_by_the_next_run(world, by_url):
    """The job was accepted: its mask is collected, and nothing is sent."""
    world.server.script(Fault.DROP_ANSWER)
    first, second = world.run(by_url("boy")), world.run(by_url("boy"))

    assert [out["status"][0] for out in (first, second)] == ["in_doubt", "completed"]
    assert second["mask"].sam.area[0] > 0
    assert world.server.counters.submits == world.server.counters.billed == 1


def test_consent_pays_only_for_what_the_history_does_not_have(world, by_url):
    """`retry="in_doubt"`: the job that was accepted is collected, the one that never arrived is sent."""
    rows = by_url("boy", "girl", "dog")
    world.server.script(Fault.DROP_ANSWER)
    world.server.script(Fault.DROP_BEFORE, after=1)
    first = world.run(rows)
    second = world.run(rows, retry="in_doubt")

    assert sorted(first["status"]) == ["completed", "in_doubt", "in_doubt"]
    assert (second["status"] == "completed").all()
    assert sorted(job.prompt for job in world.server.jobs) == ["boy", "dog", "girl"]
    assert [len(world.attempts()), world.server.counters.billed] == [4, 3]


def test_points_tell_jobs_of_one_image_and_prompt_apart(world, by_url):
    """A job is given the row that was sent with its own points; the others are sent, each once."""
    points = [None, [(3, 3)], [(5, 5), (2, 2)], [(7, 1)]]
    rows = by_url(*["boy"] * 4).assign(at=points)
    world.server.script(Fault.DROP_ANSWER)
    world.server.script(Fault.DROP_BEFORE, times=2)
    with pytest.raises(errors.ContractError) as stopped:  # three answers in a row were lost
        world.run(rows, coordinates_col="at")
    first = stopped.value.frame
    second = world.run(rows, coordinates_col="at", retry="in_doubt")
    sent_with = {job.request_id: job.coordinates for job in world.server.jobs}

    assert sorted(first["status"]) == ["cancelled"] + ["in_doubt"] * 3
    assert (second["status"] == "completed").all()
    assert [sent_with[request_id] for request_id in second["request_id"]] == [
        None,
        "[3,3]",
        "[[5,5],[2,2]]",
        "[7,1]",
    ]
    assert world.server.counters.accepted == 4


def test_what_could_not_be_searched_is_not_paid_again(world, by_url):
    """The history does not answer: consent waits, the row says so, and the next run collects the job."""
    world.server.script(Fault.DROP_ANSWER)
    world.run(by_url("boy"))
    world.server.script(Fault.SERVER_ERROR_500, on="history", times=4)
    second = world.run(by_url("boy"), retry="in_doubt")
    third = world.run(by_url("boy"), retry="in_doubt")

    assert second["status"].tolist() == ["in_doubt"]
    assert "could not be searched" in second["error"][0]
    assert third["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 1


def test_one_failure_of_the_history_is_asked_again(world, by_url):
    """A 429 and a 502 are no reason to leave a row in doubt."""
    world.server.script(Fault.DROP_ANSWER)
    world.run(by_url("boy"))
    world.server.script(Fault.BAD_GATEWAY_502, on="history")
    world.server.script(Fault.RATE_LIMITED, on="history", after=1, reset_in_s=0.0)
    out = world.run(by_url("boy"))

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 1


def test_consent_for_an_image_that_is_no_url_is_taken_at_its_word(world):
    """Bytes cannot be told in the history, so the row is sent again: the user said so."""
    world.server.script(Fault.DROP_ANSWER)
    world.run(1)
    out = world.run(1, retry="in_doubt")

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.billed == 2


def test_the_history_is_read_back_to_when_the_row_was_sent(world, by_url, monkeypatch):
    """More jobs than ten pages hold came after it: it is found all the same."""
    monkeypatch.setattr(_doubt, "_PER_PAGE", 2)
    world.server.script(Fault.DROP_ANSWER)
    world.run(by_url("boy"))
    world.run(by_url(*(f"thing {number}" for number in range(30))))
    out = world.run(by_url("boy"))

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.history > 10
    assert world.server.counters.accepted == 31


def test_the_history_before_the_row_was_sent_is_not_read(world, by_url, monkeypatch):
    """Pages older than the row are of no use: one that never arrived costs few requests."""
    monkeypatch.setattr(_doubt, "_PER_PAGE", 2)
    monkeypatch.setattr(_doubt, "_SLACK", timedelta(0))
    world.run(by_url(*(f"thing {number}" for number in range(30))))
    world.server.script(Fault.DROP_BEFORE)
    world.run(by_url("boy"))
    out = world.run(by_url("boy"))

    assert out["status"].tolist() == ["in_doubt"]
    assert world.server.counters.history == 1


@pytest.mark.parametrize(
    ("times", "ends"),
    [
        (["2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z"], True),
        (["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"], False),
        (["2026-01-09T00:00:00Z", "2026-01-02T00:00:00Z"], False),
        (["2026-01-02T00:00:00", "2026-01-02T00:00:00"], True),
        (["2026-01-02T00:00:00Z", None], False),
        (["yesterday", "2026-01-02T00:00:00Z"], False),
    ],
)
def test_only_older_pages_in_order_end_the_search(times, ends):
    """A page that is not newest first, or without times that can be read, tells nothing about the next one."""
    rows = [HistoryRow(request_id="", state=None, inputs={}, created_at=time) for time in times]

    oldest = datetime(2026, 1, 5, tzinfo=UTC)

    assert _doubt._is_far_enough(rows, oldest, 1) is ends
    assert _doubt._is_far_enough(rows, oldest, 10) is (ends or None in times or "yesterday" in times)
