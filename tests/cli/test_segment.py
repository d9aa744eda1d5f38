"""``samframe segment``: tables in, Parquet out, and what it says and returns when things go wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from samframe import read_parquet
from samframe.server import Fault

COLUMNS = ("--image", "file", "--prompt", "what")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "masks.parquet"


def test_every_row_gets_its_mask(samframe, service, table, out, tmp_path):
    """A CSV with relative paths gives a Parquet file with a mask in every row, and status 0."""
    ran = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store")

    assert ran.status == 0, ran.err
    assert read_parquet(out)["mask"].notna().all()


def test_the_tables_own_cells_stay(samframe, service, table, out, tmp_path):
    """Paths and prompts are written as the table has them."""
    samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store")

    assert read_parquet(out)[["file", "what"]].to_numpy().tolist() == [
        ["a.png", "boy"],
        ["b.png", "none"],
        ["c.png", "007"],
    ]


def test_a_folder_gets_masks_parquet(samframe, service, table, tmp_path):
    """``--out`` may be a folder, which is made."""
    samframe("segment", table, *COLUMNS, "--out", tmp_path / "new" / "folder", "--store", tmp_path / "store")

    assert len(read_parquet(tmp_path / "new" / "folder" / "masks.parquet")) == 3


def test_second_run_submits_nothing(samframe, service, table, out, tmp_path):
    """The same command again pays for nothing."""
    command = ("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store")
    samframe(*command)
    ran = samframe(*command)

    assert (ran.status, service.counters.accepted) == (0, 3)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "tsv"])
def test_other_formats(samframe, service, photos, out, tmp_path, suffix):
    """Parquet, JSON lines and TSV are read as well as CSV."""
    frame = pd.DataFrame({"image": ["a.png"], "prompt": ["boy"]})
    path = photos / f"table.{suffix}"
    match suffix:
        case "parquet":
            frame.to_parquet(path)
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case "tsv":
            frame.to_csv(path, sep="\t", index=False)
    ran = samframe("segment", path, "--out", out, "--store", tmp_path / "store")

    assert ran.status == 0, ran.err


def test_points_as_json_text(samframe, service, photos, out, tmp_path):
    """A CSV holds points as JSON text, and needs no prompts."""
    path = photos / "clicks.csv"
    pd.DataFrame({"image": ["a.png"], "yes": ["[[3, 4], [5, 6]]"], "no": ["[20, 20]"]}).to_csv(
        path, index=False
    )
    samframe(
        "segment", path, "--coordinates", "yes", "--remove-coordinates", "no", "--out", out,
        "--store", tmp_path / "store",
    )  # fmt: skip
    job = service.jobs[0]

    assert [json.loads(job.coordinates), json.loads(job.remove_coordinates)] == [
        [[3, 4], [5, 6]],
        [20, 20],
    ]


def test_offline_needs_no_key(samframe, table, out, tmp_path):
    """``--offline`` works without a key, and says that the masks are not SAM 2's."""
    ran = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store", "--offline")

    assert ran.status == 1  # the engine refuses these prompts
    assert "not SAM 2" in ran.err


def test_dry_run_sends_nothing(samframe, service, table, out, tmp_path):
    """``--dry-run`` prints the bill, sends nothing and writes nothing."""
    ran = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store", "--dry-run")

    assert "$0.006" in ran.out
    assert (ran.status, service.counters.requests, out.exists()) == (0, 0, False)


def test_dry_run_tells_rows_that_cannot_be_sent(samframe, photos, out, tmp_path, monkeypatch):
    """Without a key too: which row, why, and status 1."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    path = photos / "table.csv"
    pd.DataFrame({"image": ["a.png", "no such.png"], "prompt": "boy"}).to_csv(path, index=False)
    ran = samframe("segment", path, "--out", out, "--store", tmp_path / "store", "--dry-run")

    assert ran.status == 1, ran.err
    assert "Row 1: " in ran.out


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (("--image", "fiel", "--prompt", "what"), "Did you mean --image file?"),
        (("--image", "file", "--prompt", "WHAT"), "Did you mean --prompt what?"),
        ((*COLUMNS, "--remove-coordinates", "nothing"), "Name the column with --remove-coordinates."),
    ],
)
@pytest.mark.parametrize("more", [(), ("--batch-rows", "2")])
def test_a_misspelt_column_comes_before_a_missing_key(
    samframe, table, out, tmp_path, monkeypatch, wrong, meant, more
):
    """What can be put right at once is told first, in the command's own words."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    ran = samframe("segment", table, *wrong, "--out", out, "--store", tmp_path / "store", *more)

    assert ran.status == 2
    assert meant in ran.err
    assert "_col" not in ran.err


def test_failed_rows_give_status_1(samframe, service, photos, out, tmp_path):
    """A row that fails is told of on stderr, the others are written, the status is 1."""
    path = photos / "table.csv"
    pd.DataFrame({"image": ["a.png", "b.png"], "prompt": ["ghost", "boy"]}).to_csv(path, index=False)
    ran = samframe("segment", path, "--out", out, "--store", tmp_path / "store")

    assert (ran.status, read_parquet(out)["mask"].notna().tolist()) == (1, [False, True])
    assert "Row 0" in ran.err


def test_retry_pays_again(samframe, service, photos, out, tmp_path):
    """``--retry failed`` sends a failed row once more."""
    path = photos / "table.csv"
    pd.DataFrame({"image": ["a.png"], "prompt": ["ghost"]}).to_csv(path, index=False)
    command = ("segment", path, "--out", out, "--store", tmp_path / "store")
    samframe(*command)
    samframe(*command, "--retry", "failed")

    assert service.counters.accepted == 2


def test_max_cost_is_a_hard_stop(samframe, service, table, out, tmp_path):
    """``--max-cost`` lets no job through that could pass it."""
    samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store", "--max-cost", "0.004")

    assert service.counters.billed == 2


def test_stopped_run_keeps_rows(samframe, service, table, out, tmp_path):
    """Where the account runs dry, the status is 3 and the rows that are done are written."""
    service.script(Fault.NO_CREDITS_406, on="submit", after=1, times=None)
    ran = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store")

    assert (ran.status, int(read_parquet(out)["mask"].notna().sum())) == (3, 1)


def test_no_key_is_one_line(samframe, table, out, tmp_path):
    """Without a key the message says where to get one and how to do without; there is no traceback."""
    ran = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store")

    assert ran.status == 3
    assert "SEGMIND_API_KEY" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--image", "nothing", "--prompt", "what"), "nothing"),
        (("--image", "file"), "--prompt"),
        ((*COLUMNS, "--coordinates", "nothing"), "nothing"),
        ((*COLUMNS, "--max-cost", "-1"), "max_cost"),
        ((*COLUMNS, "--image-root", "/no/such/folder"), "image_root"),
        ((*COLUMNS, "--retry", "everything"), "everything"),
        ((*COLUMNS, "--offline", "--base-url", "http://127.0.0.1:1"), "--base-url"),
    ],
)
def test_wrong_options_give_status_2(samframe, service, table, out, tmp_path, arguments, word):
    """A wrong option or column is named, and nothing is sent."""
    ran = samframe("segment", table, "--out", out, "--store", tmp_path / "store", *arguments)

    assert (ran.status, service.counters.requests) == (2, 0)
    assert word in ran.err


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("gone.csv", None, "no table"),
        ("table.xlsx", b"x", "format"),
        ("empty.csv", b"", "cannot be read"),
        ("broken.jsonl", b'{"image": ', "cannot be read"),
        ("broken.parquet", b"PAR1 and nothing", "cannot be read"),
        ("ragged.csv", b"image,prompt\n7,a.png,boy\n8,b.png,girl\n", "more cells than its header"),
        ("deep.jsonl", b"[" * 100_000, "cannot be read"),
        ("latin.csv", "image,prompt\nä.png,b".encode("latin-1"), "cannot be read"),
    ],
)
def test_unreadable_tables_give_status_2(samframe, service, tmp_path, out, name, content, word):
    """A table that is missing, damaged or of another format is told of in one line."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ran = samframe("segment", tmp_path / name, "--out", out)

    assert ran.status == 2
    assert word in ran.err
    assert ran.err.count("\n") == 1


def test_a_terminal_is_not_obeyed(samframe, service, photos, tmp_path, out):
    """Escapes and direction marks in a table's text reach the terminal as blanks or in their written form."""
    path = photos / "table.csv"
    path.write_text('image,prompt\n"no\x1b[2J\u202efile.png",boy\n', encoding="utf-8")
    ran = samframe("segment", path, "--out", out, "--store", tmp_path / "store")

    assert ran.status == 1
    assert not {"\x1b", "\u202e"} & set(ran.out + ran.err)


def test_the_table_is_not_overwritten(samframe, service, photos, tmp_path):
    """``--out`` must not be the table itself."""
    path = photos / "table.parquet"
    pd.DataFrame({"image": ["a.png"], "prompt": ["boy"]}).to_parquet(path)
    ran = samframe("segment", path, "--out", path)

    assert (ran.status, service.counters.requests) == (2, 0)


def test_existing_columns_need_consent(samframe, service, photos, out, tmp_path):
    """A table with a column ``mask`` is refused without ``--overwrite``, and taken with it."""
    path = photos / "table.csv"
    pd.DataFrame({"image": ["a.png"], "prompt": ["boy"], "mask": [1]}).to_csv(path, index=False)
    command = ("segment", path, "--out", out, "--store", tmp_path / "store")

    assert samframe(*command).status == 2
    assert samframe(*command, "--overwrite").status == 0


def test_delimiters_at_the_end_of_lines_are_no_cells(samframe, service, photos, out, tmp_path):
    """A CSV file whose lines end with a comma has each cell in its column."""
    path = photos / "table.csv"
    path.write_text("image,prompt\na.png,boy,\nb.png,girl,\n")
    ran = samframe("segment", path, "--out", out, "--store", tmp_path / "store")

    assert ran.status == 0, ran.err
    assert read_parquet(out)[["image", "prompt"]].to_numpy().tolist() == [["a.png", "boy"], ["b.png", "girl"]]


def test_numbers_stay_numbers(samframe, service, photos, out, tmp_path):
    """Only the image, prompt and point columns are read as text; a gap in another column is a missing number."""
    path = photos / "table.csv"
    path.write_text("image,prompt,weight\na.png,boy,1.5\nb.png,girl,\n")
    samframe("segment", path, "--out", out, "--store", tmp_path / "store")
    weight = read_parquet(out)["weight"]

    assert weight.dtype == np.float64
    assert weight.isna().tolist() == [False, True]


def test_key_is_never_printed(samframe, service, table, out, tmp_path):
    """Neither a good run nor a refused key shows the key."""
    key = "SG_0123456789abcdef"
    good = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store", "--details")
    service.script(Fault.UNAUTHORIZED_401, on="submit", times=None)
    bad = samframe("segment", table, *COLUMNS, "--out", out, "--store", tmp_path / "store", "--refresh")

    assert bad.status == 3
    assert key not in good.out + good.err + bad.out + bad.err
    assert key.encode() not in out.read_bytes()


def test_a_pattern_is_read_in_batches(samframe, service, photos, tmp_path):
    """Several tables become a folder of parts, relative paths start at their folder, and a second run does nothing."""
    for number in range(2):
        frame = pd.DataFrame({"image": ["a.png", "b.png"], "prompt": [f"boy {number}", f"cat {number}"]})
        frame.to_parquet(photos / f"rows{number}.parquet")
    command = ("segment", photos / "rows*.parquet", "--out", tmp_path / "out", "--store", tmp_path / "store")
    first = samframe(*command)
    accepted = service.counters.accepted
    second = samframe(*command)

    assert (first.status, second.status, accepted) == (0, 0, 4), first.err
    assert read_parquet(tmp_path / "out")["mask"].notna().sum() == 4
    assert "wrote 0 parts, kept 2" in second.out
    assert service.counters.accepted == 4


def test_batch_rows_of_a_csv(samframe, service, table, tmp_path):
    """With ``--batch-rows`` a single table is read in batches too; its cells stay the text they are."""
    ran = samframe(
        "segment",
        table,
        *COLUMNS,
        "--out",
        tmp_path / "out",
        "--store",
        tmp_path / "store",
        "--batch-rows",
        "2",
    )

    assert ran.status == 0, ran.err
    assert read_parquet(tmp_path / "out")["what"].tolist() == ["boy", "none", "007"]
    assert len(list((tmp_path / "out" / "data").iterdir())) == 2


def test_dry_run_of_batches(samframe, service, table, tmp_path):
    """The bill of a table in batches counts equal rows once; nothing is sent and no folder made."""
    ran = samframe(
        "segment", table, *COLUMNS, "--out", tmp_path / "out", "--store", tmp_path / "store", "--batch-rows", "1",
        "--dry-run",
    )  # fmt: skip

    assert "$0.006" in ran.out
    assert (ran.status, service.counters.requests, (tmp_path / "out").exists()) == (0, 0, False)


def test_batches_want_a_folder(samframe, service, table, tmp_path):
    """Parts do not go into one file: that is told before anything is sent."""
    ran = samframe(
        "segment",
        table,
        *COLUMNS,
        "--out",
        tmp_path / "one.parquet",
        "--batch-rows",
        "2",
        "--store",
        tmp_path,
    )

    assert (ran.status, service.counters.requests) == (2, 0)
    assert "name a folder" in ran.err
