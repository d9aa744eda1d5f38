"""A mismatch with the service costs one job, and what was paid is read later for nothing: a row a line of the table.

docs/costs.md has the table. Each service is a raw-socket server that bills first; 40 rows, as many jobs at once as the
engine likes.
"""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.jobs import Ledger
from samframe.testing import Chaos, ChaosServer
from samframe.testing.chaos import Reply

ROWS = 40
SIZE_HW = (48, 64)
RNG = np.random.RandomState(5)
SENT = (RNG.randint(40, 200, (*SIZE_HW, 3)) // 3 + np.indices(SIZE_HW).sum(axis=0)[..., None]).astype(
    np.uint8
)
TRUTH = np.zeros(SIZE_HW, bool)
TRUTH[12:36, 16:48] = True


def as_file(pixels, file_format="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


IMAGE = as_file(SENT)
CUT_OUT = as_file(np.dstack([SENT, np.where(TRUTH, 255, 0).astype(np.uint8)]))
COLOURED = as_file(np.where(TRUTH[..., None], (30, 144, 255), 0).astype(np.uint8))
OVERLAY = as_file(np.where(TRUTH[..., None], SENT * 0.5 + np.array((15, 72, 127)), SENT).astype(np.uint8))
SOFT = as_file(np.where(TRUTH, 200, np.arange(64)[None, :] * 1.5).astype(np.uint8))
MASK = as_file(np.where(TRUTH, 255, 0).astype(np.uint8))
LETTERBOX = as_file(np.pad(np.where(TRUTH, 255, 0).astype(np.uint8), ((8, 8), (0, 0))))


def outputs(data, content_type="image/png", status=200):
    """A service whose outputs are these bytes."""

    def rewrite(endpoint, argument, reply):
        return (
            Reply(status_code=status, body=data, content_type=content_type) if endpoint == "output" else reply
        )

    return rewrite


def answers(change, on="result"):
    """A service whose JSON is changed."""

    def rewrite(endpoint, argument, reply):
        if endpoint not in (on if isinstance(on, tuple) else (on,)) or reply.status_code != 200:
            return reply
        return Reply.of_json(change(json.loads(reply.body), argument))

    return rewrite


def cut_frame(data, context):
    """Read a mask out of the middle of a frame that is too high."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    top = (pixels.shape[0] - context.size_hw[0]) // 2
    return pixels[top : top + context.size_hw[0]] > 127


@pytest.fixture
def make_service(make_service):
    """A service whose masks are those of the image that is sent."""
    return lambda rewrite=None: make_service(rewrite, mask_hw=SIZE_HW)


def frame(rows=ROWS):
    return pd.DataFrame({"image": [IMAGE] * rows, "prompt": [f"thing {i}" for i in range(rows)]})


def states(world):
    with Ledger(world.store) as ledger:
        return pd.Series([record["state"] for record in ledger.records()]).value_counts().to_dict()


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


def test_a_foreign_id_costs_one_job(make_service):
    """One that would leave the path is not asked for; the run stops at the first."""
    world = make_service()
    world.server.script(Chaos.ODD_ID, on="submit")
    with pytest.raises(samframe.ContractError, match="id"):
        world.run(frame())

    assert len(world.server.billed) == 1
    assert states(world) == {"in_doubt": 1}


def test_an_id_of_another_form_is_used(make_service):
    """A UUID is not promised: what can stand in a path is asked for as it is."""
    world = make_service()
    ids = {}

    def rewrite(endpoint, argument, reply):
        if endpoint == "submit":
            answer = json.loads(reply.body)
            ids[f"req_{len(ids)}"] = answer["request_id"]
            return Reply.of_json(answer | {"request_id": f"req_{len(ids) - 1}"})
        if endpoint == "result":
            answer = world.server._desk.reply("result", ids[argument], b"")
            return Reply.of_json(json.loads(answer.body) | {"request_id": argument})
        return reply

    world.server.rewrite = rewrite
    out = world.run(frame(6))

    assert (out["status"] == "completed").all(), out["error"].tolist()


@pytest.mark.parametrize("move", [Chaos.BAD_GATEWAY, Chaos.RESET_AFTER_BODY, Chaos.HTML_OK])
@pytest.mark.parametrize("is_proven", [False, True])
def test_lost_answers_stop_the_run_after_a_few(make_service, move, is_proven):
    """At most as many in doubt as POSTs were out at once, also where the store has its proof."""
    world = make_service()
    if is_proven:
        world.run(frame(1))
    world.server.script(move, on="submit")
    with pytest.raises(samframe.ContractError) as caught:
        world.run(frame())

    assert states(world).get("in_doubt", 0) <= 4
    assert len(world.server.billed) - is_proven <= 4
    assert "run again to look for it" not in str(caught.value).lower(), (
        "the history cannot find inline images"
    )


def test_no_money_stops_the_run(make_service):
    """402 is the account's, not the row's."""
    world = make_service()
    world.server.script(Chaos.NO_MONEY, on="submit")
    with pytest.raises(samframe.CreditsError):
        world.run(frame())

    assert world.server.count("submit") == 1
    assert world.server.billed == ()


def test_a_picture_that_is_too_large_says_what_to_do(make_service):
    """413 fails its row, unbilled, with the remedy."""
    world = make_service()
    world.server.script(Chaos.TOO_LARGE, on="submit", call=1)
    out = world.run(frame(2))

    assert out["status"].tolist() == ["failed", "completed"]
    assert "by URL, or smaller" in out["error"][0]


def test_a_server_that_fails_is_waited_for(make_service):
    """500 for a while on one row: asked again, within a minute's patience, and it completes."""
    world = make_service()
    for call in range(1, 7):
        world.server.script(Chaos.SERVER_ERROR, on="submit", call=call)
    out = world.run(frame(1))

    assert out["status"].tolist() == ["completed"]


@pytest.mark.parametrize("word", ["SUCCEEDED", "success", "Done", "finished", "a word that nobody knows"])
def test_other_words_for_done_are_taken(make_service, word):
    """An output tells more than a word."""
    world = make_service(answers(lambda answer, _: answer | {"status": word}))
    out = world.run(frame(3))

    assert (out["status"] == "completed").all(), out["error"].tolist()


def test_images_without_output_are_taken(make_service):
    """The URL of ``images[0]`` is used where ``output`` is missing."""
    world = make_service(answers(lambda answer, _: {"images": [{"url": answer.pop("output")}]} | answer))
    out = world.run(frame(3))

    assert (out["status"] == "completed").all(), out["error"].tolist()


def test_an_unknown_status_is_told_and_stops_the_first(make_service):
    """The word is shown; the job stays collectable, and no second one is sent."""

    def change(answer, _):
        answer.pop("output")
        return answer | {"status": "REHYDRATING"}

    world = make_service(answers(change))
    with pytest.raises(samframe.ContractError, match="REHYDRATING"):
        world.run(frame(), patience={"queue": 1.5})
    world.server.rewrite = None
    out = world.run(frame(1))

    assert len(world.server.billed) == 1
    assert out["status"].tolist() == ["completed"]


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


def test_a_bill_far_above_the_plan_stops_the_run(make_service):
    """The first job's mask is kept, the error tells both prices; the next call goes on at the new one."""
    world = make_service(answers(lambda answer, _: answer | {"metrics": answer["metrics"] | {"cost": 0.05}}))
    with pytest.raises(samframe.ContractError, match="not what was planned"):
        world.run(frame())
    plan = frame().sam.plan(client=world.client, store=world.store)
    out = world.run(frame(3))

    assert plan.price_usd == pytest.approx(0.05)
    assert (out["status"] == "completed").all()


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
