"""``samframe verify``: reads a dataset again and names what is not as it was written."""

from __future__ import annotations

import argparse
from typing import Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.export import verify

__all__ = ["add_command"]


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "verify",
        help="read a dataset again and name what differs (free)",
        description="Read every file of a dataset again and compare it with the manifest: what is damaged, missing or "
        "surplus is named. Nothing is changed.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "dataset", metavar="DATASET", help="a dataset's folder, an fsspec URL, or a Parquet file"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Read, compare and print."""
    report = verify(arguments.dataset)
    print(report.to_json() if arguments.json else report, end="" if arguments.json else "\n")
    return Exit.DONE if report.ok else Exit.DIFFERS
