"""``samframe export``: a dataset or a Parquet file with masks in, a training set out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.errors import OptionError
from samframe.export.formats import FORMATS
from samframe.export.splits import SHARED_FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from samframe.export import ExportReport
    from samframe.export.flags import Flag

__all__ = ["add_command"]

_SHOWN_ROWS = 5
_FORMATS = {one.name: one for one in FORMATS}
_WIDTH = max(map(len, _FORMATS)) + 2

_DESCRIPTION = """\
Write a training set from a dataset's folder or a Parquet file with masks. The output is read back, and the last line
says how well it holds what went in; fidelity.json in the folder says it row by row. Nothing is sent, nothing costs.
"""

_EPILOG = f"""\
formats:
{chr(10).join(f"  {one.name:<{_WIDTH}}{one.line}" for one in FORMATS)}

Relative image paths of a Parquet file start at its folder, or at --image-root.

examples:
  samframe export dataset/ --format coco --out coco/ --split train=.8,val=.2 --seed 7
  samframe export masks.parquet --format yolo --out yolo/ --split train=.7,val=.2,test=.1 --group patient
  samframe export dataset/ --format hf --out hf/ --split-col split

{EXIT_CODES}"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "export",
        help="write a training set: COCO, YOLO, Hugging Face, semantic PNGs, Label Studio (free)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", metavar="DATASET", help="a dataset's folder or a .parquet file")
    parser.add_argument("--format", required=True, choices=list(_FORMATS), help="see below")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help="folder to make; an earlier training set there is replaced, anything else is refused",
    )  # fmt: skip
    groups: dict[str, Any] = {}
    for flag in SHARED_FLAGS:
        group = groups.get(flag.group) or groups.setdefault(flag.group, parser.add_argument_group(flag.group))
        _add(group, flag, flag.help)
    single = parser.add_argument_group("options of single formats")
    for flag, formats in _single_flags():
        _add(single, flag, f"{', '.join(formats)}: {flag.help}")
    parser.set_defaults(run=run)


def _single_flags() -> Iterator[tuple[Flag, list[str]]]:
    """Yield the flags that not all formats have, each once, with the formats that have it."""
    owners: dict[str, list[str]] = {}
    for one in FORMATS:
        for flag in one.flags:
            owners.setdefault(flag.name, []).append(one.name)
    known: dict[str, Flag] = {flag.name: flag for one in reversed(FORMATS) for flag in one.flags}
    for name, formats in owners.items():
        yield known[name], formats


def _add(group: Any, flag: Flag, words: str) -> None:
    # What is not given is not passed on: each default stands in the function alone.
    settings: dict[str, Any] = {"dest": _dest(flag), "default": argparse.SUPPRESS, "help": words}
    if flag.const is not None:
        settings |= {"action": "store_const", "const": flag.const}
    else:
        settings |= {"metavar": flag.metavar, "choices": flag.choices or None}
        settings |= {"type": _checked(flag.kind)} if flag.kind is not None else {}
    group.add_argument(flag.typed, **settings)


def _dest(flag: Flag) -> str:
    return f"option {flag.typed}"


def _checked(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader of values whose errors argparse shows."""

    def read(text: str) -> Any:
        try:
            return kind(text)
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            raise argparse.ArgumentTypeError(f"invalid {kind.__name__} value: {text!r}") from None

    return read


def run(arguments: argparse.Namespace) -> Exit:
    """Write, and say what became of the rows."""
    options = _options(arguments)
    is_file = arguments.dataset.lower().endswith((".parquet", ".pq")) and "://" not in arguments.dataset
    source = str(Path(arguments.dataset).absolute()) if is_file else arguments.dataset
    out = arguments.out.absolute()
    # As for `samframe segment`, relative images start at the table's folder.
    where = Path(source).parent if is_file and Path(source).parent.is_dir() else Path.cwd()
    with contextlib.chdir(where):
        report = _FORMATS[arguments.format].write(source, out, **options)
    return _tell(report, arguments.out)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of the function: what was given."""
    given = vars(arguments)
    options: dict[str, Any] = {}
    for flag in SHARED_FLAGS:
        if _dest(flag) in given:
            if flag.name in options:
                raise OptionError(f"--{flag.name} and {flag.typed} exclude each other.")
            options[flag.name] = given[_dest(flag)]
    for flag, formats in _single_flags():
        if _dest(flag) in given:
            if arguments.format not in formats:
                raise OptionError(f"{flag.typed} is an option of {' and '.join(formats)}.")
            options[flag.name] = given[_dest(flag)]
    return options


def _tell(report: ExportReport, out: Path) -> Exit:
    for warning in report.warnings:
        print(f"samframe: {warning}", file=sys.stderr)
    left_out = report.rows_left_out
    if left_out:
        print(f"samframe: {len(left_out):,} rows are left out:", file=sys.stderr)
        for row, reason in left_out[:_SHOWN_ROWS]:
            print(f"  Row {row}: {' '.join(reason.split())}", file=sys.stderr)
        if len(left_out) > _SHOWN_ROWS:
            print(f"  ... and {len(left_out) - _SHOWN_ROWS:,} more, in fidelity.json", file=sys.stderr)
    print(report.headline)
    print(f"wrote {out}")
    return Exit.ROWS_FAILED if left_out else Exit.DONE
