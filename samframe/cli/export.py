"""``samframe export``: a dataset or a Parquet file with masks in, a training set out."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.errors import OptionError
from samframe.export import to_coco, to_huggingface, to_semantic, to_yolo

if TYPE_CHECKING:
    from samframe.export import ExportReport

__all__ = ["add_command"]

_SHOWN_ROWS = 5
_WRITERS: dict[str, Any] = {"coco": to_coco, "yolo": to_yolo, "hf": to_huggingface, "semantic": to_semantic}
#: Options of one format, and which ones.
_OWN = {
    "instances": ("coco",),
    "polygons": ("coco",),
    "images": ("coco",),
    "min_iou": ("yolo",),
    "task": ("hf",),
    "overlap": ("hf", "semantic"),
}

_DESCRIPTION = """\
Write a training set from a dataset's folder or a Parquet file with masks. The output is read back, and the last line
says how well it holds what went in; fidelity.json in the folder says it row by row. Nothing is sent, nothing costs.
"""

_EPILOG = f"""\
formats:
  coco      instances as compressed RLE: exact, with holes and parts
  yolo      one outline an object: parts are bridged, holes keyholed, the loss is measured
  hf        Parquet that datasets.load_dataset reads: exact, one row a mask (or an image, with --task semantic)
  semantic  one indexed PNG an image, with labels.txt and labels.json

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
        help="write a training set: COCO, YOLO, Hugging Face, semantic PNGs (free)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", metavar="DATASET", help="a dataset's folder or a .parquet file")
    parser.add_argument("--format", required=True, choices=list(_WRITERS), help="see below")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help="folder to make; an earlier training set there is replaced, anything else is refused",
    )  # fmt: skip
    _add_splits(parser.add_argument_group("splits"))
    _add_columns(parser.add_argument_group("columns and images"))
    _add_formats(parser.add_argument_group("options of single formats"))
    parser.add_argument(
        "--no-overwrite", action="store_true", help="refuse to replace an earlier training set"
    )
    parser.set_defaults(run=run)


def _add_splits(group: Any) -> None:
    group.add_argument(
        "--split", type=_fractions, metavar="NAME=SHARE,...",
        help="fractions of the rows, such as train=.8,val=.2; images, near-duplicates and groups stay together",
    )  # fmt: skip
    group.add_argument(
        "--split-col", metavar="COL", help="a column with each row's split, in place of --split"
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one is another draw (default: 0)"
    )
    group.add_argument("--stratify", metavar="COL", help="divide each value of this column by the fractions")
    group.add_argument("--group", metavar="COL", help="rows of one value never straddle splits")
    group.add_argument(
        "--near-duplicates", type=_bits, default=6, metavar="BITS",
        help="of 63 bits, how many near-duplicates' hashes may differ in; none compares bytes only (default: 6)",
    )  # fmt: skip


def _add_columns(group: Any) -> None:
    group.add_argument("--category", metavar="COL", help="categories (default: the prompts, in lower case)")
    group.add_argument("--image", default="image", metavar="COL", help="images (default: %(default)s)")
    group.add_argument("--prompt", default="prompt", metavar="COL", help="prompts (default: %(default)s)")
    group.add_argument("--mask", default="mask", metavar="COL", help="masks (default: %(default)s)")
    group.add_argument("--image-root", type=Path, metavar="DIR", help="refuse images outside this folder")
    group.add_argument(
        "--absolute-paths", action="store_true", help="tell absolute image paths in the output"
    )
    group.add_argument(
        "--quote-formulas", action="store_true",
        help="an apostrophe before categories, labels and sources that a spreadsheet would calculate",
    )  # fmt: skip


def _add_formats(group: Any) -> None:
    group.add_argument(
        "--instances", choices=["mask", "components"], help="coco: one annotation a mask, or one a component"
    )
    group.add_argument(
        "--polygons", action="store_true", default=None, help="coco: polygons in place of compressed RLE"
    )
    group.add_argument("--images", choices=["copy", "reference"], help="coco: copy images, or name them only")
    group.add_argument(
        "--min-iou", type=float, metavar="IOU", help="yolo: leave rows out that it says worse (default: 0.9)"
    )
    group.add_argument("--task", choices=["instance", "semantic"], help="hf: one row a mask, or one an image")
    group.add_argument(
        "--overlap", choices=["smaller", "larger", "last", "first"],
        help="semantic: which mask is seen where several lie (default: smaller)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> Exit:
    """Write, and say what became of the rows."""
    options = _options(arguments)
    is_file = arguments.dataset.lower().endswith((".parquet", ".pq")) and "://" not in arguments.dataset
    source = str(Path(arguments.dataset).absolute()) if is_file else arguments.dataset
    out = arguments.out.absolute()
    # As for `samframe segment`, relative images start at the table's folder.
    where = Path(source).parent if is_file and Path(source).parent.is_dir() else Path.cwd()
    with contextlib.chdir(where):
        report = _WRITERS[arguments.format](source, out, **options)
    return _tell(report, arguments.out)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.split is not None and arguments.split_col is not None:
        raise OptionError("--split and --split-col exclude each other.")
    root = arguments.image_root
    options: dict[str, Any] = {
        "split": arguments.split if arguments.split is not None else arguments.split_col,
        "seed": arguments.seed,
        "stratify": arguments.stratify,
        "group": arguments.group,
        "near_duplicates": arguments.near_duplicates,
        "category_col": arguments.category,
        "image_col": arguments.image,
        "prompt_col": arguments.prompt,
        "mask_col": arguments.mask,
        "image_root": root.absolute() if root is not None else None,
        "paths": "absolute" if arguments.absolute_paths else "relative",
        "quote_formulas": arguments.quote_formulas,
        "overwrite": not arguments.no_overwrite,
    }
    for name, formats in _OWN.items():
        value = getattr(arguments, name)
        if value is None:
            continue
        if arguments.format not in formats:
            raise OptionError(f"--{name.replace('_', '-')} is an option of {' and '.join(formats)}.")
        options[name] = value
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
    print(report)
    print(f"wrote {out}")
    return Exit.ROWS_FAILED if left_out else Exit.DONE


def _fractions(text: str) -> dict[str, float]:
    """Return ``train=.8,val=.2`` as a mapping."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not equals or not name.strip() or name.strip() in found or math.isnan(value):
            raise argparse.ArgumentTypeError(f"{part!r} is no part of a split such as train=.8,val=.2")
        found[name.strip()] = value
    return found


def _bits(text: str) -> int | None:
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of bits nor none") from None
