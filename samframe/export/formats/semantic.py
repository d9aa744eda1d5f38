"""Semantic masks: one indexed PNG an image, its palette, and the list of labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from samframe.errors import MaskError
from samframe.export.flags import Flag
from samframe.export.formats.label_map import (
    OVERLAPS,
    Overlap,
    by_image,
    check_overlap,
    class_values,
    encode_label_map,
    label_map,
    palette,
    read_label_map,
    visible_share,
)
from samframe.export.formats.registry import Format
from samframe.export.formats.shelf import refuse_url
from samframe.export.formats.training_set import training_set
from samframe.export.splits import ExportCall, ExportOptions
from samframe.ground.signature import with_options

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from samframe.export.report import ExportReport

__all__ = ["FORMAT", "to_semantic"]

_BACKGROUND = "background"


@with_options(ExportCall)
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
    check_overlap(overlap, call.listed or ())
    with training_set(source, folder, call, "semantic", refuse=refuse_url) as (work, root, lines):
        values = class_values(work.members, overlap=overlap)
        images, masks = (
            {split: root / kind / name for split, name in work.names.items()} for kind in ("images", "masks")
        )
        for path in masks.values():
            path.mkdir(parents=True)
        shelf = work.shelf(images)
        for rows in by_image(work.rows()):
            placed, _ = shelf.place(rows[-1])
            found = _write_map(
                masks[rows[0].split] / f"{placed.stem}.png", label_map(rows, values, overlap=overlap)
            )
            for row in rows:
                share = visible_share(row, values, found)
                work.fidelity.add(row.record.position, share)
                lines.add(
                    row,
                    placed,
                    mask=f"{placed.stem}.png",
                    category=work.category(row),
                    iou=round(share, 6),
                )
        _write_labels(root, dict(zip(values, work.members.categories, strict=True)))
    return work.report(folder)


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


def _write_labels(root: Path, categories: Mapping[int, str]) -> None:
    """Write the labels: JSON with the colours, and text in which line n, from 0, names label n."""
    names = {0: _BACKGROUND, **dict(sorted(categories.items()))}
    colours = palette().tolist()
    labels = [{"id": at, "name": name, "color": colours[at]} for at, name in names.items()]
    lines = ",\n".join(json.dumps(label) for label in labels)
    (root / "labels.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")
    text = "".join(f"{names.get(at, '')}\n" for at in range(max(names) + 1))
    (root / "labels.txt").write_text(text, encoding="utf-8")


FORMAT = Format(
    name="semantic",
    line="one indexed PNG an image, with labels.txt and labels.json",
    write=to_semantic,
    flags=(
        Flag(
            name="overlap",
            choices=OVERLAPS,
            help="of label maps: which mask is seen where several lie (default: smaller)",
        ),
    ),
)
