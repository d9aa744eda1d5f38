"""``samframe segment`` on a table that does not fit in memory: batches in, a dataset's folder out."""

from __future__ import annotations

import contextlib
import glob
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.cli.exit import Exit
from samframe.errors import OptionError
from samframe.frame import find_sources, plan_dataset, segment_dataset
from samframe.jobs import RowStatus, format_usd

if TYPE_CHECKING:
    import argparse

    from samframe.frame import DatasetRun
    from samframe.segmind import Client

__all__ = ["is_streamed", "run_streamed", "table_columns"]

#: A larger file is read in batches: as a frame, and with its masks, it takes several times its size.
_LARGE_BYTES = 256 * 2**20
_BATCH_ROWS = 2000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")


def is_streamed(arguments: argparse.Namespace) -> bool:
    """Return whether the table is read in batches: a folder, a pattern, a URL, a large file, or with --batch-rows."""
    path = Path(arguments.table)
    several = bool(_SCHEME.match(arguments.table)) or glob.has_magic(arguments.table) or path.is_dir()
    is_large = path.is_file() and path.stat().st_size > _LARGE_BYTES
    return several or is_large or arguments.batch_rows is not None


def table_columns(arguments: argparse.Namespace) -> list[str]:
    """Return the names of the table's columns."""
    for source in find_sources(arguments.table):
        for frame in source.batches(1):
            return [str(name) for name in frame.columns]
    return []


def run_streamed(
    arguments: argparse.Namespace, client: Client, prompt: str | None, options: dict[str, Any]
) -> Exit:
    """Segment in batches, and say what became of the rows."""
    out = arguments.out.absolute()
    if out.suffix.lower() in {".parquet", ".pq"} or out.is_file():
        raise OptionError(
            f"--out {arguments.out}: a table that is read in batches is written as a folder of parts; name a folder."
        )
    sources = _absolute(arguments.table)
    rows = arguments.batch_rows if arguments.batch_rows is not None else _BATCH_ROWS
    given = {**options, "client": client, "batch_rows": rows}
    with contextlib.chdir(_folder(arguments.table)):
        if arguments.dry_run:
            bill = plan_dataset(sources, arguments.image, prompt, **given)
            print(bill)
            return Exit.ROWS_FAILED if bill.invalid else Exit.DONE
        return _report(
            segment_dataset(sources, arguments.image, prompt, out=out, **given), quiet=arguments.quiet
        )


def _report(run: DatasetRun, *, quiet: bool) -> Exit:
    rows = sum(run.rows.values())
    bad = rows - run.rows.get(RowStatus.COMPLETED.value, 0)
    if bad:
        print(f"samframe: {bad:,} of {rows:,} rows have no mask: column error says why.", file=sys.stderr)
    if not run.is_complete:
        print("samframe: not all rows are done; run the same command again to go on.", file=sys.stderr)
    if not quiet:
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(run.rows.items()))
        spent = format_usd(run.usd_low)
        spent += f" to {format_usd(run.usd_high)}" if run.usd_high > run.usd_low else ""
        print(f"{rows:,} rows: {counts or 'none'}; {spent} spent")
        print(f"wrote {run.parts_written:,} parts, kept {run.parts_kept:,}: {run.path}")
    return Exit.ROWS_FAILED if bad or not run.is_complete else Exit.DONE


def _absolute(table: str) -> str:
    return table if _SCHEME.match(table) else str(Path(table).expanduser().absolute())


def _folder(table: str) -> Path:
    """Return the folder that relative paths of images start at."""
    if _SCHEME.match(table):
        return Path.cwd()
    path = Path(table).expanduser().absolute()
    if path.is_dir():
        return path
    while glob.has_magic(str(path)):
        path = path.parent
        if not glob.has_magic(str(path)):
            return path
    return path.parent
