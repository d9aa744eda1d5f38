"""``samframe.to_html``: a frame of masks as one page for people without a kernel, its doubtful rows marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samframe.errors import OptionError
from samframe.frame.look.fetching import make_fetch
from samframe.frame.look.scores import suspicion as suspicion_of
from samframe.ground.frame import remembered
from samframe.report import ReportColumns, write_html

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

    import pandas as pd

    from samframe.segmind import Client

__all__ = ["to_html"]


def to_html(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    image_col: Hashable = "image",
    prompt_col: Hashable = "prompt",
    mask_col: Hashable = "mask",
    columns: Sequence[Hashable] = (),
    suspicion: bool | pd.DataFrame = True,
    title: str = "Masks",
    n: int | None = None,
    size_px: int = 200,
    image_root: str | os.PathLike[str] | None = None,
    client: Client | None = None,
) -> None:
    """Write a frame of masks as one static HTML page: thumbnails with their masks, filters and an order.

    The page is complete in itself and asks the network for nothing, which its own policy forbids it; text of the frame
    is shown as text. Of image paths it holds the file's name only. It follows the reader's light or dark theme.

    Parameters
    ----------
    df : pandas.DataFrame
        What :func:`samframe.segment` returned, or any frame with a mask column.
    path : path
        The file; its folder must exist. It appears whole or not at all, and replaces what is there.
    image_col, prompt_col, mask_col : column name
        Images and prompts may be missing.
    columns : sequence of column names
        Further columns to show as text, by their labels.
    suspicion : bool or pandas.DataFrame
        Whether rows are marked by :func:`samframe.suspicion`, or its result (``score`` and ``reasons``, a row a row).
    title : str
        Above the page.
    n : int, optional
        The first so many rows only.
    size_px : int
        Longer side of the thumbnails in pixels, 32 to 1024. A photograph of 200 px takes about 9 KB of the page, of
        120 px half of it, once for all the rows that share an image.
    image_root : path, optional
        Folder that paths must lie in.
    client : Client, optional
        Fetches images behind URLs for their thumbnails, from hosts that it allows
        (``samframe.Client(allowed_hosts=["cdn.example.com"])``) and without its key. None: such images are not shown,
        their masks are. The page itself fetches nothing.

    Raises
    ------
    OptionError
        If a column is missing, there twice or no mask column, or an option is out of range.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import pandas as pd, samframe, tempfile
    >>> from pathlib import Path
    >>> from samframe.testing import make_scene
    >>> scene = make_scene("flat", 3, size=128)
    >>> df = pd.DataFrame({"image": [scene.image], "mask": pd.array([scene.objects[0].mask], dtype="mask")})
    >>> file = Path(tempfile.mkdtemp(), "report.html")
    >>> samframe.to_html(df, file)
    >>> file.read_text()[:15]
    '<!doctype html>'
    """
    image_col, prompt_col, mask_col = (
        remembered(df, role, name)
        for role, name in (("image", image_col), ("prompt", prompt_col), ("mask", mask_col))
    )
    doubts = suspicion if not isinstance(suspicion, bool) else None
    if suspicion is True:
        doubts = suspicion_of(df, image_col=image_col, prompt_col=prompt_col, mask_col=mask_col)
    if doubts is not None and (len(doubts) != len(df) or not {"score", "reasons"} <= set(doubts.columns)):
        raise OptionError("suspicion is a bool, or the frame that samframe.suspicion gives for these rows.")
    write_html(
        df,
        path,
        columns=ReportColumns(
            image=image_col,
            prompt=prompt_col,
            mask=mask_col,
            status=remembered(df, "status", "status"),
            error=remembered(df, "error", "error"),
            extra=tuple(columns),
        ),
        suspicion=doubts,
        title=str(title),
        n=n,
        size_px=size_px,
        image_root=image_root,
        fetch=None if client is None else make_fetch(client),
    )
