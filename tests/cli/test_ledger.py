"""``samframe ledger``: jobs listed, shown, written out; and a store's health, good and bad."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd
import pytest

from samframe import Ledger, read_parquet, segment
from samframe.segmind import Client
from samframe.server import Fault

KEY = "SG_0123456789abcdef"


@pytest.fixture
def store(service, photos, tmp_path, monkeypatch):
    """A store with two stored jobs, one failed, and one in doubt whose prompt is a formula with an escape in it."""
    frame = pd.DataFrame({"image": [photos / "a.png"] * 3, "prompt": ["boy", "car", "ghost"]})
    segment(frame, client=Client(KEY), store=tmp_path / "store", progress=False)
    service.script(Fault.DROP_ANSWER)
    odd = pd.DataFrame({"image": [photos / "b.png"], "prompt": ["=HYPERLINK()"]})
    segment(odd, client=Client(KEY), store=tmp_path / "store", progress=False)
    database = sqlite3.connect(tmp_path / "store" / "ledger.sqlite3")
    with database:  # as earlier versions took it
        database.execute("UPDATE jobs SET prompt = ? WHERE prompt = '=HYPERLINK()'", ["=HYPERLINK(\x1b[31m)"])
    database.close()
    monkeypatch.setenv("SAMFRAME_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_list_shows_jobs_and_what_they_cost(samframe, store):
    """The latest first; the sum as an interval; nothing that a terminal would obey."""
    ran = samframe("ledger", "list")
    lines = ran.out.splitlines()

    assert ran.status == 0
    assert [line.split()[1] for line in lines[1:5]].count("stored") == 2
    assert lines[1].split()[1] == "in_doubt"
    assert lines[-1] == "4 of 4 jobs; spent in all: $0.004 to $0.006 (1 bills not known)"
    assert "\x1b" not in ran.out


def test_list_by_state_as_json(samframe, store):
    """One object a line, with every column."""
    ran = samframe("ledger", "list", "--state", "failed", "--state", "in_doubt", "--json")
    rows = [json.loads(line) for line in ran.out.splitlines()]

    assert {row["state"] for row in rows} == {"failed", "in_doubt"}
    assert all(len(row["key"]) == 64 for row in rows)


def test_show_tells_every_attempt_and_the_file(samframe, store):
    """By the beginning of the key, and by the request id."""
    with Ledger(store) as ledger:
        record = ledger.records(states="stored")[0]
    by_key, by_id = (samframe("ledger", "show", text) for text in (record["key"][:9], record["request_id"]))

    assert by_key.out == by_id.out
    assert record["artifact"] in by_key.out
    assert "as its name says" in by_key.out
    assert "attempt 1" in by_key.out
    assert "consent run" in by_key.out


@pytest.mark.parametrize(("text", "words"), [("abc", "too short"), ("0" * 20, "no job")])
def test_show_of_nothing_is_wrong_usage(samframe, store, text, words):
    """Too short to name a job, or none."""
    ran = samframe("ledger", "show", text)

    assert ran.status == 2
    assert words in ran.err


def test_export_to_parquet_has_the_masks(samframe, store, tmp_path):
    """All that was paid for, whatever became of the frames."""
    ran = samframe("ledger", "export", tmp_path / "jobs.parquet", "--state", "stored")
    frame = read_parquet(tmp_path / "jobs.parquet")

    assert ran.status == 0
    assert frame["mask"].dtype == "mask"
    assert [mask.size_hw for mask in frame["mask"]] == [(24, 32)] * 2
    assert frame["cost"].sum() == pytest.approx(0.004)


@pytest.mark.parametrize("name", ["jobs.csv", "jobs.jsonl"])
def test_export_to_text(samframe, store, tmp_path, name):
    """Every job; a CSV cell that a spreadsheet would calculate begins with an apostrophe."""
    samframe("ledger", "export", tmp_path / name)
    is_csv = name.endswith(".csv")
    frame = pd.read_csv(tmp_path / name) if is_csv else pd.read_json(tmp_path / name, lines=True)

    assert len(frame) == 4
    assert frame["prompt"].str.startswith("'=HYPERLINK" if is_csv else "=HYPERLINK").sum() == 1


@pytest.mark.parametrize(
    ("name", "flag"), [("jobs.csv", "--no-quote-formulas"), ("jobs.jsonl", "--quote-formulas")]
)
def test_formulas_are_quoted_as_asked(samframe, store, tmp_path, name, flag):
    """Off for CSV, on for JSON lines; costs stay numbers."""
    samframe("ledger", "export", tmp_path / name, flag)
    is_csv = name.endswith(".csv")
    frame = pd.read_csv(tmp_path / name) if is_csv else pd.read_json(tmp_path / name, lines=True)

    assert frame["prompt"].str.startswith("=HYPERLINK" if is_csv else "'=HYPERLINK").sum() == 1
    assert frame["cost"].sum() == pytest.approx(0.004)


def test_parquet_has_no_formulas_to_quote(samframe, store, tmp_path):
    """What would do nothing is refused."""
    ran = samframe("ledger", "export", tmp_path / "jobs.parquet", "--quote-formulas")

    assert ran.status == 2
    assert ".csv and .jsonl" in ran.err


def test_export_to_another_format_is_wrong_usage(samframe, store, tmp_path):
    """The formats are named."""
    assert ".parquet, .csv or .jsonl" in samframe("ledger", "export", tmp_path / "jobs.xlsx").err


def test_no_ledger_is_made_by_looking(samframe, tmp_path):
    """A folder without one stays as it is."""
    looked = samframe("ledger", "list", "--store", tmp_path / "empty")
    examined = samframe("ledger", "doctor", "--store", tmp_path / "empty")

    assert (looked.status, examined.status) == (2, 0)
    assert not (tmp_path / "empty").exists()


def test_doctor_of_a_sound_store(samframe, store):
    """Status 0, and what waits for the user."""
    ran = samframe("ledger", "doctor")

    assert ran.status == 0
    assert "PROBLEM" not in ran.out
    assert 'retry="in_doubt"' in ran.out
    assert "2, all there" in ran.out


def alter_an_artifact(store):
    path = next(path for path in (store / "artifacts").rglob("*") if path.is_file())
    path.write_bytes(b"altered")


def write_a_newer_schema(store):
    database = sqlite3.connect(store / "ledger.sqlite3")
    database.execute("PRAGMA user_version = 99")
    database.close()


def cut_in_half(store):
    path = store / "ledger.sqlite3"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_something_else(store):
    (store / "ledger.sqlite3").write_bytes(b"no database " * 1000)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (alter_an_artifact, "1 of 2 are missing or altered"),
        (write_a_newer_schema, "newer samframe"),
        (cut_in_half, "PROBLEM"),
        (write_something_else, "cannot be read"),
    ],
)
def test_doctor_names_what_is_wrong_and_changes_nothing(samframe, store, harm, words):
    """Status 4; the database has the same bytes afterwards."""
    harm(store)
    before = (store / "ledger.sqlite3").read_bytes()
    ran = samframe("ledger", "doctor")

    assert ran.status == 4
    assert words in ran.out
    assert (store / "ledger.sqlite3").read_bytes() == before


@pytest.mark.parametrize("action", ["list", "show", "export", "doctor"])
def test_every_action_has_help(samframe, action):
    """What it does and how it ends."""
    assert "exit status" in samframe("ledger", action, "--help").out
