"""``samframe demo``: the main job from end to end, without a key and without a network."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from samframe.cli.demo_frame import DemoFrame, make_demo_frame
from samframe.cli.demo_notebook import open_notebook
from samframe.cli.exit import Exit
from samframe.errors import OptionError
from samframe.export import write_parquet
from samframe.frame import last_run, offline, segment
from samframe.ground.cells import one_line
from samframe.ground.contract import JOB_PRICE_USD
from samframe.jobs import RowStatus, format_usd
from samframe.segmind import Call

__all__ = ["add_command"]

_MOST_TILES = 24
_ERROR_LETTERS = 150

_DESCRIPTION = """\
Segment two photographs and some drawn scenes, end to end: over HTTP, by the API's own contract, through a
server in this process. No key, no network, no cost. Behind that server is a colour and texture region grower,
NOT SAM 2: what you see is how samframe works, not how well SAM 2 does. One row asks for something that is not
there, and must be refused.

Run it twice: the second run finds every mask in its ledger and sends nothing.
"""

_EPILOG = """\
It writes DIR/masks.parquet, DIR/gallery.png, DIR/images (what was segmented) and DIR/store (ledger and masks).
With --notebook it copies the notebooks and the two photographs into DIR instead, and opens the quickstart.

exit status: 0 where every row but the refused one has its mask, else 1
"""


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "demo",
        help="try it: no key, no network, no cost",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=7,
        metavar="N",
        help="drawn scenes; 4 questions about photographs and one that must be refused come besides (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samframe-demo"),
        metavar="DIR",
        help="folder (default: ./%(default)s)",
    )
    parser.add_argument(
        "--notebook",
        action="store_true",
        help="the same as a notebook: copy it into DIR and open it in JupyterLab",
    )
    parser.add_argument("--no-open", action="store_true", help="with --notebook: copy only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Make the frame, segment it, show and write what came of it."""
    if not 1 <= arguments.rows <= 1000:  # noqa: PLR2004 - as many scenes as there are seeds to report on
        raise OptionError(f"--rows is a number from 1 to 1000; it is {arguments.rows}.")
    folder: Path = arguments.out
    if arguments.notebook:
        return open_notebook(folder, is_opened=not arguments.no_open)
    demo = make_demo_frame(folder / "images", scenes=arguments.rows)
    with offline() as client:
        print(
            f"{len(demo.frame)} rows: {arguments.rows} drawn scenes, {len(demo.frame) - arguments.rows - 1} questions "
            f"about photographs, 1 that must be refused.\n"
            f"Segmented over HTTP on this machine by {client.identity}. It is NOT SAM 2.\n"
        )
        sys.stdout.flush()
        out = segment(
            demo.frame,
            "image",
            "prompt",
            coordinates_col="points",
            remove_coordinates_col="remove_points",
            client=client,
            store=folder / "store",
            details=True,
        )
    out = out.assign(iou=demo.iou(out["mask"]))
    print(_table(out, demo))
    print()
    print("\n".join(_summary(out, demo)))
    write_parquet(out, folder / "masks.parquet")
    _draw(out, demo, folder / "gallery.png")
    print("\n".join(_what_next(folder)))
    return Exit.DONE if demo.is_as_expected(out) else Exit.ROWS_FAILED


def _table(out: pd.DataFrame, demo: DemoFrame) -> str:
    table = pd.DataFrame(
        {
            "image": [Path(path).name for path in out["image"]],
            "asked for": demo.titles,
            "status": out["status"].astype(str),
            "mask": ["" if missing else f"{area:,} px" for missing, area in _areas(out["mask"])],
            "seconds": [_number(seconds, 2) for seconds in out["inference_time"]],
            "IoU": [_number(iou, 3) for iou in out["iou"]],
        }
    )
    widths = {name: max(len(name), *map(len, table[name])) for name in table}
    left = ("image", "asked for", "status")
    lines = [table.columns, *table.itertuples(index=False)]
    return "\n".join(
        "  ".join(
            cell.ljust(widths[name]) if name in left else cell.rjust(widths[name])
            for name, cell in zip(table.columns, line, strict=True)
        ).rstrip()
        for line in lines
    )


def _areas(masks: pd.Series) -> list[tuple[bool, Any]]:
    return list(zip(masks.isna(), masks.sam.area, strict=True))


def _number(value: Any, digits: int) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def _summary(out: pd.DataFrame, demo: DemoFrame) -> list[str]:
    completed = int((out["status"] == RowStatus.COMPLETED.value).sum())
    lines = [f"{completed} of {len(out)} rows have a mask."]
    refused = out["error"].iloc[demo.refused_row]
    if pd.isna(refused):
        lines.append(f"Row {demo.refused_row} asks for what is not there, and was NOT refused.")
    else:
        lines.append(f"Refused, as it must be: {one_line(str(refused), _ERROR_LETTERS)}")
    lines += [
        f"Without a mask: {one_line(str(out['error'].iloc[row]), _ERROR_LETTERS)}"
        for row in demo.unexpected(out)
    ]
    ious = out["iou"].dropna()
    if len(ious):
        lines.append(
            f"IoU against what was drawn: mean {ious.mean():.3f}, lowest {ious.min():.3f}, {len(ious)} scenes."
        )
    lines.append(_bill())
    return lines


def _bill() -> str:
    latest = last_run()
    progress = latest.progress if latest is not None else None
    if progress is None:
        return ""
    requests = sum(progress.calls.values())
    submits = progress.calls[Call.SUBMIT]
    spent = progress.budget.spent_text()
    if not requests:
        return f"Requests: 0. Cost: {spent}. Everything was in the ledger already."
    usual = format_usd(submits * JOB_PRICE_USD)
    return (
        f"Requests: {requests}, {submits} of them jobs. Cost: {spent}; "
        f"{submits} jobs of SAM 2 are about {usual}. {progress.seconds:.1f} s."
    )


def _draw(out: pd.DataFrame, demo: DemoFrame, path: Path) -> None:
    from samframe.ground.files import atomic_write  # noqa: PLC0415 - with its only user
    from samframe.plotting import plot_masks  # noqa: PLC0415 - matplotlib is heavy

    notes = [
        f"IoU {iou:.3f}"
        if not pd.isna(iou)
        else "refused: it is not there"
        if row == demo.refused_row
        else ""
        for row, iou in enumerate(out["iou"])
    ]
    axes = plot_masks(
        out,
        n=_MOST_TILES,
        titles=demo.titles,
        notes=notes,
        coordinates_col="points",
        remove_coordinates_col="remove_points",
    )
    with atomic_write(path) as temporary:
        axes[0].figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})


def _what_next(folder: Path) -> list[str]:
    return [
        f"Wrote {folder / 'gallery.png'} and {folder / 'masks.parquet'} (samframe.read_parquet gives the frame back).",
        f"Again:      samframe demo --out {shlex.quote(str(folder))}     sends nothing: all masks are in its ledger",
        "With SAM 2: set SEGMIND_API_KEY, then: samframe segment TABLE --image COL --prompt COL --out DIR --dry-run",
    ]
