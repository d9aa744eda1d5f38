"""Paths of this machine, written relative to the dataset, and made absolute again when it is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.ground.cells import without_folders
from samframe.ground.options import store_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["PathBase", "find_base", "relative_frame", "restore_paths"]

#: A user's own relative path that begins like one of ours gets this in front, which leaves its meaning as it is.
_OWN = ".//"
_OURS = ("./", "../")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathBase:
    """What stored paths are relative to.

    Attributes
    ----------
    kind : {"dataset", "image_root"}
        The dataset's folder, so that both can be moved together; or a folder that the reader is told of.
    folder : str
        Its absolute path on this machine; it is not stored.
    prefixes : tuple of str
        Folders of this machine: text that begins with one is a path.
    has_images : bool
        Whether any image has an absolute path.
    """

    kind: str
    folder: str
    prefixes: tuple[str, ...]
    has_images: bool = False

    def relative(self, path: str) -> str:
        """Return a path of this machine, relative to the base."""
        if path.casefold().startswith("file://"):
            path = path[len("file://") :]
        found = os.path.relpath(path, self.folder).replace(os.sep, "/")
        return found if found.startswith(_OURS) or found == ".." else f"./{found}"


def find_base(
    dataset: Path | None, images: Sequence[object], *, image_root: str | os.PathLike[str] | None
) -> PathBase:
    """Choose what paths are relative to.

    Parameters
    ----------
    dataset : Path or None
        The dataset's folder; None where it is in an object store.
    images : sequence of object
        Cells of the image column.
    image_root : path, optional
        The folder that the caller names.
    """
    folders = sorted({os.path.dirname(_plain(cell)) for cell in images if _is_absolute(cell)})  # noqa: PTH120 - text
    prefixes = [str(Path.home()), str(Path.cwd()), str(store_folder(None)), *folders]
    if dataset is not None:
        prefixes.append(str(dataset.parent))
    useful = tuple(sorted({f"{folder.rstrip(os.sep)}{os.sep}" for folder in prefixes} - {os.sep}, key=len))
    if image_root is not None:
        kind, folder = "image_root", os.path.abspath(image_root)  # noqa: PTH100 - links stay as they are written
    elif dataset is not None and all(_share(found, str(dataset)) for found in folders):
        kind, folder = "dataset", str(dataset)
    else:
        kind, folder = "image_root", os.path.commonpath(folders) if folders else str(Path.cwd())
    return PathBase(kind=kind, folder=folder, prefixes=useful, has_images=bool(folders))


def relative_frame(
    df: pd.DataFrame, base: PathBase, *, image_col: Hashable | None, error_col: Hashable | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with this machine's paths relative to the base, and the names of the columns that have any.

    Every absolute path of the image column is one, and all text elsewhere that begins with a folder of this machine.
    In error texts the folders' names are cut out.
    """
    marked: list[str] = []
    result = df.copy(deep=False)
    for position, label in enumerate(df.columns):
        column = df.iloc[:, position]
        if error_col is not None and label == error_col:
            result.isetitem(position, _mapped(column, partial(without_folders, prefixes=base.prefixes)))
            continue
        is_image = label == image_col

        def is_path(cell: object, is_image: bool = is_image) -> bool:  # noqa: FBT001 - bound in the loop
            return _is_absolute(cell) if is_image else _starts(cell, base.prefixes)

        if any(map(is_path, _distinct(column))):
            marked.append(str(label))
            result.isetitem(position, _mapped(column, partial(_stored, is_path=is_path, base=base)))
    return result, marked


def restore_paths(column: pd.Series, folder: str | None) -> pd.Series:
    """Return a column with its stored paths below a folder; without one, relative as they are."""

    def restored(text: str) -> str:
        if text.startswith(_OWN):
            return text[len(_OWN) :]
        if not text.startswith(_OURS):
            return text
        if folder is None:
            return text.removeprefix("./")
        if "://" in folder:
            return f"{folder.rstrip('/')}/{text.removeprefix('./')}"
        return os.path.normpath(os.path.join(folder, text))  # noqa: PTH118 - pathlib keeps ".."

    return _mapped(column, restored)


def _stored(text: str, *, is_path: Callable[[object], bool], base: PathBase) -> str:
    if is_path(text):
        return base.relative(text)
    return _OWN + text if text.startswith(_OURS) else text


def _mapped(column: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """Return a column with its texts replaced; dtype, index and all other values stay."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        renamed = [function(value) if isinstance(value, str) else value for value in categories]
        if len(set(renamed)) == len(renamed):
            return column.cat.rename_categories(dict(zip(categories, renamed, strict=True)))
        return column
    if not _may_hold_text(column):
        return column
    known: dict[str, str] = {}

    def replaced(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in known:
            known[value] = function(value)
        return known[value]

    values = [replaced(value) for value in column.array]
    return pd.Series(
        pd.array(values, dtype=column.dtype) if column.dtype != object else _objects(values),
        index=column.index,
        name=column.name,
    )


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _distinct(column: pd.Series) -> set[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return {value for value in column.cat.categories if isinstance(value, str)}
    return {value for value in column.array if isinstance(value, str)} if _may_hold_text(column) else set()


def _may_hold_text(column: pd.Series) -> bool:
    return bool(column.dtype == object) or bool(pd.api.types.is_string_dtype(column.dtype))


def _plain(cell: object) -> str:
    text = str(cell)
    return text[len("file://") :] if text.casefold().startswith("file://") else text


def _is_absolute(cell: object) -> bool:
    return isinstance(cell, str) and os.path.isabs(_plain(cell))  # noqa: PTH117 - text that may be no path


def _starts(cell: object, prefixes: tuple[str, ...]) -> bool:
    return isinstance(cell, str) and _plain(cell).startswith(prefixes)


def _share(one: str, other: str) -> bool:
    """Say whether two folders share one that is not the root: a path from the one to the other then hides the rest."""
    try:
        common = os.path.commonpath([one, other])
    except ValueError:  # different drives
        return False
    return common != os.path.dirname(common)  # noqa: PTH120 - the root is its own parent
