"""The command's parser, and the one place where an error becomes a line on stderr and an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from samframe._version import __version__
from samframe.cli import (
    check as _check,
)
from samframe.cli import (
    credits as _credits,
)
from samframe.cli import (
    demo as _demo,
)
from samframe.cli import (
    export as _export,
)
from samframe.cli import (
    ledger as _ledger,
)
from samframe.cli import (
    segment as _segment,
)
from samframe.cli import (
    serve as _serve,
)
from samframe.cli import (
    verify as _verify,
)
from samframe.cli.exit import EXIT_CODES, Exit, exit_for
from samframe.cli.local_models import onnx as _export_onnx
from samframe.cli.printing import print_anything
from samframe.errors import SamframeError
from samframe.ground.cells import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Segment the images of a table with Segmind's hosted SAM 2. A job that is paid for is never paid for twice: every one is
in a ledger, and a command that is run again goes on where the last one ended.
"""

_EPILOG = f"""\
examples:
  samframe demo                                      try it, without a key and without a network
  samframe segment photos.csv --image path --prompt what --out masks.parquet --dry-run
                                                     what it would cost; nothing is sent
  samframe segment photos.csv --image path --prompt what --out masks.parquet --max-cost 5

environment:
  SEGMIND_API_KEY    your key, from https://cloud.segmind.com/console/api-keys. There is no option for it: other
                     users of a machine can read the options of a running command.
  SEGMIND_BASE_URL   another address of the API, for example that of `samframe serve`
  SAMFRAME_STORE     folder of the ledger and of the masks that are paid for (default: your data folder)

{EXIT_CODES}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    int
        The exit status, as ``samframe --help`` lists them.

    Raises
    ------
    SystemExit
        From argparse: 0 after ``--help``, ``--version`` and ``--versions``, 2 for arguments that it does not take.
    """
    print_anything()
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt as error:
        _complain(str(error) or "samframe: interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has gone. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except (SamframeError, OSError) as error:
        _complain(f"samframe: {error}")
        return exit_for(error)


class _Versions(argparse.Action):
    """Prints all versions and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from samframe._versions import show_versions  # noqa: PLC0415 - asks every package

        show_versions()
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="samframe",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"samframe {__version__}")
    parser.add_argument("--versions", action=_Versions, nargs=0, help="what a bug report needs")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (_demo, _segment, _serve, _credits, _ledger, _export, _export_onnx, _check, _verify):
        module.add_command(commands)
    return parser


def _complain(text: str) -> None:
    sys.stdout.flush()
    print(one_line(text), file=sys.stderr)
