"""What a call that cannot be meant so is told: the nearest keyword or column, and the way to what was meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["check_keywords", "missing_column"]

_MOST_SHOWN = 12
_MOST_LETTERS = 60
_ROLES = {
    "image": "image_col",
    "prompt": "prompt_col",
    "coordinates": "coordinates_col",
    "remove_coordinates": "remove_coordinates_col",
    "boxes": "boxes_col",
}
#: What other libraries, and people, call them.
_OTHER_NAMES = {
    "api_key": "client=samframe.Client(api_key=...)",
    "base_url": "client=samframe.Client(base_url=...)",
    "offline": "client=samframe.offline()",
    "box_col": "boxes_col=",
    "bbox_col": "boxes_col=",
    "bboxes_col": "boxes_col=",
    "boxes": "boxes_col=",
    "bbox": "boxes_col=",
    "points": "coordinates_col=",
    "points_col": "coordinates_col=",
    "point_col": "coordinates_col=",
    "coordinates": "coordinates_col=",
    "coords": "coordinates_col=",
    "image": "image_col=",
    "images": "image_col=",
    "text": "prompts=",
    "text_prompt": "prompts=",
    "labels": "prompts=",
    "classes": "prompts=",
    "ontology": "prompts=",
    "budget": "max_cost=",
    "max_usd": "max_cost=",
    "threshold": 'parameters={"threshold": ...}',
    "n_jobs": "rate_limit=",
    "verbose": "progress=",
    "cache_dir": "store=",
}


def check_keywords(function: str, given: Iterable[str], known: Iterable[str], values: dict[str, Any]) -> None:
    """Refuse keywords that a function does not have.

    Parameters
    ----------
    function : str
        Its name, for the message.
    given, known : iterable of str
        Keywords of the call, and those there are.
    values : dict
        What was given for them.

    Raises
    ------
    UnknownOptionError
        An OptionError and a TypeError, which names the function and the nearest keyword.
    """
    names = list(known)
    for name in given:
        if name in names:
            continue
        hint = ""
        if name == "prompt":
            value = values.get(name)
            shown = _shown(value) if isinstance(value, str) else '"..."'
            hint = f" For one text for every row: prompts=[{shown}]; for a column of texts: prompt_col=."
        elif name in _OTHER_NAMES:
            hint = f" Did you mean {_OTHER_NAMES[name]}?"
        else:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f" Did you mean {near[0]}=?" if near else ""
        raise UnknownOptionError(f"{function}() has no keyword {name!r}.{hint} Nothing was sent.")


def missing_column(df: pd.DataFrame, name: Any, role: str) -> OptionError:
    """Return the error for a column that a frame does not have: what it has, and what may have been meant."""
    keyword = _ROLES[role]
    labels = list(df.columns)
    known = ", ".join(map(repr, labels[:_MOST_SHOWN])) + (", ..." if len(labels) > _MOST_SHOWN else "")
    hint = _hint(name, role, keyword, labels)
    if isinstance(name, list | tuple | set | dict):
        absent = [one for one in name if one not in labels]
        what = f"A column name is wanted, and {keyword}={_shown(name)} is none"
        if absent and role in {"coordinates", "remove_coordinates", "boxes"}:
            what += f": the frame has no {', '.join(map(repr, absent))}"
        return OptionError(f"{what}; it has {known or 'none'}.{hint} Nothing was sent.")
    return OptionError(
        f"The frame has no column {_shown(name)}; it has {known or 'none'}.{hint} Nothing was sent."
    )


def _hint(name: Any, role: str, keyword: str, labels: list[Any]) -> str:
    near = _nearest(name, labels)
    if near is not None:
        return f" Did you mean {near!r}?"
    if role == "prompt":
        return _prompt_hint(name)
    if role == "image":
        return " Name the column of images with image_col=."
    if isinstance(name, list | tuple):
        example = '["x1", "y1", "x2", "y2"]' if role == "boxes" else '["x", "y"]'
        return f" Columns of bare numbers are given as {keyword}={example}; the values themselves belong into a column."
    return ""


def _nearest(name: Any, labels: list[Any]) -> str | None:
    if not isinstance(name, str):
        return None
    texts = [label for label in labels if isinstance(label, str)]
    folded = [text for text in texts if text.strip().casefold() == name.strip().casefold()]
    return next(iter(folded or difflib.get_close_matches(name, texts, n=1, cutoff=0.7)), None)


def _prompt_hint(name: Any) -> str:
    if name == "prompt":
        return " Give prompt_col=, or prompts=[...] for the same prompts in every row, or prompt_col=None with points."
    if isinstance(name, str):
        return f" If it is the prompt itself, for every row: prompts=[{_shown(name)}]."
    if isinstance(name, list | tuple) and all(isinstance(one, str) for one in name):
        return f" If these are the prompts, each for every row: prompts={_shown(list(name))}."
    return " Prompts for every row are given as prompts=[...], or by label as prompts={...}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
