"""An output that cannot be read costs one job, and is read later for nothing: rows of the table.

docs/costs.md has the table. Each service is a raw-socket server that bills first; 40 rows, as many jobs at once as the
engine likes.
"""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from odd_answers import (
    COLOURED,
    CUT_OUT,
    LETTERBOX,
    MASK,
    OVERLAY,
    ROWS,
    SIZE_HW,
    SOFT,
    TRUTH,
    answers,
    cut_frame,
    frame,
    outputs,
    states,
)
from PIL import Image

import samframe
from samframe.jobs import Ledger
from samframe.testing import Chaos, ChaosServer
from samframe.testing.chaos import Reply

FORMS = [
    ("cut-out", CUT_OUT, "alpha"),
    ("coloured", COLOURED, "#1e90ff"),
    ("overlay", OVERLAY, "difference"),
    ("soft", SOFT, lambda data, _: np.asarray(Image.open(io.BytesIO(data))) > 150),
    ("letterbox", LETTERBOX, cut_frame),
]


@pytest.mark.parametrize(("name", "data", "reader"), FORMS, ids=[form[0] for form in FORMS])
def test_a_form_that_is_not_read_costs_one_job(make_service, name, data, reader):
    """One paid, then an error that says what came; the same call pays nothing more; the right reader reads it free."""
    world = make_service(outputs(data))
    with pytest.raises(samframe.ContractError) as caught:
        world.run(frame())
    with pytest.raises(samframe.ContractError):
        world.run(frame())
    first = world.run(frame(1))
    calls = len(world.server.calls)
    second = world.run(frame(1), reader=reader)

    assert len(world.server.billed) == 1
    assert caught.value.frame["status"].value_counts()["unread"] == 1
    assert caught.value.frame["status"].value_counts()["cancelled"] == ROWS - 1
    assert re.search(r"PNG, 64 x \d+ px", str(caught.value))
    assert "$0.002" in str(caught.value)
    assert "retry=" not in str(caught.value)
    assert caught.value.came_png.startswith(b"\x89PNG")
    assert caught.value.sent_png.startswith(b"\x89PNG")
    assert first["status"].tolist() == ["unread"]
    assert second["status"].tolist() == ["completed"]
    assert len(world.server.calls) == calls, "reading what is kept asks for nothing"
    got = second["mask"][0].to_numpy()
    assert (got & TRUTH).sum() / (got | TRUTH).sum() > 0.9


def test_with_the_right_reader_the_rest_follows(make_service):
    """The row that was paid is read, the other 39 are sent, each once."""
    world = make_service(outputs(CUT_OUT))
    with pytest.raises(samframe.ContractError):
        world.run(frame())
    out = world.run(frame(), reader="alpha")
    again = world.run(frame())

    assert (out["status"] == "completed").all()
    assert (again["status"] == "completed").all(), "what was read stays read, whatever the reader is now"
    assert len(world.server.billed) == ROWS


@pytest.mark.parametrize("name", ["html", "empty"])
def test_an_output_that_is_no_picture_costs_one_job(make_service, name):
    """It is fetched three times, kept where there is anything, and fetched again by the same call once it is healed."""
    world = make_service(outputs(b"<html>soon</html>" if name == "html" else b"", "text/html"))
    with pytest.raises(samframe.ContractError) as caught:
        world.run(frame())
    downloads = world.server.count("output")
    world.server.rewrite = None
    out = world.run(frame())

    assert len(world.server.billed) == ROWS
    assert downloads == 3
    assert "HTML" in str(caught.value) or "0 bytes" in str(caught.value)
    assert (out["status"] == "completed").all()


def test_an_unlisted_host_costs_one_job(make_service):
    """Named in the error; once it is allowed the same call downloads for nothing."""
    with ChaosServer(mask_hw=SIZE_HW) as elsewhere:
        host = "cdn.example.net"
        world = make_service(
            answers(lambda answer, _: answer | {"output": f"https://{host}/x.png", "status": "COMPLETED"})
        )
        with pytest.raises(samframe.ContractError) as caught:
            world.run(frame())
        assert elsewhere.count("output") == 0

    assert len(world.server.billed) == 1
    assert host in str(caught.value)
    assert f"allowed_hosts=['{host}']" in str(caught.value)
    assert states(world) == {"unread": 1}


def test_after_the_host_is_allowed_the_output_is_fetched(make_service, monkeypatch):
    """The result that is kept names it: no job is sent, and the result is not asked for again."""
    world = make_service(answers(lambda answer, _: answer | {"output": "https://cdn.example.net/x.png"}))
    with pytest.raises(samframe.ContractError):
        world.run(frame())
    calls = len(world.server.calls)

    async def download(self, url):
        assert self._hosts.why_not_fetch(url) is None
        return MASK

    monkeypatch.setattr("samframe.segmind.Connection.download", download)
    allowed = samframe.Client(
        "SG_feedfacecafebeef", base_url=world.server.base_url, allowed_hosts=["cdn.example.net"]
    )
    out = world.run(frame(1), client=allowed)

    assert out["status"].tolist() == ["completed"], out["error"].tolist()
    assert len(world.server.calls) == calls


def test_a_host_that_is_down_costs_one_job(make_service):
    """Its patience ends, the row is unread with the reason, and the same call fetches it when the host is back."""
    world = make_service(outputs(b"oops", "text/plain", status=500))
    with pytest.raises(samframe.ContractError, match="500"):
        world.run(frame(), patience={"download": 0.5})
    downloads = world.server.count("output")
    world.server.rewrite = None
    out = world.run(frame())

    assert downloads < 60
    assert (out["status"] == "completed").all()
    assert len(world.server.billed) == ROWS


@pytest.mark.parametrize("change", ["version", "reader", "limit"])
def test_refused_bytes_are_not_fetched_again(make_service, monkeypatch, change):
    """Compressed, or longer than the cap: one answer, whose body is not read, and none in the same call made again.

    Another version, reader or cap asks once more, and reads it for nothing.
    """
    world = make_service()
    options = {"reader": "nonblack"} if change == "reader" else {}
    if change == "limit":
        monkeypatch.setattr("samframe.segmind.client._OUTPUT_BYTES", 100)
    else:
        world.server.script(Chaos.GZIP_BOMB, on="output")
    with pytest.raises(samframe.ContractError, match=r"compressed|longer than"):
        world.run(frame())
    n_calls = len(world.server.calls)
    with pytest.raises(samframe.ContractError, match=r"(compressed|longer than).*a later version .* reader="):
        world.run(frame())

    assert world.server.count("output") == 1
    assert len(world.server.calls) == n_calls
    assert states(world) == {"unread": 1}

    monkeypatch.undo()
    world.server.heal()
    if change == "version":
        monkeypatch.setattr("samframe.jobs.engine.fetch.__version__", "99.0")
    out = world.run(frame(), **options)

    assert (out["status"] == "completed").all()
    assert world.server.count("output") == 1 + ROWS
    assert len(world.server.billed) == ROWS


def test_a_proven_store_stops_after_a_few_of_another_form(make_service):
    """The service changes its form: no more are sent than were out when six in a row had come to nothing."""
    world = make_service()
    world.run(frame(1))
    world.server.rewrite = outputs(CUT_OUT)
    with pytest.raises(samframe.ContractError):
        world.run(pd.concat([frame()] * 1).assign(prompt=[f"other {i}" for i in range(ROWS)]))

    assert states(world)["stored"] == 1
    assert len(world.server.billed) < ROWS + 1


def test_one_odd_output_in_a_proven_run_is_its_rows_own(make_service):
    """A good one between: nothing is stopped."""
    world = make_service()
    world.run(frame(1))
    seen = []

    def rewrite(endpoint, argument, reply):
        if endpoint == "output":
            seen.append(argument)
            return Reply(body=CUT_OUT, content_type="image/png") if len(seen) % 3 == 0 else reply
        return reply

    world.server.rewrite = rewrite
    out = world.run(frame(20))

    assert set(out["status"]) == {"completed", "unread"}
    assert len(world.server.billed) == 20


def test_the_ledger_lists_the_raw_output(make_service):
    """Its file is there and is what came; the doctor counts it."""
    from samframe.jobs import examine_store  # noqa: PLC0415 - here only

    world = make_service(outputs(CUT_OUT))
    world.run(frame(1))
    with Ledger(world.store) as ledger:
        listed = ledger.to_frame(states="unread")
    found = {finding.what: finding.text for finding in examine_store(world.store)}

    with open(listed["artifact_path"][0], "rb") as file:  # noqa: PTH123 - as a user would
        assert file.read() == CUT_OUT
    assert listed["artifact_bytes"][0] == len(CUT_OUT)
    assert found["unread"].startswith("1: paid for")
    assert found["artifacts"].startswith("1, all there")
    assert (samframe.read_output(listed["artifact_path"][0], "alpha").to_numpy() == TRUTH).all()


def test_memory_that_ran_out_is_one_rows(make_service):
    """The row is unread, the run goes on, and the same call reads it."""
    world = make_service()
    world.run(frame(1))

    def reader(data, context):
        if context.prompt == "thing 2":
            raise MemoryError
        return np.asarray(Image.open(io.BytesIO(data))) > 127

    out = world.run(frame(5), reader=reader)
    calls = len(world.server.calls)
    again = world.run(frame(5))

    assert out["status"].tolist() == ["completed", "completed", "unread", "completed", "completed"]
    assert (again["status"] == "completed").all()
    assert len(world.server.calls) == calls
