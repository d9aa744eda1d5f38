"""``segment_dataset``: tables in batches, resumed after any end, each job paid once, each part whole."""

from __future__ import annotations

import collections
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import CreditsError, OptionError, RowsFailedError
from samframe.frame.call import CallOptions
from samframe.frame.dataset.part_names import PartNames
from samframe.frame.dataset.sources import Source
from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig

CHILD = Path(__file__).with_name("child_dataset.py")
KEY = "SG_0123456789abcdef"


@pytest.fixture
def service():
    config = ServerConfig(
        engine=DrawnEngine(variants=8, refuse={"ghost"}), workers=16, latency_s=0.05, price_usd=0.002
    )
    with LocalServer(config) as running:
        yield running


@pytest.fixture
def options(service, tmp_path):
    client = samframe.Client(KEY, base_url=service.base_url)
    return {
        "client": client, "store": tmp_path / "store", "out": tmp_path / "out", "batch_rows": 20, "progress": False,
    }  # fmt: skip


@pytest.fixture
def make_frame(tmp_path):
    """Return a maker of frames with so many rows, each with a prompt of its own."""
    paths = []
    for shade in range(5):
        paths.append(str(tmp_path / f"{shade}.png"))
        Image.fromarray(np.full((16, 16, 3), 40 * shade, np.uint8)).save(paths[-1])

    def make(rows, first=0):
        numbers = range(first, first + rows)
        return pd.DataFrame(
            {"image": [paths[number % 5] for number in numbers], "prompt": [f"thing {n}" for n in numbers]}
        )

    return make


@pytest.fixture
def table(make_frame, tmp_path):
    path = tmp_path / "in.parquet"
    make_frame(90).to_parquet(path)
    return path


def test_the_folder_holds_what_segment_gives(service, options, table, make_frame):
    """All batches together are the frame of one call, in its order; every part is whole and verified."""
    run = samframe.segment_dataset(table, **options)
    back = samframe.read_parquet(options["out"])
    kept = {name: options[name] for name in ("client", "store", "progress")}

    pd.testing.assert_frame_equal(back, make_frame(90).sam.segment(**kept))
    assert (run.parts_written, run.rows, run.is_complete) == (5, {"completed": 90}, True)
    assert samframe.verify(options["out"])
    assert service.counters.accepted == 90
    assert run.usd_low == pytest.approx(0.18)


def test_a_second_call_does_nothing(service, options, table):
    """Parts that are done are kept as they are: no request, no file touched."""
    samframe.segment_dataset(table, **options)
    before = {file: file.stat().st_mtime_ns for file in (options["out"] / "data").iterdir()}
    requests = service.counters.requests
    run = samframe.segment_dataset(table, **options)

    assert (run.parts_written, run.parts_kept) == (0, 5)
    assert {file: file.stat().st_mtime_ns for file in (options["out"] / "data").iterdir()} == before
    assert service.counters.requests == requests


def test_a_missing_part_is_made_again_free(service, options, table):
    """A part that was lost comes back from the ledger, without a request that costs."""
    samframe.segment_dataset(table, **options)
    next((options["out"] / "data").iterdir()).unlink()
    run = samframe.segment_dataset(table, **options)

    assert (run.parts_written, run.parts_kept, run.usd_high) == (1, 4, 0.0)
    assert service.counters.submits == 90


def write_csv(frame, path):
    frame.to_csv(path, index=False)


def write_gzip(frame, path):
    with gzip.open(path, "wt") as file:
        frame.to_csv(file, index=False)


def write_lines(frame, path):
    frame.to_json(path, orient="records", lines=True)


@pytest.mark.parametrize(
    ("name", "write"), [("in.csv", write_csv), ("in.csv.gz", write_gzip), ("in.jsonl", write_lines)]
)
def test_text_tables(options, make_frame, tmp_path, name, write):
    """CSV and JSON lines are read in batches too, plain or gzipped; cells stay what they are."""
    frame = make_frame(50)
    frame["n"] = [f"{number:03}" for number in range(50)]
    write(frame, tmp_path / name)
    run = samframe.segment_dataset(tmp_path / name, **options)
    back = samframe.read_parquet(options["out"])

    assert run.rows == {"completed": 50}
    assert back[["image", "prompt", "n"]].to_numpy().tolist() == frame.to_numpy().tolist()


def test_a_pattern_a_folder_and_a_list_are_one_table(options, make_frame, tmp_path):
    """Files are taken in the order of their names, however they are named."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3):
        make_frame(10, first=10 * number).to_parquet(folder / f"{number}.parquet")
    found = []
    for at, source in enumerate([folder, str(folder / "*.parquet"), sorted(folder.iterdir())]):
        samframe.segment_dataset(source, **{**options, "out": tmp_path / f"out{at}"})
        found.append(samframe.read_parquet(tmp_path / f"out{at}")["prompt"].tolist())

    assert found == [[f"thing {number}" for number in range(30)]] * 3


def test_object_stores(options, make_frame):
    """A URL goes through fsspec."""
    import fsspec  # noqa: PLC0415 - this test only

    with fsspec.open("memory://tables/a.parquet", "wb") as file:
        make_frame(25).to_parquet(file)
    run = samframe.segment_dataset("memory://tables/*.parquet", **options)

    assert run.rows == {"completed": 25}


def test_equal_rows_of_two_batches_are_paid_once(service, options, make_frame, tmp_path):
    """Rows that come again in a later batch cost nothing, whether the first is done or not."""
    pd.concat([make_frame(30)] * 3).to_parquet(tmp_path / "in.parquet")
    run = samframe.segment_dataset(tmp_path / "in.parquet", **options)

    assert run.rows == {"completed": 90}
    assert service.counters.accepted == 30


def test_max_cost_is_for_the_whole_call(service, options, table):
    """Batches share one budget; a later call with a higher one goes on from there."""
    first = samframe.segment_dataset(table, max_cost=0.05, **options)
    billed = service.counters.billed
    second = samframe.segment_dataset(table, **options)

    assert (billed, first.is_complete) == (25, False)
    assert (second.is_complete, second.rows) == (True, {"completed": 90})
    assert service.counters.accepted == 90


def test_failed_rows_stay_until_they_are_retried(service, options, make_frame, tmp_path):
    """A part with a failed row is done; ``retry="failed"`` does it again, and it alone."""
    frame = make_frame(60)
    frame.loc[25, "prompt"] = "ghost"
    frame.to_parquet(tmp_path / "in.parquet")
    samframe.segment_dataset(tmp_path / "in.parquet", **options)
    kept = samframe.segment_dataset(tmp_path / "in.parquet", **options)
    again = samframe.segment_dataset(tmp_path / "in.parquet", retry="failed", **options)

    assert (kept.parts_kept, kept.rows) == (3, {"completed": 59, "failed": 1})
    assert (again.parts_kept, again.parts_written) == (2, 1)
    assert service.counters.accepted == 61


def test_on_error_raise_comes_after_the_parts(options, make_frame, tmp_path):
    """With ``on_error="raise"`` all parts are written first."""
    make_frame(40).assign(prompt="ghost").to_parquet(tmp_path / "in.parquet")

    with pytest.raises(RowsFailedError, match="40 of 40"):
        samframe.segment_dataset(tmp_path / "in.parquet", on_error="raise", **options)
    assert len(samframe.read_parquet(options["out"])) == 40


def test_a_stopped_call_keeps_its_parts(service, options, table):
    """Where the account runs dry midway, the parts that are done stay and the next call goes on."""
    service.script(Fault.NO_CREDITS_406, on="submit", after=45, times=None)
    with pytest.raises(CreditsError):
        samframe.segment_dataset(table, **options)
    service.heal()
    kept = len(list((options["out"] / "data").glob("*.parquet")))
    run = samframe.segment_dataset(table, **options)

    assert run.parts_kept == kept
    assert run.rows == {"completed": 90}
    assert service.counters.accepted == 90


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_resumed(service, options, make_frame, tmp_path, number):
    """After kill -9 or Ctrl-C midway the same call ends the work; no job is paid twice."""
    make_frame(400).to_parquet(tmp_path / "in.parquet")
    command = [
        sys.executable,
        CHILD,
        service.base_url,
        options["store"],
        tmp_path / "in.parquet",
        options["out"],
        40,
    ]
    child = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE)
    while service.counters.accepted < 150 and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(number)
    child.communicate(timeout=60)
    run = samframe.segment_dataset(tmp_path / "in.parquet", **{**options, "batch_rows": 40})

    assert child.returncode != 0
    assert max(collections.Counter(job.prompt for job in service.jobs).values()) == 1
    in_doubt = run.rows.get("in_doubt", 0)
    assert in_doubt <= (0 if number == signal.SIGINT else 4 * 3)  # the POSTs of three batches
    assert run.rows["completed"] + in_doubt == 400
    assert run.parts_kept > 0


@pytest.mark.parametrize(
    "change", [{"batch_rows": 30}, {"details": True}, {"prompt_col": None, "coordinates_col": "at"}]
)
def test_parts_of_another_call_are_refused(service, options, make_frame, tmp_path, change):
    """A folder with parts of other rows or options is not mixed up; ``overwrite_out`` removes them."""
    frame = make_frame(40).assign(at=[[3, 4]] * 40)
    frame.to_parquet(tmp_path / "in.parquet")
    samframe.segment_dataset(tmp_path / "in.parquet", **options)
    requests = service.counters.requests
    with pytest.raises(OptionError, match="overwrite_out"):
        samframe.segment_dataset(tmp_path / "in.parquet", **{**options, **change})
    assert service.counters.requests == requests
    run = samframe.segment_dataset(tmp_path / "in.parquet", overwrite_out=True, **{**options, **change})

    assert run.rows == {"completed": 40}
    assert len(samframe.read_parquet(options["out"])) == 40


def test_a_new_file_that_sorts_first_leaves_the_others_done(service, options, make_frame, tmp_path):
    """Parts are named after their file, not after its place among the files: only the new one is segmented."""
    (tmp_path / "in").mkdir()
    make_frame(30, first=30).to_parquet(tmp_path / "in" / "b.parquet")
    samframe.segment_dataset(tmp_path / "in", **options)
    make_frame(30).to_parquet(tmp_path / "in" / "a.parquet")

    run = samframe.segment_dataset(tmp_path / "in", **options)

    assert (run.parts_written, run.parts_kept, service.counters.accepted) == (2, 2, 60)
    prompts = samframe.read_parquet(options["out"])["prompt"].tolist()
    assert prompts == [f"thing {number}" for number in range(60)]


def test_files_that_look_alike_have_parts_of_their_own(service, options, make_frame, tmp_path):
    """Two files of one name, size and time in two folders are two files, in the order of their folders."""
    for folder, first in (("x", 100), ("y", 200)):
        (tmp_path / "in" / folder).mkdir(parents=True)
        frame = make_frame(20, first=first)
        frame["prompt"] = [f"{word[:6]}{first + at:03d}" for at, word in enumerate(frame["prompt"])]
        frame.to_parquet(tmp_path / "in" / folder / "a.parquet", compression=None)
        os.utime(tmp_path / "in" / folder / "a.parquet", ns=(1, 1))
    sizes = {path.stat().st_size for path in (tmp_path / "in").rglob("*.parquet")}
    samframe.segment_dataset(tmp_path / "in", **options)

    run = samframe.segment_dataset(tmp_path / "in", **options)

    assert len(sizes) == 1
    assert (run.parts_kept, run.rows, service.counters.accepted) == (2, {"completed": 40}, 40)


def test_parts_of_an_earlier_version_are_kept(options, make_frame, tmp_path):
    """Parts whose names had the file's number in front are found, and stay under their names."""
    make_frame(40).to_parquet(tmp_path / "in.parquet")
    samframe.segment_dataset(tmp_path / "in.parquet", **options)
    for part in (options["out"] / "data").iterdir():
        part.rename(part.with_name(part.name.replace("part-", "part-00000-")))

    run = samframe.segment_dataset(tmp_path / "in.parquet", **options)

    assert (run.parts_written, run.parts_kept) == (0, 2)
    assert len(samframe.read_parquet(options["out"])) == 40


def test_the_names_of_parts_of_an_earlier_version_are_known(tmp_path):
    """The digest is what it was: name, size and time of the file, options and columns of the rows."""
    source = Source(name="/data/in.parquet", stamp="1234.5678", open=lambda: None)
    client = samframe.Client(KEY, base_url="http://127.0.0.1:8000")

    names = PartNames([source], CallOptions(client=client), 20)

    assert names.name(0, 3) == "part-e44694f198-000003.parquet"


@pytest.mark.parametrize(
    ("source", "match"),
    [("none/*.parquet", "no table"), ("table.xlsx", "no format"), ("bad.parquet", "cannot be read")],
)
def test_bad_tables_are_told(options, tmp_path, monkeypatch, source, match):
    """No file, a format that is not read, and a broken file: each says so, and nothing is sent."""
    monkeypatch.chdir(tmp_path)
    Path("table.xlsx").write_text("x")
    Path("bad.parquet").write_text("no parquet")

    with pytest.raises(OptionError, match=match):
        samframe.segment_dataset(source, **options)


@pytest.mark.parametrize("batch_rows", [0, -1, 2.5, True])
def test_batch_rows_is_a_number(options, table, batch_rows):
    """Rows a part are counted."""
    with pytest.raises(OptionError, match="batch_rows"):
        samframe.segment_dataset(table, **{**options, "batch_rows": batch_rows})


def test_a_missing_column_is_told(service, options, table):
    """A wrong column raises before anything is sent."""
    with pytest.raises(OptionError, match="no column 'picture'"):
        samframe.segment_dataset(table, "picture", **options)
    assert service.counters.requests == 0
