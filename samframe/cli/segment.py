"""``samframe segment``: a table of images and prompts in, a Parquet file with masks out."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.cli.local_models import add_local_options, check_no_local_options, local_options
from samframe.cli.segment_dataset import is_streamed, run_streamed, table_columns
from samframe.cli.tables import read_table
from samframe.errors import ApiError, LedgerError, OptionError
from samframe.export import write_parquet
from samframe.frame import last_run, local, offline, plan, segment
from samframe.ground.cells import one_line
from samframe.ground.engine import read_engine
from samframe.ground.options import store_folder
from samframe.jobs import RowStatus
from samframe.segmind import Client

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["add_command"]

_SHOWN_ERRORS = 5
_SHOWN_COLUMNS = 12

_DESCRIPTION = """\
Segment the images of a table. The output is the same table with the columns mask, status, inference_time and error,
as one Parquet file; samframe.read_parquet() gives it back to pandas. Equal rows are paid once, and rows that are paid
for already cost nothing: run the same command again after an interrupt, and it goes on.
"""

_EPILOG = f"""\
TABLE is CSV, TSV, Parquet or JSON lines. An image is a path (a relative one starts at the table's folder), an
http(s) URL (Segmind fetches it) or a data URI. Points are written as JSON, x before y, in pixels of the image as
stored: [834,74] or [[839,74],[844,20]]. A table of several files, or larger than 256 MB, is read in batches; --out is
then a folder of parts, and the columns of a CSV are text.

examples:
  samframe segment cars.csv --image file --prompt what --out cars.parquet --dry-run
  samframe segment cars.csv --image file --prompt what --out cars.parquet --max-cost 2.50
  samframe segment cars.csv --image file --prompt what --out cars.parquet --retry failed --retry lost
  samframe segment 'rows/*.parquet' --out masks/ --rate-limit 1000 --max-cost 250
  samframe segment clicks.jsonl --coordinates yes --remove-coordinates no --out masks/ --offline
  samframe segment clicks.jsonl --coordinates yes --out masks/ --local facebook/sam2.1-hiera-tiny --download

The key is read from SEGMIND_API_KEY and nowhere else: other users of a machine can read the options of a running
command.

{EXIT_CODES}"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "segment",
        help="segment the images of a table",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "table",
        metavar="TABLE",
        help="CSV, TSV, Parquet or JSON lines; a file, a folder, or a quoted pattern",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE_OR_DIR",
        help="a .parquet file, or a folder for masks.parquet; an existing file is replaced",
    )  # fmt: skip
    parser.add_argument(
        "--batch-rows", type=int, metavar="N",
        help="read so many rows at a time and write a folder of parts (default: so for a folder, a pattern, a URL or "
        "a file of more than 256 MB, with 2000)",
    )  # fmt: skip
    _add_columns(parser.add_argument_group("columns"))
    _add_service(parser.add_argument_group("service"))
    add_local_options(parser.add_argument_group("a SAM on this machine (--local)"))
    _add_money(parser.add_argument_group("money"))
    parser.add_argument("--details", action="store_true", help="also write request ids, costs and times")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the columns mask, status ... where the table has them",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")
    parser.set_defaults(run=run)


def _add_columns(group: Any) -> None:
    group.add_argument("--image", default="image", metavar="COL", help="images (default: %(default)s)")
    group.add_argument(
        "--prompt", metavar="COL", help="what to find (default: prompt, where the table has such a column)"
    )
    group.add_argument(
        "--coordinates", metavar="COL", help="points to include; ignored in rows with a prompt"
    )
    group.add_argument("--remove-coordinates", metavar="COL", help="points to exclude")
    group.add_argument("--image-root", type=Path, metavar="DIR", help="refuse images outside this folder")


def _add_service(group: Any) -> None:
    group.add_argument(
        "--offline", action="store_true", help="use the built-in engine: no key, no network, and NOT SAM 2"
    )
    group.add_argument(
        "--local", metavar="PATH_OR_ID",
        help="use a SAM on this machine: a folder of weights, or an id of the Hugging Face hub; no key, free",
    )  # fmt: skip
    group.add_argument(
        "--base-url", metavar="URL", help="another address of the API (default: SEGMIND_BASE_URL)"
    )
    group.add_argument(
        "--allow-host", action="append", default=[], metavar="HOST",
        help="a further host that outputs may be downloaded from; may be given several times",
    )  # fmt: skip
    group.add_argument(
        "--reader", default="auto", metavar="NAME",
        help="how masks are read from outputs: auto, alpha, nonblack, dark, soft, difference, or a colour (#1e90ff)",
    )  # fmt: skip
    group.add_argument("--rate-limit", type=float, metavar="N", help="requests a minute (default: learn it)")
    group.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="folder of the ledger and the masks (default: SAMFRAME_STORE)",
    )


def _add_money(group: Any) -> None:
    group.add_argument(
        "--dry-run", action="store_true",
        help="show what the run would cost, and which rows cannot be sent (status 1); needs no key, sends nothing",
    )  # fmt: skip
    group.add_argument("--max-cost", type=float, metavar="USD", help="send no job that could pass this sum")
    group.add_argument(
        "--retry", action="append", default=[], choices=["failed", "in_doubt", "lost"],
        help="pay again for rows that ended so; may be given several times",
    )  # fmt: skip
    group.add_argument("--refresh", action="store_true", help="pay again for every row, stored or not")


def run(arguments: argparse.Namespace) -> Exit:
    """Read, segment, write, and say what became of the rows."""
    options = _options(arguments)
    if is_streamed(arguments):
        columns = table_columns(arguments)
        prompt = _prompt_column(arguments, columns)
        _check_columns(arguments, columns)
        with _client(arguments) as client:
            return run_streamed(arguments, client, prompt, options)
    table = Path(arguments.table).absolute()
    target = _target(arguments.out, table)
    frame = read_table(
        table,
        text_columns=[
            name
            for name in (
                arguments.image,
                arguments.prompt or "prompt",
                arguments.coordinates,
                arguments.remove_coordinates,
            )
            if name
        ],
    )
    prompt = _prompt_column(arguments, frame.columns)
    # Before the client, which wants a key: what the user can put right at once is told first.
    _check_columns(arguments, frame.columns)
    with _client(arguments) as client, contextlib.chdir(table.parent):
        options["client"] = client
        if arguments.dry_run:
            bill = plan(frame, arguments.image, prompt, **options)
            print(bill)
            return Exit.ROWS_FAILED if bill.invalid else Exit.DONE
        target.parent.mkdir(parents=True, exist_ok=True)
        out = _segment(frame, arguments.image, prompt, options, target)
    write_parquet(out, target)
    return _report(out, target, quiet=arguments.quiet)


def _segment(
    frame: pd.DataFrame, image: str, prompt: str | None, options: dict[str, Any], target: Path
) -> pd.DataFrame:
    """Segment; where the run is stopped, write the rows that are done before the error goes on."""
    try:
        return segment(frame, image, prompt, **options)
    except (ApiError, LedgerError) as error:
        if error.frame is not None:
            write_parquet(error.frame, target)
        raise
    except KeyboardInterrupt:
        stopped = last_run()
        if stopped is not None:
            write_parquet(stopped.frame, target)
        raise


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    root = arguments.image_root
    return {
        "coordinates_col": arguments.coordinates,
        "remove_coordinates_col": arguments.remove_coordinates,
        # Made absolute here: the images are read from the table's folder.
        "store": store_folder(arguments.store),
        "image_root": root.absolute() if root is not None else None,
        "rate_limit": arguments.rate_limit,
        "max_cost": arguments.max_cost,
        "retry": arguments.retry,
        "refresh": arguments.refresh,
        "details": arguments.details,
        "overwrite": arguments.overwrite,
        "reader": arguments.reader,
        "progress": False if arguments.quiet else "auto",
    }


def _client(arguments: argparse.Namespace) -> Client:
    if sum(map(bool, (arguments.offline, arguments.local, arguments.base_url))) > 1:
        raise OptionError("--offline, --local and --base-url exclude each other.")
    if arguments.local:
        client = local(arguments.local, **local_options(arguments))
        print(f"samframe: {read_engine(client.identity).label} makes these masks; free.", file=sys.stderr)
        return client
    check_no_local_options(arguments, "--local")
    if not arguments.offline:
        return Client(
            base_url=arguments.base_url,
            keyless=arguments.dry_run,
            allowed_hosts=arguments.allow_host,
        )
    print("samframe: the offline engine makes these masks; it is not SAM 2.", file=sys.stderr)
    return offline()


def _prompt_column(arguments: argparse.Namespace, columns: Iterable[str]) -> str | None:
    if arguments.prompt is not None:
        return str(arguments.prompt)
    if "prompt" in columns:
        return "prompt"
    if arguments.coordinates is None:
        raise OptionError(
            "The table has no column 'prompt': name the column with --prompt, or one of points with --coordinates."
        )
    return None


def _check_columns(arguments: argparse.Namespace, columns: Iterable[str]) -> None:
    """Check that the table has the columns that are named, in the words of the command line.

    Raises
    ------
    OptionError
        If one is missing; the message names the option and the column that may have been meant.
    """
    known = [str(name) for name in columns]
    for option in ("image", "prompt", "coordinates", "remove_coordinates"):
        name = getattr(arguments, option)
        if name is None or name in known:
            continue
        folded = [one for one in known if one.strip().casefold() == name.strip().casefold()]
        near = folded or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        shown = ", ".join(map(repr, known[:_SHOWN_COLUMNS])) + (
            ", ..." if len(known) > _SHOWN_COLUMNS else ""
        )
        flag = f"--{option.replace('_', '-')}"
        hint = f" Did you mean {flag} {shlex.quote(near[0])}?" if near else f" Name the column with {flag}."
        raise OptionError(
            f"The table has no column {name!r}; it has {shown or 'none'}.{hint} Nothing was sent."
        )


def _target(out: Path, table: Path) -> Path:
    is_file = out.suffix.lower() in {".parquet", ".pq"} and not out.is_dir()
    target = (out if is_file else out / "masks.parquet").absolute()
    if out.exists() and not out.is_dir() and not is_file:
        raise OptionError(f"--out {out} is a file, but no .parquet file.")
    if os.path.realpath(target) == os.path.realpath(table):
        raise OptionError("--out is the table itself; write to another file.")
    return target


def _report(out: pd.DataFrame, target: Path, *, quiet: bool) -> Exit:
    status = out["status"]
    bad = (status != RowStatus.COMPLETED.value).to_numpy()
    if bad.any():
        errors = out["error"][bad].dropna().tolist()
        print(f"samframe: {int(bad.sum()):,} of {len(out):,} rows have no mask:", file=sys.stderr)
        for error in errors[:_SHOWN_ERRORS]:
            print(f"  {one_line(str(error))}", file=sys.stderr)
        if len(errors) > _SHOWN_ERRORS:
            print(f"  ... and {len(errors) - _SHOWN_ERRORS:,} more, in column error", file=sys.stderr)
    if not quiet:
        stopped = last_run()
        if stopped is not None and stopped.progress is not None:
            print(stopped.progress.summary())
        print(f"wrote {target}")
    return Exit.ROWS_FAILED if bad.any() else Exit.DONE
