"""``samframe export-onnx``: SAM 2 for machines without PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.cli.exit import Exit

if TYPE_CHECKING:
    import argparse

__all__ = ["add_command"]

_DESCRIPTION = """\
Write a SAM 2 as ONNX, where PyTorch is. samframe.local(FOLDER), samframe serve --engine sam --weights FOLDER and
samframe segment --local FOLDER then run it with onnxruntime alone, at a tenth of the installed size and, on a CPU, in
about two thirds of the time. Points and boxes; words need PyTorch.
"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "export-onnx", help="write a SAM 2 for machines without PyTorch", description=_DESCRIPTION
    )
    parser.add_argument(
        "model", metavar="PATH_OR_ID", help="a folder of SAM 2, or an id of the Hugging Face hub"
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the files go; a new folder")
    parser.add_argument("--download", action="store_true", help="fetch weights from the hub, once")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Export."""
    from samframe.server.engines.sam import export_onnx  # noqa: PLC0415 - it loads PyTorch

    folder = export_onnx(arguments.model, arguments.folder, download=arguments.download, announce=_progress)
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"{folder}: {megabytes:.0f} MB. Use it with samframe.local({str(folder)!r}).")
    return Exit.DONE


def _progress(text: str) -> None:
    print(f"samframe: {text} ...", file=sys.stderr, flush=True)
