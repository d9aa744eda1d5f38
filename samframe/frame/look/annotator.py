"""``df.sam.annotate``: the annotator handed its frame and the ordinary engine, and its log repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import AuthenticationError, OptionError
from samframe.frame.call import CallOptions
from samframe.frame.cells.points import read_points
from samframe.frame.look.fetching import make_fetch
from samframe.ground.cells import as_text
from samframe.ground.contract import DEFAULT_MODEL
from samframe.ground.frame import has_column, image_cells, remembered
from samframe.segmind import Client

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from samframe.frame.look.resend import EngineSegmenter, NoSegmenter
    from samframe.jobs import Points
    from samframe.widgets.annotator.events import Point
    from samframe.widgets.annotator.widget import Annotator

__all__ = ["annotate", "replay"]


def annotate(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    *,
    mask_col: Hashable = "mask",
    coordinates_col: Hashable | None = "coordinates",
    remove_coordinates_col: Hashable | None = "remove_coordinates",
    rows: Any = None,
    client: Client | None = None,
    max_cost: float | None = None,
    store: str | os.PathLike[str] | None = None,
    model: str = DEFAULT_MODEL,
    rate_limit: float | None = None,
    retry: str | Iterable[str] = ("failed",),
    image_root: str | os.PathLike[str] | None = None,
) -> Annotator:
    """Open rows one at a time in the notebook, to correct their masks by clicks, a prompt, brush and polygon.

    A click includes, a right-click or Shift-click excludes, Enter sends: nothing is sent by a click, and the price
    stands beside the button. With :func:`samframe.local` nothing is charged, and a click is sent at once. Jobs go
    through the ordinary engine: equal ones are paid once, stored ones are free. Rows put in the queue (Q) are sent as
    one batch (Shift Enter). A accepts the mask that is shown, R throws the edits away, U and Y undo and redo, through
    all rows.

    Parameters
    ----------
    df : pandas.DataFrame
        What :func:`segment` returned, or any frame with images. It is not changed.
    image_col : column name
        Cells as :func:`segment` takes them.
    prompt_col : column name or None
        Prompts to begin with; a frame without a column ``prompt`` begins without.
    mask_col : column name
        A column of dtype ``mask``; where there is none all rows begin without a mask.
    coordinates_col, remove_coordinates_col : column name, optional
        Points to include and to exclude, as :func:`segment` takes them: a row without a prompt begins with the points
        that made its mask. By default as the call that made the frame named them, if it did. A row that was corrected
        by points before (``edited_points``) begins with those. A cell that cannot be read gives none.
    rows : optional
        Which rows to go through: positions, or one True or False for each row. None: all.
    client : Client, optional
        As for :func:`segment`. Without a key all can be edited and nothing can be sent. A client that is given also
        fetches images behind URLs to show them, by its own rules for downloads and without its key; else their masks
        are shown on a plain ground.
    max_cost : float, optional
        US dollars that this annotator may spend in all; a hard stop.
    store, model, rate_limit, retry, image_root
        As for :func:`segment`. A job that failed (it was not billed) is sent again by default.

    Returns
    -------
    Annotator
        A widget: ``.result()`` is the new frame, ``.events`` the log, ``.pending`` the rows whose jobs are out.

    Raises
    ------
    OptionError
        If an option or a column is wrong, or anywidget is not installed.
    """
    if not isinstance(df, pd.DataFrame):
        raise OptionError(f"annotate takes a pandas DataFrame, not a {type(df).__name__}.")
    image_col, prompt_col, mask_col = (
        remembered(df, role, name)
        for role, name in (("image", image_col), ("prompt", prompt_col), ("mask", mask_col))
    )
    if prompt_col == "prompt" and "prompt" not in df.columns:
        prompt_col = None
    for name in (image_col, *(() if prompt_col is None else (prompt_col,))):
        if name not in df.columns or not isinstance(df[name], pd.Series):
            raise OptionError(f"The frame has not one column {name!r}.")
    points = _points_of(df, prompt_col, coordinates_col, remove_coordinates_col)
    # The options are checked now, not when the first job is sent.
    options: dict[str, Any] = {"model": model, "store": store, "rate_limit": rate_limit, "retry": retry}
    options |= {"image_root": image_root, "client": client, "max_cost": max_cost}
    call = CallOptions("image", "prompt", **options)
    options |= {"client": call.client, "store": call.store, "max_cost": call.max_cost}
    options["rate_limit"] = call.rate_limit
    shown = _positions(rows, len(df))
    kind = _annotator_class()
    return kind(
        df,
        shown,
        image_col=image_col,
        prompt_col=prompt_col,
        mask_col=mask_col,
        segmenter=_segmenter(image_cells(df, image_col), options),
        image_root=image_root,
        fetch=make_fetch(client) if client is not None else None,
        points=points,
    )


def _points_of(
    df: pd.DataFrame,
    prompt_col: Hashable | None,
    coordinates_col: Hashable | None,
    remove_coordinates_col: Hashable | None,
) -> Callable[[int], tuple[Point, ...]]:
    """Return what gives the points that a row begins with: those behind its mask."""
    from samframe.widgets.annotator.events import Point  # noqa: PLC0415 - ipywidgets is heavy

    prompts = df[prompt_col].tolist() if prompt_col is not None and prompt_col in df.columns else None
    named = [
        _cells_of(df, remembered(df, role, name), is_needed=name is not None and name != role)
        for role, name in (("coordinates", coordinates_col), ("remove_coordinates", remove_coordinates_col))
    ]
    edited = [_cells_of(df, name, is_needed=False) for name in ("edited_points", "edited_remove_points")]

    def points(row: int) -> tuple[Point, ...]:
        told = [_read(cells, row) for cells in edited]
        if not told[0] and (prompts is None or not as_text(prompts[row]).strip()):
            told = [_read(cells, row) for cells in named]
        return tuple(
            Point(row=row, x=float(x), y=float(y), include=include)
            for include, some in zip((True, False), told, strict=True)
            for x, y in some
        )

    return points


def _cells_of(df: pd.DataFrame, name: Any, *, is_needed: bool) -> list[Any] | None:
    """Return the cells of a column of points; None where there is none, an error where one was asked for."""
    if isinstance(name, list | tuple) and all(has_column(df, one) for one in name):
        return list(zip(*(df[one].tolist() for one in name), strict=True))
    if name is not None and has_column(df, name) and isinstance(df[name], pd.Series):
        cells: list[Any] = df[name].tolist()
        return cells
    if is_needed:
        raise OptionError(f"The frame has not one column {name!r}.")
    return None


def _read(cells: list[Any] | None, row: int) -> Points:
    if cells is None:
        return ()
    try:
        return read_points(cells[row])
    except ValueError:
        return ()


def _segmenter(images: list[Any], options: dict[str, Any]) -> EngineSegmenter | NoSegmenter:
    from samframe.frame.look.resend import EngineSegmenter, NoSegmenter  # noqa: PLC0415 - it brings ipywidgets

    if options["client"] is None:
        try:
            options["client"] = Client()
        except AuthenticationError as error:
            return NoSegmenter(str(error))
    return EngineSegmenter(images, **options)


def _annotator_class() -> type[Annotator]:
    try:
        from samframe.widgets.annotator.widget import Annotator  # noqa: PLC0415 - anywidget is heavy, and may be missing
    except ImportError as error:
        raise OptionError(
            f"annotate needs anywidget ({error}): pip install anywidget, then restart the kernel."
        ) from None
    return Annotator


def _positions(rows: Any, n_rows: int) -> list[int]:
    """Return positions of rows from positions or from booleans."""
    if rows is None:
        return list(range(n_rows))
    expected = "rows is a list of positions, or one True or False for each row"
    try:
        given = np.asarray(rows if hasattr(rows, "__array__") else list(rows))
    except (TypeError, ValueError):
        raise OptionError(f"{expected}; it is a {type(rows).__name__}.") from None
    if given.size == 0:
        return []
    if given.dtype == object:  # pandas' nullable booleans and integers
        given = np.array([False if value is pd.NA else value for value in given.tolist()])
    if given.ndim == 1 and given.dtype == np.bool_ and len(given) == n_rows:
        return [int(position) for position in np.flatnonzero(given)]
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise OptionError(f"{expected}; it is of dtype {given.dtype} and shape {given.shape}.")
    if given.min() < 0 or given.max() >= n_rows:
        raise OptionError(f"{expected}; there are rows 0 to {n_rows - 1}, and it names others.")
    return list(dict.fromkeys(given.tolist()))


def replay(
    df: pd.DataFrame,
    events: Iterable[Any | Mapping[str, Any]],
    *,
    mask_col: Hashable = "mask",
    prompt_col: Hashable | None = "prompt",
    coordinates_col: Hashable | None = "coordinates",
    remove_coordinates_col: Hashable | None = "remove_coordinates",
) -> pd.DataFrame:
    """Repeat a log of edits on the frame that it was written for. Nothing is sent: the log holds the masks that came.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame that was annotated; it is not changed.
    events : iterable of Event or dict
        ``annotator.events``, or the dicts of their ``to_json()``.
    mask_col : column name
        The column of masks that was annotated.
    prompt_col, coordinates_col, remove_coordinates_col : column name or None
        As :func:`annotate` was given them: rows begin with their points, which an event may take away.

    Returns
    -------
    pandas.DataFrame
        What ``annotator.result()`` returned.

    Raises
    ------
    OptionError
        If an event is malformed or does not fit the frame and what came before it; the message counts it from 0.
    """
    from samframe.widgets import replay as replay_events  # noqa: PLC0415 - ipywidgets is heavy

    if not isinstance(df, pd.DataFrame):
        raise OptionError(f"replay takes a pandas DataFrame, not a {type(df).__name__}.")
    points = _points_of(df, remembered(df, "prompt", prompt_col), coordinates_col, remove_coordinates_col)
    return replay_events(df, events, mask_col=mask_col, points=points)
