"""Semantic masks: one indexed PNG an image, its palette, and the list of labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from samframe.errors import MaskError
from samframe.export.formats.fidelity import Fidelity
from samframe.export.formats.label_map import (
    Overlap,
    by_image,
    check_overlap,
    encode_label_map,
    label_map,
    palette,
    read_label_map,
    visible_share,
)
from samframe.export.formats.shelf import RowList, Shelf, export_folder, refuse_url, save_report, split_names
from samframe.export.splits import ExportCall, ExportOptions, find_members, iter_members, shows_options

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.export.report import ExportReport

__all__ = ["to_semantic"]

_BACKGROUND = "background"


@shows_options
def to_semantic(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    overlap: Overlap = "smaller",
    **options: Unpack[ExportOptions],
) -> ExportReport:
    """Write semantic masks: ``images/SPLIT/``, ``masks/SPLIT/``, ``labels.json``, ``labels.txt``.

    A mask is an indexed PNG in Pascal VOC's palette: pixel value 0 is background, 1 the first category. Image and mask
    share their stem. A map has one number a pixel, so it cannot tell objects of one category apart, and where masks
    lie over each other one is seen; the report tells how much of each row is.

    Parameters
    ----------
    source : DataFrame or path
        A frame with masks, a Parquet file, or a dataset's folder.
    folder : path
        Appears whole or not at all. An earlier export of a training set is replaced, anything else refused.
    overlap : {"smaller", "larger", "last", "first"}
        Which mask is seen where several lie: the smaller or the larger one, or that of the last or the first row.
    **options
        See :class:`samframe.export.ExportOptions`.

    Returns
    -------
    ExportReport
        Also in ``fidelity.json``; ``rows.jsonl`` leads from images back to rows.

    Raises
    ------
    OptionError
        If an option, a column or the folder is wrong, there are more than 255 categories, or no row can be exported.
    ImageError
        If an image changes meanwhile.
    OSError
        If the folder cannot be written.
    """
    call = ExportCall(**options)
    check_overlap(overlap, call.categories or ())
    with export_folder(folder, overwrite=call.overwrite) as root:
        members = find_members(source, call, refuse=refuse_url)
        check_overlap(overlap, members.categories)
        names = split_names(members.splits)
        images, masks = (
            {split: root / kind / name for split, name in names.items()} for kind in ("images", "masks")
        )
        for path in (*images.values(), *masks.values()):
            path.mkdir(parents=True)
        shelf, fidelity = Shelf(images, paths=call.paths), Fidelity()
        with RowList(root, call) as lines:
            for rows in by_image(iter_members(source, call, members)):
                placed, _ = shelf.place(rows[-1])
                found = _write_map(
                    masks[rows[0].split] / f"{placed.stem}.png", label_map(rows, overlap=overlap)
                )
                for row in rows:
                    share = visible_share(row, found)
                    fidelity.add(row.record.position, share)
                    category = members.categories[row.category]
                    lines.add(row, placed, mask=f"{placed.stem}.png", category=category, iou=round(share, 6))
        _write_labels(root, members.categories)
        report = fidelity.report(folder, "semantic", left_out=members.left_out, warnings=members.warnings)
        save_report(root, report, call)
    return report


def _write_map(path: Path, made: Any) -> Any:
    """Write a label map and return it as it is read back.

    Raises
    ------
    MaskError
        If it is another one.
    """
    path.write_bytes(encode_label_map(made, coloured=True))
    found = read_label_map(path.read_bytes())
    if not np.array_equal(found, made):
        raise MaskError(f"{path.name}: the label map read back is not the one that was written.")
    return found


def _write_labels(root: Path, categories: Sequence[str]) -> None:
    """Write the labels: JSON with the colours, and text in which line n, from 0, names label n."""
    names = [_BACKGROUND, *categories]
    colours = palette()[: len(names)].tolist()
    labels = [{"id": at, "name": name, "color": colours[at]} for at, name in enumerate(names)]
    lines = ",\n".join(json.dumps(label) for label in labels)
    (root / "labels.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")
    (root / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
