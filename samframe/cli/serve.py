"""``samframe serve``: the API's contract on this machine, with the offline engine or the user's own SAM behind it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from samframe.cli.exit import Exit
from samframe.cli.local_models import add_local_options, check_no_local_options, local_options
from samframe.errors import OptionError
from samframe.ground.service_report import read_report

__all__ = ["add_command"]

_DESCRIPTION = """\
Serve Segmind's API contract on this machine: submit, poll, result, upload, credits, history. The masks come from
a colour and texture region grower, which is NOT SAM 2: it has learned nothing and names no objects. With --engine sam
they come from a SAM of your own: give its weights. Ctrl-C stops.
"""

_EPILOG = """\
examples:
  samframe serve --port 8200 --latency 1.7           a service about as fast as Segmind's
  samframe serve --engine sam --weights facebook/sam2.1-hiera-tiny --download
                                                     SAM 2 on this machine; the weights are fetched once
  SEGMIND_API_KEY=SG_0123456789abcdef SEGMIND_BASE_URL=http://127.0.0.1:8200 \\
      samframe segment photos.csv --image path --coordinates at --out masks.parquet

environment:
  SAMFRAME_SERVE_KEY  the one key that is let in; needed with an address that other machines can reach
"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "serve",
        help="serve the API's contract on this machine",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8200, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--workers", type=_count, default=2, metavar="N", help="jobs at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--latency",
        type=_amount,
        metavar="SECONDS",
        help="how long a job takes (default: as long as it needs)",
    )
    parser.add_argument(
        "--rate-limit", type=_count, metavar="N", help="requests a minute (default: no limit)"
    )
    parser.add_argument(
        "--price", type=_amount, default=0.0, metavar="USD", help="play money a job is charged (default: 0)"
    )
    parser.add_argument(
        "--credits",
        type=_amount,
        metavar="USD",
        help="play money in the account at the start (default: not counted)",
    )
    parser.add_argument(
        "--like", metavar="REPORT", help="answer as the service of a report of `samframe check --json` did"
    )
    model = parser.add_argument_group("a SAM on this machine (--engine sam)")
    model.add_argument(
        "--engine",
        default="offline",
        choices=["offline", "sam"],
        help="what makes the masks (default: %(default)s)",
    )
    model.add_argument(
        "--weights", metavar="PATH_OR_ID", help="a folder of SAM 2 or 3, or an id of the Hugging Face hub"
    )
    add_local_options(model)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C."""
    from samframe.server import ServerConfig, options_like, serve  # noqa: PLC0415 - starlette is heavy

    key = os.environ.get("SAMFRAME_SERVE_KEY", "").strip() or None
    engine = _engine(arguments)  # before the port is bound: who connects is answered at once
    told = {
        "latency_s": arguments.latency,
        "rate_limit": arguments.rate_limit,
        "price_usd": arguments.price or None,
    }
    options = options_like(read_report(arguments.like)) if arguments.like is not None else {}
    options |= {name: value for name, value in told.items() if value is not None}
    config = ServerConfig(
        engine=engine, workers=arguments.workers, credits_usd=arguments.credits, api_key=key, **options
    )
    try:
        serve(config, arguments.host, arguments.port, announce=_announce)
    except OptionError as error:
        hint = "" if key else " (SAMFRAME_SERVE_KEY holds the key of a server that others can reach)"
        raise OptionError(f"{error}{hint if 'key' in str(error) else ''}.") from None
    return Exit.DONE


def _engine(arguments: argparse.Namespace) -> Any:
    """Return the engine, loaded."""
    if arguments.engine == "offline":
        if arguments.weights is not None:
            raise OptionError("--weights goes with --engine sam.")
        check_no_local_options(arguments, "--engine sam")
        return "offline"
    if arguments.weights is None:
        raise OptionError(
            "--engine sam needs --weights: a folder of SAM 2 or 3, or an id of the Hugging Face hub."
        )
    from samframe.server.engines.sam import load_sam  # noqa: PLC0415 - it may load PyTorch

    return load_sam(arguments.weights, **local_options(arguments), announce=_progress)


def _progress(text: str) -> None:
    print(f"samframe: {text} ...", file=sys.stderr, flush=True)


def _announce(banner: str) -> None:
    print(banner)
    sys.stdout.flush()


def _port(text: str) -> int:
    number = _whole(text)
    if not 0 <= number <= 65535:  # noqa: PLR2004 - the highest port there is
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return number


def _count(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be 1 or more")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} must be 0 or more")
    return number
