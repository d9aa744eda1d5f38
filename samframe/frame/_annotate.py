"""``df.sam.annotate``: the annotator handed its frame and the ordinary engine, and its log repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import pandas as pd

__all__ = ["replay"]


def replay(
    df: pd.DataFrame, events: Iterable[Any | Mapping[str, Any]], *, mask_col: Hashable = "mask"
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

    return replay_events(df, events, mask_col=mask_col)
