"""What a call is given in the place of a frame: a path, a folder, images in a list; and columns left to be guessed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.ground.frame import has_column

if TYPE_CHECKING:
    from samframe.frame.call.options import CallOptions

__all__ = ["as_frame", "guess_columns"]

_PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".jp2", ".ppm", ".pgm", ".tga"),
)
_TABLES = {
    ".csv": "pd.read_csv",
    ".tsv": "pd.read_csv",
    ".parquet": "pd.read_parquet",
    ".feather": "pd.read_feather",
    ".jsonl": "pd.read_json",
    ".json": "pd.read_json",
    ".xlsx": "pd.read_excel",
}


def as_frame(function: str, data: Any, image_col: Any) -> pd.DataFrame:
    """Return the frame that a call works on.

    Parameters
    ----------
    function : str
        Name of the caller, for messages.
    data : DataFrame, or else a path, a folder, an image, a Series or an iterable of cells
        A folder stands for the pictures in it, by name; anything but a frame becomes a frame of one column.
    image_col : column name
        What that column is called; ``"image"`` where it is no text.

    Raises
    ------
    OptionError
        If it is a table's file, a folder without pictures, or nothing that holds images.
    """
    if isinstance(data, pd.DataFrame):
        return data
    name = image_col if isinstance(image_col, str) and image_col else "image"
    if isinstance(data, pd.Series):
        return data.to_frame(name)
    cells = _cells(function, data)
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return pd.DataFrame({name: pd.Series(column, dtype=object)})


def guess_columns(df: pd.DataFrame, given: Any, call: CallOptions) -> dict[str, Any]:
    """Return options to be changed where a call cannot be meant as it stands and can be meant in one other way.

    Parameters
    ----------
    df : pandas.DataFrame
        What the call works on.
    given : object
        What it was given: where that was no frame, a second positional text can only be the prompt.
    call : CallOptions
        The call as it stands.
    """
    has_other_inputs = any(
        value is not None for value in (call.coordinates_col, call.boxes_col, call.prompts)
    )
    is_default = isinstance(call.prompt_col, str) and call.prompt_col == "prompt"
    if is_default and has_other_inputs:
        is_needless = call.prompts is not None or not has_column(df, "prompt")
        return {"prompt_col": None} if is_needless else {}
    if isinstance(given, pd.DataFrame) or has_other_inputs:
        return {}
    # samframe.segment("q.jpg", "a red car"): of what is no frame no column has a name that could be meant.
    if not is_default and call.prompt_col is not None:
        return {"prompt_col": None, "prompts": call.prompt_col}
    if call.image_col != "image":
        return {"prompt_col": None, "prompts": call.image_col, "image_col": "image"}
    return {}


def _cells(function: str, data: Any) -> list[Any]:
    if isinstance(data, str | os.PathLike):
        return _of_path(function, data)
    if isinstance(data, bytes | bytearray | memoryview | Mapping) or hasattr(data, "_repr_png_"):
        if isinstance(data, Mapping) and not {"bytes", "path"} & set(data):
            raise OptionError(
                f"{function} takes a pandas DataFrame, not a {type(data).__name__}; make one with pd.DataFrame(...)."
            )
        return [data]
    if isinstance(data, np.ndarray):
        return [data] if data.dtype != object else list(data)
    if isinstance(data, Iterable):
        cells = list(data)
        if cells:
            return cells
    raise OptionError(
        f"{function} takes a pandas DataFrame, a path, a folder or a list of images, not a {type(data).__name__}"
        f"{' without any' if isinstance(data, Iterable) else ''}. Nothing was sent."
    )


def _of_path(function: str, data: str | os.PathLike[str]) -> list[Any]:
    text = os.fspath(data)
    if not isinstance(text, str) or "://" in text or text.lstrip().startswith("data:"):
        return [data]
    path = Path(text).expanduser()
    reader = _TABLES.get(path.suffix.lower())
    if reader is not None:
        raise OptionError(
            f"{text} is a table: read it first, {function}({reader}({text!r}), ...). Nothing was sent."
        )
    if not path.is_dir():
        return [data]
    found = sorted(str(one) for one in path.iterdir() if one.suffix.lower() in _PICTURES and one.is_file())
    if not found:
        raise OptionError(f"The folder {text} has no pictures in it. Nothing was sent.")
    return list(found)
