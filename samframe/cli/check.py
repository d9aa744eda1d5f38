"""``samframe check``: one job that shows what the service does, or a SAM of one's own on two photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.cli.local_models import check_no_local_options
from samframe.cli.local_models.check import add_local_arguments, run_local
from samframe.frame import check, plan_check
from samframe.segmind import Client

__all__ = ["add_command"]

_DESCRIPTION = """\
Send ONE job over a bundled photograph and report what the service really does: form, size and host of the output, form
of ids, times, bill, rate limit, history, upload. It goes through the ledger: a second check costs nothing. Without
--yes the price is shown and nothing is sent. With --local, weights on this machine are tried on two photographs, free.
"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "check",
        help="one job that shows what the service does; or --local: try a SAM of your own",
        description=_DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = parser.add_argument_group("the hosted service")
    group.add_argument("--yes", action="store_true", help="agree to pay for the job")
    group.add_argument("--json", type=Path, metavar="FILE", help="write the report, without secrets")
    group.add_argument("--model", default="sam-v2-image", metavar="SLUG", help="default: %(default)s")
    group.add_argument("--refresh", action="store_true", help="pay for another job though one is stored")
    group.add_argument(
        "--base-url", metavar="URL", help="another address of the API (default: SEGMIND_BASE_URL)"
    )
    group.add_argument(
        "--allow-host", action="append", default=[], metavar="HOST",
        help="a further host that the output may be downloaded from",
    )  # fmt: skip
    group.add_argument(
        "--store", type=Path, metavar="DIR", help="folder of the ledger (default: SAMFRAME_STORE)"
    )
    add_local_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Check."""
    if arguments.local is not None:
        return Exit.DONE if run_local(arguments) else Exit.ROWS_FAILED
    check_no_local_options(arguments, "--local")
    client = Client(
        base_url=arguments.base_url, allowed_hosts=arguments.allow_host, keyless=not arguments.yes
    )
    options = {
        "client": client, "model": arguments.model, "store": arguments.store, "refresh": arguments.refresh,
    }  # fmt: skip
    print(plan_check(**options), file=sys.stderr)
    if not arguments.yes:
        print("samframe: nothing was sent. Add --yes to agree.", file=sys.stderr)
        return Exit.USAGE
    report = check(yes=True, **options)
    print(report)
    if arguments.json is not None:
        report.to_json(arguments.json)
        print(f"wrote {arguments.json}")
    return Exit.DONE if report.is_read else Exit.ROWS_FAILED
