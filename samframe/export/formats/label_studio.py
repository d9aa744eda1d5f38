"""Label Studio: tasks with predictions to be reviewed, brushes or polygons, and the labelling interface for them."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from samframe._version import __version__
from samframe.errors import MaskError, OptionError
from samframe.export.files import Scratch
from samframe.export.flags import Flag
from samframe.export.formats.fidelity import likeness
from samframe.export.formats.label_map import palette
from samframe.export.formats.registry import Format
from samframe.export.formats.training_set import training_set
from samframe.export.outline import one_outline
from samframe.export.splits import ExportCall, ExportOptions
from samframe.ground.cells import is_missing
from samframe.ground.signature import with_options
from samframe.masks import Mask
from samframe.masks.brush import brush_mask, brush_rle

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.export.formats.folder import RowList
    from samframe.export.formats.shelf import Placed
    from samframe.export.formats.training_set import TrainingSet
    from samframe.export.report import ExportReport
    from samframe.export.splits import Member

__all__ = ["FORMAT", "to_label_studio"]

_KINDS = ("brush", "polygon")
_SCORE = "score"
_EMPTY = "the mask is empty: its image is a task without a region"


@with_options(ExportCall)
def to_label_studio(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    regions: Literal["brush", "polygon"] = "brush",
    images: Literal["copy", "reference"] = "copy",
    url_prefix: str = "/data/local-files/?d=images/",
    from_name: str = "label",
    model_version: str = f"samframe {__version__}",
    score_col: Hashable | None = _SCORE,
    **options: Unpack[ExportOptions],
) -> ExportReport:
    """Write tasks for Label Studio with the masks as predictions: ``tasks.json``, ``label_config.xml``, ``images/``.

    A project with the labelling interface of ``label_config.xml`` imports ``tasks.json``; reviewers accept or correct
    what is predicted, and :func:`samframe.read_label_studio` reads the result. One task an image, in the order in which
    their last rows come. Brushes are exact; a polygon is one ring a component, its holes keyholed.

    Parameters
    ----------
    source : DataFrame or path
        A frame with masks, a Parquet file, or a dataset's folder.
    folder : path
        Appears whole or not at all. An earlier export of a training set is replaced, anything else refused.
    regions : {"brush", "polygon"}
        Run lengths of a brush, or polygons in percent of the image.
    images : {"copy", "reference"}
        Copy images to ``images/``, or name them only, by their paths as the frame has them. A URL stays a URL.
    url_prefix : str
        What stands before an image's name in a task. The default is for Label Studio's local storage with the folder
        as its document root; where another server has the images, it is that server's address.
    from_name : str
        Name of the control tag in the labelling interface.
    model_version : str
        What predictions are called.
    score_col : column name or None
        Column of scores; where there is no column ``score``, regions have none.
    **options
        See :class:`samframe.export.ExportOptions`. Splits are told in each task's ``data``.

    Returns
    -------
    ExportReport
        Also in ``fidelity.json``; ``rows.jsonl`` leads from regions back to rows.

    Raises
    ------
    OptionError
        If an option, a column or the folder is wrong, or no row can be exported.
    ImageError
        If an image changes meanwhile.
    OSError
        If the folder cannot be written.
    """
    call = ExportCall(**options)
    for name, value, known in (("regions", regions, _KINDS), ("images", images, ("copy", "reference"))):
        if value not in known:
            raise OptionError(f"{name} is {known[0]!r} or {known[1]!r}, not {value!r}.")
    extra = () if score_col is None else (score_col,)
    with training_set(source, folder, call, "label_studio", extra=extra) as (work, root, lines):
        tasks = _Tasks(work, regions=regions, from_name=from_name, model_version=model_version)
        tasks.write(root, lines, url_prefix=url_prefix, copy=images == "copy", score_col=score_col)
        config = _label_config(work.members.categories, regions=regions, from_name=from_name)
        (root / "label_config.xml").write_text(config, encoding="utf-8")
    return work.report(folder)


class _Tasks:
    """Writes ``tasks.json``: a task a line. Regions wait on disk for the last row of their image."""

    def __init__(self, work: TrainingSet, *, regions: str, from_name: str, model_version: str) -> None:
        self._work, self._from_name, self._model_version = work, from_name, model_version
        self._is_brush = regions == "brush"
        self._waiting = Scratch().map()

    def write(
        self, root: Path, lines: RowList, *, url_prefix: str, copy: bool, score_col: Hashable | None
    ) -> None:
        """Write all tasks, and read them back.

        Raises
        ------
        MaskError
            If what is read back is not what was written.
        """
        # All splits share a folder: an image that is in two is one file, and two tasks.
        places = dict.fromkeys(self._work.names, root / "images") if copy else None
        shelf = self._work.shelf(places)
        checksum = 0
        with (root / "tasks.json").open("w", encoding="ascii", newline="\n") as file:
            file.write("[")
            comma = "\n"
            for member in self._work.rows():
                placed, _ = shelf.place(member)
                found = [json.dumps(one) for one in self._regions(member, score_col)]
                at = f"{member.split}\0{member.image_key}"
                waiting = [*filter(None, str(self._waiting.get(at, "")).split("\n")), *found]
                category = self._work.category(member)
                lines.add(member, placed, category=category, region=str(member.record.annotation_id))
                if not member.is_last_of_image:
                    self._waiting[at] = "\n".join(waiting)
                    continue
                text = self._task(member, placed, waiting, url_prefix=url_prefix, copied=copy)
                checksum = zlib.crc32(text.encode("ascii"), checksum)
                file.write(comma + text)
                comma = ",\n"
            file.write("\n]\n")
        if _checksum(root / "tasks.json") != checksum:
            raise MaskError("tasks.json: what is read back is not what was written.")

    def _task(
        self, member: Member, placed: Placed, regions: Sequence[str], *, url_prefix: str, copied: bool
    ) -> str:
        picture = member.record.picture
        if picture is not None and picture.is_reference:
            url = str(member.record.image)
        else:
            name = placed.name if copied else placed.source or placed.name
            url = url_prefix + quote(name, errors="surrogatepass")
        results = [json.loads(text) for text in regions]
        scores = [one[_SCORE] for one in results if _SCORE in one]
        prediction: dict[str, Any] = {"model_version": self._model_version, "result": results}
        if scores:
            prediction["score"] = sum(scores) / len(scores)
        data = {"image": url, "split": member.split, "source": placed.source}
        return json.dumps(
            {
                "data": {name: value for name, value in data.items() if value is not None},
                "predictions": [prediction],
            },
            separators=(",", ":"),
        )

    def _regions(self, member: Member, score_col: Hashable | None) -> Iterator[dict[str, Any]]:
        """Yield a row's regions, measured as they are read."""
        record, mask = member.record, member.record.mask
        if mask is None or member.is_negative:
            self._work.left_out.append((record.position, _EMPTY))
            return
        height, width = mask.size_hw
        tag = "brushlabels" if self._is_brush else "polygonlabels"
        shared: dict[str, Any] = {
            "type": tag,
            "from_name": self._from_name,
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
        }
        score = record.cells.get(score_col) if score_col is not None else None
        if not is_missing(score):
            shared[_SCORE] = _number(score, record.position)
        elif score_col not in {None, _SCORE} and score_col not in record.cells:
            raise OptionError(f"There is no column {score_col!r}.")
        found = Mask.from_numpy(np.zeros(mask.size_hw, dtype=bool))
        for at, part in enumerate([mask] if self._is_brush else mask.components()):
            if self._is_brush:
                value: dict[str, Any] = {"format": "rle", "rle": brush_rle(part)}
                found = brush_mask(value["rle"], mask.size_hw)
            else:
                points = np.round(one_outline(part).ring * (100 / np.array([width, height])), 6)
                value = {"points": points.tolist(), "closed": True}
                found |= Mask.from_polygons([points * (np.array([width, height]) / 100)], mask.size_hw)
            value[tag] = [self._work.category(member)]
            name = f"{record.annotation_id}" + (f"-{at}" if at else "")
            yield {"id": name, **shared, "value": value}
        self._work.fidelity.add(record.position, likeness(mask, found))


def _number(score: Any, row: int) -> float:
    try:
        return float(score)
    except (TypeError, ValueError):
        raise OptionError(f"Row {row}: the score {score!r} is no number.") from None


def _checksum(path: Path) -> int:
    """Return the checksum of all tasks as they stand in the file."""
    found = 0
    with path.open(encoding="ascii") as file:
        for line in file:
            text = line.rstrip("\n").removesuffix(",")
            if text not in {"[", "]", ""}:
                found = zlib.crc32(text.encode("ascii"), found)
    return found


def _label_config(categories: Sequence[str], *, regions: str, from_name: str) -> str:
    """Return the labelling interface: an image, and a control with all categories."""
    tag = "BrushLabels" if regions == "brush" else "PolygonLabels"
    colours = palette()
    labels = [
        f'    <Label value={quoteattr(name)} background="#{bytes(colours[1 + at % 255]).hex()}"/>'
        for at, name in enumerate(categories)
    ]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true"/>',
            f'  <{tag} name={quoteattr(from_name)} toName="image">',
            *labels,
            f"  </{tag}>",
            "</View>",
            "",
        ]
    )


FORMAT = Format(
    name="label_studio",
    line="tasks with the masks as predictions, to be reviewed: exact brushes, or polygons",
    write=to_label_studio,
    flags=(
        Flag(name="regions", choices=_KINDS, help="run lengths of a brush, or polygons"),
        Flag(name="images", choices=("copy", "reference"), help="copy images, or name them only"),
        Flag(name="url_prefix", metavar="URL", help="what stands before an image's name in a task"),
    ),
)
