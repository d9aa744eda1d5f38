"""The folder of a training set: which one may be replaced, the images in it, and the list of rows that leads back."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Self

from samframe._cells import without_folders
from samframe._files import atomic_folder
from samframe.errors import OptionError
from samframe.export.files import Scratch, fold_name, safe_name
from samframe.export.formats.fidelity import FIDELITY
from samframe.export.splits import Member, image_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from samframe.export.files import ScratchMap
    from samframe.export.report import ExportReport
    from samframe.export.rows import Picture, Record
    from samframe.export.splits import ExportCall

__all__ = [
    "Placed",
    "RowList",
    "Shelf",
    "export_folder",
    "file_of_picture",
    "number_of",
    "plain_label",
    "refuse_url",
    "save_report",
    "source_text",
    "split_names",
]

ROWS = "rows.jsonl"
_FORMATS = frozenset({"coco", "yolo", "huggingface", "semantic"})


@contextlib.contextmanager
def export_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `path` when the block ends well.

    Raises
    ------
    OptionError
        If something is there that is no earlier export of a training set, or one that is not to be replaced.
    """
    if "://" in os.fspath(path):
        raise OptionError(f"{os.fspath(path)}: training sets are written to folders of this machine.")
    target = Path(path).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        if not _is_export(target):
            raise OptionError(
                f"{os.fspath(path)} is there already and is no training set of samframe's: it is left as it is. "
                "Choose another folder."
            )
        if not overwrite:
            raise OptionError(f"{os.fspath(path)} holds an earlier export; overwrite=True replaces it.")
    with atomic_folder(target) as folder:
        yield folder


def save_report(root: Path, report: ExportReport, call: ExportCall) -> None:
    """Write ``fidelity.json``, by which a later export knows the folder as one of these."""
    if call.paths == "relative":
        report = without_machine(report)
    (root / FIDELITY).write_text(report.to_json(call.shown), encoding="ascii")


def without_machine(report: ExportReport) -> ExportReport:
    """Return a report whose messages tell no folder of this machine."""
    return replace(
        report,
        rows_left_out=tuple((row, without_folders(reason)) for row, reason in report.rows_left_out),
        warnings=tuple(map(without_folders, report.warnings)),
    )


def _is_export(target: Path) -> bool:
    try:
        facts = json.loads((target / FIDELITY).read_text(encoding="utf-8"))
        return facts["format"] in _FORMATS
    except (OSError, ValueError, KeyError, TypeError):
        return False


def split_names(splits: Sequence[str]) -> dict[str, str]:
    """Return for each split the name of its folder or file: that of the split where file systems take it."""
    taken: set[str] = {fold_name(name) for name in ("annotations", "data", FIDELITY, ROWS)}
    return {split: safe_name(split, taken=taken) for split in splits}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An image's place in the folder.

    Attributes
    ----------
    stem, suffix : str
        Name of the file within its folder.
    number : int
        The image's id, the same at the next export.
    size_hw : (int, int)
        Height and width in pixels.
    source : str or None
        What the cell says of where it came from.
    """

    stem: str
    suffix: str
    number: int
    size_hw: tuple[int, int]
    source: str | None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.stem + self.suffix


class Shelf:
    """Gives each image of a split one safe name, and copies it there once.

    Parameters
    ----------
    folders : mapping of str to Path, or None
        Where the images of each split go; None copies nothing.
    paths : {"relative", "absolute"}
        What is told of absolute paths.
    """

    def __init__(self, folders: dict[str, Path] | None, *, paths: str) -> None:
        self._folders = folders
        self._paths = paths
        scratch = Scratch()
        self._placed, self._numbers = scratch.map(), scratch.map()
        self._new_names = scratch.map
        self._taken: dict[str, ScratchMap] = {}

    def place(self, member: Member) -> tuple[Placed, bool]:
        """Return an image's place, and whether it is new.

        Raises
        ------
        ImageError
            If the image can no longer be read, or is another one than before.
        """
        record, split = member.record, member.split
        at = f"{split}\0{image_key(record)}"
        known = self._placed.get(at)
        if known is not None:
            return Placed(**json.loads(known)), False
        picture = record.picture
        data, suffix = b"", picture.suffix if picture is not None else ""
        if picture is not None and not picture.is_reference and self._folders is not None:
            data, suffix = file_of_picture(picture)
        placed = self._new(record, split, suffix)
        if data and self._folders is not None:
            (self._folders[split] / placed.name).write_bytes(data)
        self._placed[at] = json.dumps(asdict(placed))
        return placed, True

    def _new(self, record: Record, split: str, suffix: str) -> Placed:
        key = image_key(record)
        if split not in self._taken:
            self._taken[split] = self._new_names()
        # Stems are unique, whatever the suffix: labels and masks are named after them.
        stem = safe_name(_stem(record, key), taken=self._taken[split])
        number, own = number_of(key), key.encode("utf-8", "surrogatepass")
        while self._numbers.setdefault(number, own) != own:
            number += 1
        return Placed(
            stem=stem,
            suffix=suffix or PurePosixPath(str(record.image).split("?")[0]).suffix[:6],
            number=number,
            size_hw=record.size_hw or (0, 0),
            source=source_text(record.image, self._paths),
        )


def refuse_url(record: Record) -> str | None:
    """Return why a format that needs the image itself cannot take a row, None where it can."""
    if record.picture is not None and record.picture.is_reference:
        return "its image is a URL, which samframe does not download: download it and give its path"
    return None


def file_of_picture(picture: Picture) -> tuple[bytes, str]:
    """Return an image's bytes as all trainers read them, and the suffix; GIF becomes PNG."""
    if picture.suffix != ".gif":
        return picture.raster_bytes(), picture.suffix
    from PIL import Image  # noqa: PLC0415 - only where a GIF is met

    file = io.BytesIO()
    Image.fromarray(picture.rgb()).save(file, "PNG")
    return file.getvalue(), ".png"


def number_of(text: str) -> int:
    """Return an id made of a text: from 1 to 2**53 - 1, which survive JSON readers that have only floats."""
    return (
        int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 11
    ) or 1


def source_text(cell: object, paths: str) -> str | None:
    """Return what a cell says of where its image is: None for bytes and pixels, no absolute path unless asked for."""
    if not isinstance(cell, str | PurePath):
        return None
    text = str(cell)
    scheme, colon, _ = text.partition("://")
    if colon and scheme.lower() != "file":
        return text
    if text.startswith("data:") or len(text) > 4096:  # noqa: PLR2004 - no file system has longer paths: base64
        return None
    is_absolute = colon or PurePath(text).is_absolute() or text.startswith(("~", "\\")) or text[1:2] == ":"
    return _last_part(text) if is_absolute and paths == "relative" else text


def _last_part(text: str) -> str:
    return text.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _stem(record: Record, key: str) -> str:
    """Return a name for an image: that of its file, else a digest's beginning."""
    source = source_text(record.image, "relative")
    if source is None:
        return f"image-{key[:12]}"
    name = _last_part(source.split("?", maxsplit=1)[0])
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


class RowList:
    """``rows.jsonl``: one line a row in the output, from which one finds back to the frame."""

    def __init__(self, folder: Path, call: ExportCall) -> None:
        self._shown = call.shown
        self._file: IO[str] = (folder / ROWS).open("w", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, member: Member, placed: Placed, **facts: Any) -> None:
        """Write the line of a row."""
        record = member.record
        line = {
            "row": record.position,
            "label": plain_label(record.label),
            "annotation_id": record.annotation_id,
            "split": member.split,
            "image": placed.name,
            "source": placed.source,
            **facts,
        }
        kept = {name: self._shown(value) for name, value in line.items() if value is not None}
        self._file.write(json.dumps(kept) + "\n")


def plain_label(label: Any) -> Any:
    """Return an index label as JSON has it."""
    if label is None or isinstance(label, str | int):
        return label
    return [plain_label(part) for part in label] if isinstance(label, tuple | list) else str(label)
