"""``df.sam.view``: the gallery handed a frame, its columns, who scores doubt, and who fetches images by URL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samframe.frame.look.fetching import make_fetch
from samframe.frame.look.scores import suspicion
from samframe.ground.frame import remembered

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable

    import pandas as pd

    from samframe.segmind import Client
    from samframe.widgets import Viewer

__all__ = ["view"]


def view(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    mask_col: Hashable = "mask",
    *,
    status_col: Hashable | None = "status",
    inference_time_col: Hashable | None = "inference_time",
    engine_col: Hashable | None = "engine",
    mark_col: Hashable | None = "mark",
    truth_col: Hashable | None = "truth",
    image_root: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    tile: int = 150,
    height: int = 520,
    canvas: bool | None = None,
) -> Viewer:
    """Look through a frame of masks in a notebook: filter, sort, see one large, mark.

    Tiles are made when they come into view, so ten thousand rows open as fast as ten, and a saved notebook keeps none
    of them. Keys, once the gallery is clicked: arrows move, A accepts, R rejects, F flags, U takes the last mark back,
    space shows one row large (wheel zooms, drag moves).

    Parameters
    ----------
    df : pandas.DataFrame
        What :func:`samframe.segment` returned, or any frame with images and masks. It is not changed.
    image_col, mask_col : column name
        Cells as :func:`samframe.segment` takes them, and a column of dtype ``mask``.
    prompt_col, status_col, inference_time_col, engine_col : column name or None
        What else is shown and filtered by. Where the column is missing, or None is given, the gallery goes without.
    mark_col : column name or None
        Marks to begin with, such as ``viewer.result()`` left them. Queries and sorts know the marks by this name.
    truth_col : column name or None
        True masks, such as ``evaluation.worst()`` has them: painted orange on the images, under the masks in blue.
        Where the column is missing or holds no masks the gallery goes without.
    image_root : path, optional
        Folder that paths must lie in.
    client : Client, optional
        Fetches images behind URLs, from hosts that it allows (``samframe.Client(allowed_hosts=["cdn.example.com"])``)
        and without its key. None: such images are not shown, their masks are. The page itself fetches nothing.
    tile, height : int
        Side of a tile and height of the gallery, in pixels of the page.
    canvas : bool, optional
        False: pages of 25 in plain ipywidgets. None: so where anywidget is not installed.

    Returns
    -------
    Viewer
        Shown by being the last line of a cell. ``viewer.selected`` is the frame of selected rows, ``viewer.query`` the
        filter as a pandas expression, ``viewer.result()`` the frame with the marks as a column.

    Raises
    ------
    OptionError
        If a column is missing or is no mask column.
    """
    image_col, prompt_col, mask_col = (
        remembered(df, role, name)
        for role, name in (("image", image_col), ("prompt", prompt_col), ("mask", mask_col))
    )
    status_col = remembered(df, "status", status_col)
    engine_col = remembered(df, "engine", engine_col)
    from samframe.widgets import GalleryRows, Marks, Viewer  # noqa: PLC0415 - ipywidgets is heavy
    from samframe.widgets.gallery.truth import TruthRows, has_truth  # noqa: PLC0415

    kind: Callable[..., GalleryRows] = GalleryRows
    if has_truth(df, truth_col):
        kind = partial(TruthRows, truth_col=truth_col, image_root=image_root)
    rows: GalleryRows = kind(
        df,
        image_col=image_col,
        mask_col=mask_col,
        prompt_col=prompt_col,
        status_col=status_col,
        seconds_col=inference_time_col,
        engine_col=engine_col,
        suspicion=lambda frame: suspicion(
            frame,
            image_col=image_col,
            prompt_col=rows.prompt_col,
            mask_col=mask_col,
            status_col=rows.status_col,
        ),
    )
    given = df[mark_col] if mark_col is not None and mark_col in df.columns else None
    return Viewer(
        rows,
        Marks(len(df), given, name=_mark_name(df, mark_col)),
        image_root=image_root,
        fetch=make_fetch(client) if client is not None else None,
        tile=tile,
        height=height,
        canvas=canvas,
    )


def _mark_name(df: pd.DataFrame, mark_col: Hashable | None) -> str:
    """Return what queries call the marks: their column's name, else "mark", where that is no column of another kind."""
    if isinstance(mark_col, str):
        return mark_col
    name = "mark"
    while name in df.columns:
        name += "_"
    return name
