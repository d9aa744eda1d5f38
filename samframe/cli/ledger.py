"""``samframe ledger``: what was paid for, job by job; every attempt at one; all of it as a file; the store's health."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.errors import OptionError
from samframe.export import quote_formulas, write_parquet
from samframe.ground.cells import one_line
from samframe.ground.files import atomic_write
from samframe.ground.options import store_folder
from samframe.jobs import Artifacts, JobState, Ledger, examine_store, format_usd

__all__ = ["add_command"]

_DESCRIPTION = """\
Look into the ledger of paid jobs. Nothing is sent and nothing costs anything.
"""

_EPILOG = f"""\
examples:
  samframe ledger list                        the latest jobs, and what all of them have cost
  samframe ledger list --state in_doubt       jobs whose answer was lost
  samframe ledger show 3f2a91c0               one job with every attempt, by the beginning of its key or a request id
  samframe ledger export jobs.parquet         every job with its mask; .csv and .jsonl have no masks
  samframe ledger doctor                      is the store sound, and what waits for you

{EXIT_CODES}"""

_TEXT_WIDTH = 40


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "ledger",
        help="what was paid for, and whether the store is sound",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _add_action(actions, "list", _list, "the latest jobs, and what all of them have cost")
    _add_states(listing)
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="so many at most (default: 20)")
    listing.add_argument("--json", action="store_true", help="one JSON object a line, with all columns")
    showing = _add_action(actions, "show", _show, "one job, with every attempt at it")
    showing.add_argument("job", metavar="ID", help="the beginning of a job's key, or a request id")
    exporting = _add_action(actions, "export", _export, "all jobs as a file")
    exporting.add_argument("out", type=Path, metavar="FILE", help=".parquet (with masks), .csv or .jsonl")
    exporting.add_argument(
        "--quote-formulas", action=argparse.BooleanOptionalAction,
        help="an apostrophe before text that a spreadsheet would calculate (default: in .csv, not in .jsonl)",
    )  # fmt: skip
    _add_states(exporting)
    _add_action(actions, "doctor", _doctor, "whether the store is sound, and what waits for you")


def _add_action(actions: Any, name: str, run: Any, text: str) -> Any:
    parser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--store", metavar="DIR", help="the store (default: SAMFRAME_STORE, else your data folder)"
    )
    parser.set_defaults(run=run)
    return parser


def _add_states(parser: Any) -> None:
    names = [state.value for state in JobState]
    parser.add_argument(
        "--state",
        action="append",
        choices=names,
        metavar="STATE",
        help=f"only jobs that are {', '.join(names)}",
    )


def _open(arguments: argparse.Namespace) -> Ledger:
    folder = store_folder(arguments.store)
    if not (folder / "ledger.sqlite3").is_file():
        raise OptionError(f"There is no ledger in {folder}: nothing was paid for from there.")
    return Ledger(folder)


def _list(arguments: argparse.Namespace) -> Exit:
    with _open(arguments) as ledger:
        records = ledger.records(states=arguments.state, limit=arguments.limit)
        total = len(ledger.records(states=arguments.state))
        spent = ledger.spending()
    if arguments.json:
        for record in records:
            print(json.dumps(record, default=str))
        return Exit.DONE
    rows = [_row(record) for record in records]
    head = ("job", "state", "updated", "cost", "tries", "prompt", "image")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"{len(records):,} of {total:,} jobs; spent in all: {spent}")
    return Exit.DONE


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    return (
        record["key"][:8],
        record["state"],
        _time_text(record["updated_at"]),
        format_usd(record["cost"]) if record["cost"] is not None else "",
        str(record["attempts"]),
        one_line(record["prompt"] if record["prompt"] is not None else "(points)", _TEXT_WIDTH),
        one_line(record["image"], _TEXT_WIDTH),
    )


def _show(arguments: argparse.Namespace) -> Exit:
    with _open(arguments) as ledger:
        found = ledger.find(arguments.job)
        if not found:
            raise OptionError(f"The ledger has no job {arguments.job!r}.")
        if len(found) > 1:
            keys = ", ".join(record["key"][:12] for record in found[:5])
            raise OptionError(
                f"{len(found)} jobs begin with {arguments.job!r}: {keys}. Give more of the key."
            )
        record, attempts = found[0], ledger.attempts(found[0]["key"])
        artifacts = Artifacts(ledger.folder)
    for name, value in record.items():
        if value is not None:
            print(f"{name:<15} {_value_text(name, value)}")
    if record["artifact"] is not None:
        state = (
            "there, and as its name says" if artifacts.verify(record["artifact"]) else "missing or altered"
        )
        print(f"{'file':<15} {artifacts.path(record['artifact'])} ({state})")
    for attempt in attempts:
        facts = {name: value for name, value in attempt.items() if value is not None and name != "key"}
        print(", ".join(f"{name} {_value_text(name, value)}" for name, value in facts.items()))
    return Exit.DONE


def _export(arguments: argparse.Namespace) -> Exit:
    suffix = arguments.out.suffix.lower()
    if suffix not in {".parquet", ".csv", ".jsonl"}:
        raise OptionError(f"{arguments.out} is of no format that is written: .parquet, .csv or .jsonl.")
    is_quoted = suffix == ".csv" if arguments.quote_formulas is None else arguments.quote_formulas
    if is_quoted and suffix == ".parquet":
        raise OptionError("--quote-formulas is for .csv and .jsonl: no spreadsheet calculates Parquet.")
    with _open(arguments) as ledger:
        frame = ledger.to_frame(states=arguments.state, masks=suffix == ".parquet")
    frame = quote_formulas(frame) if is_quoted else frame
    match suffix:
        case ".parquet":
            write_parquet(frame, arguments.out)
        case ".csv":
            with atomic_write(arguments.out) as temporary:
                frame.to_csv(temporary, index=False, lineterminator="\r\n")  # else a lone "\r" begins a row
        case _:
            with atomic_write(arguments.out) as temporary:
                frame.to_json(temporary, orient="records", lines=True, date_format="iso")
    print(f"{len(frame):,} jobs written to {arguments.out}")
    return Exit.DONE


def _doctor(arguments: argparse.Namespace) -> Exit:
    findings = examine_store(store_folder(arguments.store))
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = "PROBLEM" if finding.is_problem else "       "
        print(f"{mark} {finding.what:<{width}}  {one_line(finding.text)}".strip())
    return Exit.LEDGER if any(finding.is_problem for finding in findings) else Exit.DONE


def _value_text(name: str, value: Any) -> str:
    if name.endswith("_at"):
        return _time_text(value)
    return format_usd(value) if name == "cost" else one_line(str(value))


def _time_text(seconds: float) -> str:
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"
