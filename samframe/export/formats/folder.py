"""The folder of a training set: which one may be replaced, the list of its files, and the rows that lead back."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from samframe.errors import OptionError
from samframe.export.files import fold_name, safe_name
from samframe.export.formats.fidelity import FIDELITY
from samframe.ground.cells import without_folders
from samframe.ground.files import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from samframe.export.formats.shelf import Placed
    from samframe.export.report import ExportReport
    from samframe.export.splits import ExportCall, Member

__all__ = ["FILES", "ROWS", "RowList", "export_folder", "save_report", "split_names"]

ROWS = "rows.jsonl"
#: All files of an export, one path a line: hidden, so that no reader of the format takes it for data.
FILES = ".samframe-files.txt"
#: What systems and trainers leave in a folder; it is made anew, or of no use without the files that it is of.
_LEFTOVERS = re.compile(r"(?:.*/)?(?:\.DS_Store|Thumbs\.db|desktop\.ini)|labels/[^/]+\.cache")
#: Where an export without a list, one of samframe 0.1, has its files.
_LAYOUT = re.compile(
    r"rows\.jsonl|fidelity\.json|tasks\.json|label_config\.xml|data\.yaml|labels\.(?:json|txt)|annotations/instances_[^/]+\.json"
    r"|data/[^/]+\.parquet|(?:(?:images|masks)/)?[^/]+/[^/]+\.(?:png|jpg|gif|webp)|labels/[^/]+/[^/]+\.txt"
)


@contextlib.contextmanager
def export_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `path` when the block ends well.

    Raises
    ------
    OptionError
        If something is there that is no earlier export of a training set, one with files that the export did not
        write, or one that is not to be replaced.
    """
    if "://" in os.fspath(path):
        raise OptionError(f"{os.fspath(path)}: training sets are written to folders of this machine.")
    target = Path(path).expanduser()
    _check_replaceable(target, shown=os.fspath(path), overwrite=overwrite)
    with atomic_folder(target) as folder:
        yield folder
        _list_files(folder)
        # What was put there meanwhile is the user's, too.
        _check_replaceable(target, shown=os.fspath(path), overwrite=overwrite)


def _check_replaceable(target: Path, *, shown: str, overwrite: bool) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not _is_export(target):
        raise OptionError(
            f"{shown} is there already and is no training set of samframe's: it is left as it is. "
            "Choose another folder."
        )
    if not overwrite:
        raise OptionError(f"{shown} holds an earlier export; overwrite=True replaces it.")
    foreign = _foreign_file(target)
    if foreign is not None:
        raise OptionError(
            f"{shown} holds an earlier export, and {foreign!r}, which that export did not write: all is left as it is. "
            "Move it elsewhere, or choose another folder."
        )


def _is_export(target: Path) -> bool:
    try:
        facts = json.loads((target / FIDELITY).read_text(encoding="utf-8"))
        return facts["format"] != "dataset" and (target / ROWS).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _foreign_file(target: Path) -> str | None:
    """Return the path of a file in an export's folder that the export did not write, None where there is none."""
    try:
        lines = (target / FILES).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    own = {FILES, *lines}
    for path in _paths_in(target):
        is_own = path in own if lines else _LAYOUT.fullmatch(path)
        if not is_own and not _LEFTOVERS.fullmatch(path):
            return path
    return None


def _paths_in(root: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder in order, links to folders among them."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield Path(folder, name).relative_to(root).as_posix()


def _list_files(root: Path) -> None:
    """Write down which files an export has, so that the next one knows them from the user's."""
    # Names are plain text without line ends: safe_name made them.
    with (root / FILES).open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.writelines(f"{path}\n" for path in _paths_in(root) if path != FILES)


def save_report(root: Path, report: ExportReport, call: ExportCall) -> None:
    """Write ``fidelity.json``, by which a later export knows the folder as one of these."""
    if call.paths == "relative":
        report = without_machine(report)
    (root / FIDELITY).write_text(report.to_json(), encoding="ascii")


def without_machine(report: ExportReport) -> ExportReport:
    """Return a report whose messages tell no folder of this machine."""
    return replace(
        report,
        rows_left_out=tuple((row, without_folders(reason)) for row, reason in report.rows_left_out),
        warnings=tuple(map(without_folders, report.warnings)),
    )


def split_names(splits: Sequence[str]) -> dict[str, str]:
    """Return for each split the name of its folder or file: that of the split where file systems take it."""
    taken: set[str] = {fold_name(name) for name in ("annotations", "data", FIDELITY, ROWS)}
    return {split: safe_name(split, taken=taken) for split in splits}


class RowList:
    """``rows.jsonl``: one line a row in the output, from which one finds back to the frame."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = (folder / ROWS).open("w", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, member: Member, placed: Placed, **facts: Any) -> None:
        """Write the line of a row; what is None is left out."""
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
        kept = {name: value for name, value in line.items() if value is not None}
        self._file.write(json.dumps(kept) + "\n")


def plain_label(label: Any) -> Any:
    """Return an index label as JSON has it."""
    if label is None or isinstance(label, str | int):
        return label
    return [plain_label(part) for part in label] if isinstance(label, tuple | list) else str(label)
