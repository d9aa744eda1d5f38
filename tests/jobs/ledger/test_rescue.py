"""An accepted job's id is never lost: where the ledger cannot keep it, an emergency file does."""

from __future__ import annotations

import sqlite3

import pytest

from samframe import errors
from samframe.jobs import Ledger
from samframe.jobs.ledger.life import JobLives
from samframe.jobs.ledger.rescue import RescueFile, waiting_files


def test_an_id_that_the_ledger_cannot_keep_is_taken_over(world, monkeypatch):
    """The commit of the id fails: the row tells of the file, the next run collects the job, nothing is paid twice."""

    async def broken():
        raise errors.LedgerError("The ledger cannot be written: database or disk is full.")

    monkeypatch.setattr(JobLives, "submitted", lambda *_: broken())
    with pytest.raises(errors.LedgerError) as stopped:
        world.run(1)
    monkeypatch.undo()
    files = waiting_files(world.store)
    out = world.run(1)

    assert "emergency file" in stopped.value.frame["error"][0]
    assert len(files) == 1
    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.accepted == 1
    assert waiting_files(world.store) == []


def test_a_run_without_trouble_leaves_no_file(world):
    """Room is reserved before the first job, and given back."""
    world.run(2)

    assert list((world.store / "rescued").iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"\n" * 100, b"{}\n[1]\nnonsense\n", b'{"key": "x", "request_id": "y"']
)
def test_a_file_that_tells_nothing_is_put_away(world, content):
    """Half a line, foreign lines: no error, nothing changed."""
    world.run(1)
    (world.store / "rescued" / "dead.ids").write_bytes(content)
    with Ledger(world.store) as ledger:
        assert ledger.adopt_rescued() == 0

    assert list((world.store / "rescued").iterdir()) == []


def test_no_room_for_the_file_means_nothing_is_sent(world, monkeypatch):
    """A full disk, or no descriptor left, is found before the money is spent."""

    def refuse(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(RescueFile, "__init__", refuse)
    with pytest.raises(errors.LedgerError, match="too many files open"):
        world.run(1)

    assert world.server.counters.accepted == 0


@pytest.mark.parametrize("damage", ["page", "state"])
def test_a_scrambled_ledger_is_an_error_with_its_file(world, damage):
    """Never a raw sqlite3 error: the path, and what to do."""
    world.run(2)
    path = world.store / "ledger.sqlite3"
    if damage == "page":
        content = bytearray(path.read_bytes())
        content[4096 : 4096 + 12288] = bytes(range(256)) * 48
        path.write_bytes(content)
    else:
        database = sqlite3.connect(path)
        with database:
            database.execute("UPDATE jobs SET state = 'x'")
        database.close()
    with pytest.raises(errors.LedgerError) as refused:
        world.run(2)

    assert str(path) in str(refused.value)
    assert "store=" in str(refused.value)
    assert world.server.counters.accepted == 2


def test_a_ledger_that_another_program_holds_is_named(world, monkeypatch):
    """Locked: which file, and who may hold it."""
    world.run(1)
    monkeypatch.setattr("samframe.jobs.ledger.schema._BUSY_S", 0.1)
    holder = sqlite3.connect(world.store / "ledger.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(errors.LedgerError, match="Another program holds it") as refused:
            world.run(1)
    finally:
        holder.close()

    assert str(world.store) in str(refused.value)


def test_artifacts_that_are_a_link_are_refused(world, tmp_path):
    """What a link leads to is not the store's: neither written nor read, and nothing is sent."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    world.store.mkdir(parents=True, exist_ok=True)
    (world.store / "artifacts").symlink_to(elsewhere)
    with pytest.raises(errors.LedgerError, match="is a link"):
        world.run(1)

    assert list(elsewhere.iterdir()) == []
    assert world.server.counters.accepted == 0


def test_a_deleted_ledger_beside_its_outputs_is_told(world):
    """Before anything is paid again: rows that were done count as new."""
    world.run(1)
    (world.store / "ledger.sqlite3").unlink()
    with pytest.warns(UserWarning, match="raw outputs that were paid for"):
        plan = world.frame(1).sam.plan(client=world.client, store=world.store)

    assert plan.to_pay == 1
