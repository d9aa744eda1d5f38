"""Ids, words, bills and lost answers that are not as expected cost a few jobs at most: the table in docs/costs.md."""

from __future__ import annotations

import json

import pytest
from odd_answers import answers, frame, states

import samframe
from samframe.testing import Chaos
from samframe.testing.chaos import Reply


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


def test_a_bill_far_above_the_plan_stops_the_run(make_service):
    """The first job's mask is kept, the error tells both prices; the next call goes on at the new one."""
    world = make_service(answers(lambda answer, _: answer | {"metrics": answer["metrics"] | {"cost": 0.05}}))
    with pytest.raises(samframe.ContractError, match="not what was planned"):
        world.run(frame())
    plan = frame().sam.plan(client=world.client, store=world.store)
    out = world.run(frame(3))

    assert plan.price_usd == pytest.approx(0.05)
    assert (out["status"] == "completed").all()
