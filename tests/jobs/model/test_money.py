"""Nothing is paid twice: re-runs, equal rows, consent, the hard stop, ledgers that cannot be trusted, rates."""

from __future__ import annotations

import shutil
import sqlite3
import sys

import pandas as pd
import pytest

from samframe import errors
from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig


def test_a_second_run_posts_nothing(world):
    """0 requests of any kind, and the same masks."""
    first = world.run(4)
    before = world.server.counters
    second = world.run(4)

    assert world.server.counters == before
    pd.testing.assert_frame_equal(first, second)


def test_equal_rows_are_sent_once(world, png, tmp_path):
    """The same bytes under two paths and in memory, and prompts that differ in spelling only."""
    data = png()
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_bytes(data)
    df = pd.DataFrame(
        {
            "image": [*map(str, paths), paths[0], data, bytearray(data), str(paths[1])],
            "prompt": ["caf\u00e9", "cafe\u0301", " caf\u00e9 ", "caf\u00e9\n", "caf\u00e9", "caf\u00e9"],
        }
    )
    out = world.run(df)

    assert (out["status"] == "completed").all()
    assert len(set(out["request_id"])) == 1
    assert world.server.counters.submits == 1


def test_another_prompt_parameter_or_deployment_is_another_job(world):
    """What is asked differently is paid for."""
    world.run(1)
    world.run(1, base64=True)
    world.run(1, overlay_mask=True)
    df = world.frame(1).assign(prompt="other")
    world.run(df)

    assert world.server.counters.submits == 4


def test_refresh_pays_anew_and_keeps_every_attempt(world):
    """Both attempts stay in the ledger, with what the user agreed to."""
    world.run(1)
    out = world.run(1, refresh=True)

    assert out["attempts"].tolist() == [2]
    assert [attempt["consent"] for attempt in world.attempts()] == ["run", "refresh"]
    assert world.server.counters.billed == 2


@pytest.mark.parametrize("retry", ["failed", ["failed"], {"failed", "lost"}, iter(["failed"])])
def test_retry_in_every_form(world, retry):
    """A word, a list, a set, an iterator that can be read once."""
    world.server.script(Fault.REFUSED_BODY_422)
    world.run(1)
    out = world.run(1, retry=retry)

    assert out["status"].tolist() == ["completed"]


def test_no_retry_without_consent(world):
    """A settled row stays as it is, whatever is retried besides."""
    world.server.script(Fault.REFUSED_BODY_422)
    world.run(1)
    out = world.run(1, retry=["lost", "in_doubt"])

    assert out["status"].tolist() == ["failed"]
    assert world.server.counters.submits == 1


@pytest.mark.parametrize(
    ("max_cost", "paid"), [(0, 0), (0.0019, 0), (0.002, 1), (0.0059, 2), (0.006, 3), (1, 8)]
)
def test_max_cost_is_a_hard_stop(world, max_cost, paid):
    """Never over; what was paid is downloaded, the rest is skipped and says so."""
    out = world.run(8, max_cost=max_cost)

    assert world.server.counters.billed == world.server.counters.submits == paid
    assert out["status"].tolist().count("completed") == paid
    assert out["status"].tolist().count("skipped") == 8 - paid
    assert out.loc[out["status"] == "skipped", "error"].str.contains("max_cost").all()


def test_rows_in_doubt_count_against_max_cost(world):
    """Each may have cost its price."""
    world.server.script(Fault.DROP_ANSWER, times=None)
    out = world.run(8, max_cost=0.004)

    assert world.server.counters.accepted <= 2
    assert sorted(set(out["status"])) == ["in_doubt", "skipped"]


def test_failed_jobs_do_not_use_up_max_cost(world):
    """They are not billed."""
    df = world.frame(6)
    df["image"] = df["image"].to_list()
    df.loc[:3, "prompt"] = "nothing"
    df = df.assign(image=[bytes(row) for row in df["image"]])
    out = world.run(df, max_cost=0.004)

    assert out["status"].tolist() == ["failed"] * 4 + ["completed"] * 2


def test_a_dearer_job_than_expected_does_not_pass_max_cost(make_world):
    """The first bill is five times the published price: the call stops; the next one reckons with what it said."""
    world = make_world(price_usd=0.01)
    first = world.run(8, max_cost=0.03)
    out = world.run(8, max_cost=0.025)

    assert first["status"].tolist() == ["completed"] + ["skipped"] * 7
    assert "the plan said $0.002" in first["error"][1]
    assert world.server.counters.billed == 3
    assert out["status"].tolist() == ["completed"] * 3 + ["skipped"] * 5


def test_a_price_that_rises_passes_max_cost_by_the_jobs_in_flight_at_most(make_world):
    """What is out when the first dear bill comes is paid, brought home and told; nothing is sent after it."""
    world = make_world()
    world.run(1)
    port = int(world.server.base_url.rpartition(":")[2])
    world.server.stop()
    dearer = ServerConfig(engine=DrawnEngine(), latency_s=0.05, workers=1, price_usd=0.01)
    with LocalServer(dearer, port=port) as world.server:
        out = world.run(40, max_cost=0.03)
        counters = world.server.counters

    # At the price of the last bill fifteen fit, and at most so many can be in flight.
    assert 3 <= counters.billed <= 15
    assert counters.billed == counters.submits == (out["status"] == "completed").sum() - 1
    assert out["status"].tolist().count("skipped") == 39 - counters.billed


def test_plan_sends_nothing_and_counts(world):
    """Rows, duplicates, invalid ones, what is stored and what is to pay."""
    world.run(2)
    before = world.server.counters
    df = pd.concat([world.frame(5), world.frame(1), world.frame(1).assign(prompt=None)])
    plan = df.sam.plan(client=world.client, store=world.store)

    assert (plan.rows, plan.duplicates, plan.invalid, plan.stored, plan.to_pay) == (7, 1, 1, 2, 3)
    assert plan.usd_low == pytest.approx(0.006)
    assert world.server.counters == before


def test_a_hundred_thousand_rows_of_few_jobs_are_planned(world):
    """100,000 rows, 1,500 distinct: counted, and nothing is sent."""
    images = [f"https://example.com/{i}.png" for i in range(150)]
    prompts = [f"thing {i}" for i in range(10)]
    df = pd.DataFrame(
        {
            "image": [images[i % 150] for i in range(100_000)],
            "prompt": [prompts[i // 150 % 10] for i in range(100_000)],
        }
    )
    plan = df.sam.plan(client=world.client, store=world.store)

    assert (plan.rows, plan.to_pay, plan.duplicates) == (100_000, 1_500, 98_500)
    assert world.server.counters.requests == 0


def spoil_with_text(path):
    path.write_bytes(b"This is no database at all. " * 100)


def spoil_with_foreign_tables(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    database.close()


def spoil_with_newer_schema(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def spoil_a_page(path):
    data = bytearray(path.read_bytes())
    data[:100] = b"SQLite format 4\x00" + data[16:100]
    path.write_bytes(data)


def spoil_half(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


SPOILERS = [spoil_with_text, spoil_with_newer_schema, spoil_a_page, spoil_half]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_ledger_that_cannot_be_trusted_spends_nothing(world, spoil):
    """Refused with its path, left as it is, and nobody is asked anything."""
    world.run(1)
    path = world.store / "ledger.sqlite3"
    for name in ("ledger.sqlite3-wal", "ledger.sqlite3-shm", "ledger.sqlite3-journal"):
        (world.store / name).unlink(missing_ok=True)
    spoil(path)
    before, requests = path.read_bytes(), world.server.counters.requests

    with pytest.raises(errors.LedgerError, match="ledger") as caught:
        world.run(3)

    assert caught.value.frame["status"].tolist() == ["cancelled"] * 3
    assert world.server.counters.requests == requests
    assert path.read_bytes() == before


def test_a_database_that_is_no_ledger_is_left_alone(world):
    """Someone else's database in the place of the ledger."""
    world.store.mkdir()
    spoil_with_foreign_tables(world.store / "ledger.sqlite3")

    with pytest.raises(errors.LedgerError, match="no ledger"):
        world.run(1)

    assert world.server.counters.requests == 0


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes there")
def test_a_store_that_is_a_file_spends_nothing(world):
    """No folder can be made there."""
    world.store.write_text("a file")

    with pytest.raises(errors.LedgerError):
        world.run(1)

    assert world.server.counters.requests == 0


def test_a_ledger_that_is_locked_by_another_program_spends_nothing(world, monkeypatch):
    """Whoever holds it: without a durable intent there is no POST."""
    monkeypatch.setattr("samframe.jobs.ledger.schema._BUSY_S", 0.2)
    world.run(1)
    other = sqlite3.connect(world.store / "ledger.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(errors.LedgerError):
            world.run(3)
    finally:
        other.execute("ROLLBACK")
        other.close()

    assert world.server.counters.submits == 1


def test_an_artifact_that_was_altered_is_not_needed(world):
    """The mask is in the ledger; a stored row stays stored."""
    world.run(1)
    for path in (world.store / "artifacts").rglob("*"):
        if path.is_file():
            path.write_bytes(b"altered")
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 1


@pytest.mark.parametrize("keep_artifact", [True, False])
def test_a_mask_that_is_damaged_in_the_ledger_is_brought_back_free(world, keep_artifact):
    """A flipped bit in the database: from the kept raw output, or downloaded again; never by a new POST."""
    first = world.run(2)
    with sqlite3.connect(world.store / "ledger.sqlite3") as database:
        database.execute("UPDATE jobs SET mask_counts = X'FFFE21' WHERE prompt = 'thing 0'")
    database.close()
    if not keep_artifact:
        shutil.rmtree(world.store / "artifacts")
    downloads = world.server.counters.downloads
    out = world.run(2)

    assert all(out["mask"] == first["mask"])
    assert world.server.counters.submits == 2
    assert world.server.counters.downloads == downloads + (not keep_artifact)


def test_a_disk_that_takes_no_output_ends_the_run_and_keeps_the_id(world, monkeypatch):
    """The artifact cannot be written: no further POST, and a later run collects what was paid."""
    from samframe.jobs import Artifacts  # noqa: PLC0415 - one test only

    def full(self, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Artifacts, "save", full)
        with pytest.raises(errors.SamframeError, match="No space left"):
            world.run(1)
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 1


@pytest.mark.parametrize("rate_kind", ["fixed", "token"])
def test_under_a_given_rate_limit_none_is_refused(make_world, rate_kind):
    """rate_limit= is kept to, whichever kind the server's limiter is of."""
    world = make_world(rate_limit=10, rate_window_s=1.0, rate_kind=rate_kind)
    out = world.run(12, rate_limit=550)

    assert (out["status"] == "completed").all()
    assert world.server.counters.refused_429 == 0


@pytest.mark.parametrize("rate_kind", ["fixed", "token"])
def test_an_unknown_rate_limit_is_learned(make_world, rate_kind):
    """Refusals cost time, no money and no row."""
    world = make_world(rate_limit=10, rate_window_s=1.0, rate_kind=rate_kind)
    out = world.run(18)

    assert (out["status"] == "completed").all()
    assert world.server.counters.billed == 18
    assert world.server.counters.refused_429 <= 18
