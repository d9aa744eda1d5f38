"""YOLO segmentation: one outline an object, measured as a trainer will read it."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Unpack

import numpy as np

from samframe.errors import MaskError, OptionError
from samframe.export.files import Scratch
from samframe.export.flags import Flag
from samframe.export.formats.fidelity import likeness
from samframe.export.formats.registry import Format
from samframe.export.formats.shelf import refuse_url
from samframe.export.formats.training_set import training_set
from samframe.export.outline import fill_outline, one_outline
from samframe.export.splits import ExportCall, ExportOptions
from samframe.ground.signature import with_options

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from samframe.export.formats.folder import RowList
    from samframe.export.formats.shelf import Placed
    from samframe.export.formats.training_set import TrainingSet
    from samframe.export.report import ExportReport
    from samframe.export.splits import Member
    from samframe.masks import Mask

__all__ = ["FORMAT", "to_yolo", "yolo_line", "yolo_mask"]

#: Digits after the point: a tenth of a pixel at 100,000 pixels a side.
_DIGITS = 6
#: Lines of one image that are written at once.
_MOST_WAITING = 256
#: Plain numbers, one blank apart: what a writer of YOLO's writes, and what NumPy reads at once.
_PLAIN_NUMBERS = re.compile(r"\d+(?:\.\d+)?(?: \d+(?:\.\d+)?)*")


@with_options(ExportCall)
def to_yolo(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    min_iou: float = 0.9,
    **options: Unpack[ExportOptions],
) -> ExportReport:
    """Write a YOLO segmentation dataset: ``images/SPLIT/``, ``labels/SPLIT/``, ``data.yaml``.

    YOLO's labels are one ring an object and know neither holes nor parts. A hole is reached through a cut of no width,
    which loses nothing; parts are joined by lines of one pixel, and parts smaller than the line to them are left out.
    Each row's IoU is measured on the text that is written, as ultralytics reads it.

    Parameters
    ----------
    source : DataFrame or path
        A frame with masks, a Parquet file, or a dataset's folder.
    folder : path
        Appears whole or not at all. An earlier export of a training set is replaced, anything else refused.
    min_iou : float
        Rows that cannot be said this well are left out and listed in the report; 0 writes all.
    **options
        See :class:`samframe.export.ExportOptions`.

    Returns
    -------
    ExportReport
        Also in ``fidelity.json``; ``rows.jsonl`` leads from images and lines back to rows.

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
    if isinstance(min_iou, bool) or not isinstance(min_iou, int | float) or not 0 <= min_iou <= 1:
        raise OptionError(f"min_iou is a number from 0 to 1, not {min_iou!r}.")
    with training_set(source, folder, call, "yolo", refuse=refuse_url) as (work, root, lines):
        names = work.members.ordered_names("YOLO")
        writer = _Writer(work, root)
        for member in work.rows():
            writer.write(member, lines, min_iou=min_iou)
        if not work.fidelity.rows:
            raise OptionError(f"No row can be exported. Row {work.left_out[0][0]}: {work.left_out[0][1]}.")
        writer.check_labels()
        (root / "data.yaml").write_text(_data_yaml(work.names, names), encoding="utf-8")
        work.warnings += writer.warnings()
    return work.report(folder)


def yolo_line(mask: Mask, category: int) -> str:
    """Return a mask as a line of a YOLO label file: class, then ``x y`` as shares of width and height.

    Parameters
    ----------
    mask : Mask
        Not empty.
    category : int
        From 0.
    """
    height, width = mask.size_hw
    return f"{category} {_text_of_shares((one_outline(mask).ring / (width, height)).ravel())}"


def _text_of_shares(shares: NDArray[np.float64]) -> str:
    """Return shares from 0 to 1 as text, without zeros at the end: ``0.25 0.5``.

    The letters of all are made at once: a number at a time this took most of the time of an export.
    """
    millionths = np.rint(shares * 10**_DIGITS).astype(np.int64)
    letters = np.empty((len(millionths), _DIGITS + 3), dtype=np.uint8)
    letters[:, 0] = millionths // 10**_DIGITS
    rest = millionths.astype(np.int32)
    for at in range(_DIGITS + 1, 1, -1):
        letters[:, at] = rest % 10
        rest //= 10
    # A digit stays where it or one behind it is not 0, the point where any digit does.
    is_kept = np.ones(letters.shape, dtype=bool)
    is_kept[:, 2:-1] = np.logical_or.accumulate(letters[:, -2:1:-1] > 0, axis=1)[:, ::-1]
    is_kept[:, 1] = is_kept[:, 2]
    letters += ord("0")
    letters[:, 1], letters[:, -1] = ord("."), ord(" ")
    return letters[is_kept].tobytes().decode("ascii").rstrip(" ")


def yolo_mask(line: str, size_hw: tuple[int, int]) -> Mask:
    """Return the mask that ultralytics makes of a label's line, at the image's size.

    Parameters
    ----------
    line : str
        Class, then ``x y`` as shares of width and height.
    size_hw : (int, int)
        Height and width of the image in pixels.

    Raises
    ------
    MaskError
        If the line is none.
    """
    try:
        # float32 as in ultralytics' verify_image_label: what is lost there is lost here.
        shares = _shares_of_text(line.partition(" ")[2]).astype(np.float32).reshape(-1, 2)
    except ValueError:
        raise MaskError(f"not a line of YOLO segmentation: {line[:40]!r}") from None
    return fill_outline(shares * np.array(size_hw[::-1], dtype=np.float32), size_hw)


def _shares_of_text(text: str) -> NDArray[np.float64]:
    """Return the numbers of a text, float64 of shape (n,).

    Raises
    ------
    ValueError
        If a word is none.
    """
    if text.isascii() and _PLAIN_NUMBERS.fullmatch(text):
        return np.fromstring(text, dtype=np.float64, sep=" ")
    return np.array(text.split(), dtype=np.float64)


class _Labels:
    """The files of labels, one an image. Rows of an image mostly stand together: theirs are written at once.

    Parameters
    ----------
    folders : mapping of str to Path
        Where those of each split go.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders
        for path in folders.values():
            path.mkdir(parents=True)
        self._written = Scratch().map()
        self._at, self._waiting = ("", ""), list[bytes]()
        self._number = self._checksum = 0

    def begin(self, split: str, stem: str) -> None:
        """Make the file of an image."""
        self._path(split, stem).touch()

    def add(self, split: str, stem: str, line: bytes) -> int:
        """Add a line to the file of an image, and return its number."""
        if self._at != (split, stem) or len(self._waiting) >= _MOST_WAITING:
            self._flush()
            self._at = split, stem
            self._number, self._checksum = self._known(split, stem)
        self._waiting.append(line)
        self._checksum = zlib.crc32(line, self._checksum)
        self._number += 1
        return self._number - 1

    def check(self) -> int:
        """Read all files anew, and return how many there are.

        Raises
        ------
        MaskError
            If one is not what was measured.
        """
        self._flush()
        n_files = 0
        for split, folder in self._folders.items():
            for path in folder.iterdir():
                n_files += 1
                if zlib.crc32(path.read_bytes()) != self._known(split, path.stem)[1]:
                    raise MaskError(f"{path.name}: the labels read back are not those that were written.")
        return n_files

    def _flush(self) -> None:
        if self._waiting:
            split, stem = self._at
            with self._path(split, stem).open("ab") as file:
                file.write(b"".join(self._waiting))
            self._waiting.clear()
            self._written[f"{split}\0{stem}"] = f"{self._number} {self._checksum}"

    def _known(self, split: str, stem: str) -> tuple[int, int]:
        """Return how many lines a file has, and their checksum."""
        number, checksum = str(self._written.get(f"{split}\0{stem}", "0 0")).split()
        return int(number), int(checksum)

    def _path(self, split: str, stem: str) -> Path:
        return self._folders[split] / f"{stem}.txt"


class _Writer:
    """Writes images and labels, and keeps what the report tells."""

    def __init__(self, work: TrainingSet, root: Path) -> None:
        self._labels = _Labels({split: root / "labels" / name for split, name in work.names.items()})
        self._shelf = work.shelf({split: root / "images" / name for split, name in work.names.items()})
        self._numbers = work.members.class_numbers(first=0)
        self._work = work
        self._n_images = self._n_below = 0

    def write(self, member: Member, lines: RowList, *, min_iou: float) -> None:
        """Write a row's label and, once, its image; a row with an empty mask gives the image alone."""
        mask, position = member.record.mask, member.record.position
        if mask is None or member.is_negative:
            self._place(member)
            self._work.left_out.append((position, "the mask is empty: its image is there without a label"))
            return
        line = yolo_line(mask, self._numbers[member.category])
        iou = likeness(mask, yolo_mask(line, mask.size_hw))
        if iou < min_iou:
            self._n_below += 1
            self._work.left_out.append(
                (
                    position,
                    f"the outline has IoU {iou:.3f} with the mask, less than min_iou={min_iou:g}",
                )
            )
            return
        placed = self._place(member)
        number = self._labels.add(member.split, placed.stem, f"{line}\n".encode("ascii"))
        lines.add(member, placed, line=number, category=self._work.category(member), iou=round(iou, 6))
        self._work.fidelity.add(position, iou)

    def _place(self, member: Member) -> Placed:
        """Return the place of a row's image; a new one gets its file of labels."""
        placed, is_new = self._shelf.place(member)
        if is_new:
            self._labels.begin(member.split, placed.stem)
            self._n_images += 1
        return placed

    def check_labels(self) -> None:
        """Read all labels anew.

        Raises
        ------
        MaskError
            If one is not what was measured.
        """
        n_files = self._labels.check()
        if n_files != self._n_images:
            raise MaskError(f"{n_files:,} label files were read back, {self._n_images:,} written.")

    def warnings(self) -> list[str]:
        """Return what the reader of the output should know."""
        found = []
        if self._n_below:
            found.append(
                f"{self._n_below:,} rows are below min_iou and left out; their images, where other rows show them, "
                "are there with the object unlabelled."
            )
        if "val" not in self._work.names:
            found.append(
                'There is no split "val", which trainers ask for: data.yaml names another one in its place.'
            )
        return found


def _data_yaml(names: dict[str, str], categories: Sequence[str]) -> str:
    """Return data.yaml. It names no folder of its own: readers then take the one that it lies in."""
    first = next(iter(names.values()))
    folders = {
        "train": names.get("train", first),
        "val": names.get("val", names.get("train", first)),
        **names,
    }
    lines = [f"{_quoted(split)}: {_quoted(f'images/{name}')}" for split, name in folders.items()]
    lines += ["", "names:", *(f"  {at}: {_quoted(name)}" for at, name in enumerate(categories))]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a text as YAML reads it: plain where it is a plain word, else quoted as in JSON, which YAML takes too."""
    is_plain = text.isascii() and text.replace("/", "").isalpha()
    is_word = text.lower() not in {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    return text if is_plain and is_word else json.dumps(text, ensure_ascii=False)


FORMAT = Format(
    name="yolo",
    line="one outline an object: parts are bridged, holes keyholed, the loss is measured",
    write=to_yolo,
    flags=(
        Flag(
            name="min_iou", kind=float, metavar="IOU", help="leave rows out that it says worse (default: 0.9)"
        ),
    ),
)
