"""What a call asks for: its rows, or a part of them, or a row for each prompt; and the frame that answers it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.frame.call.concepts import check_prompts, collapse, expand, has_lists
from samframe.frame.call.instances import spread
from samframe.frame.call.kept import check_edits, fill_rows, missing_rows
from samframe.ground.frame import remember

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from samframe.frame.call.options import CallOptions
    from samframe.masks import Mask

__all__ = ["Asked"]

_AT = "samframe position"


class Asked:
    """A call's frame, made into the rows that jobs are made of.

    Parameters
    ----------
    df : pandas.DataFrame
        What the user gave.
    options : CallOptions
        The call.
    names : mapping
        The columns that it adds: field name to column name.
    dry : bool
        True for a plan: output names are not checked.

    Attributes
    ----------
    source : pandas.DataFrame
        The rows as they were when the call began, whatever the user does meanwhile.
    frame : pandas.DataFrame
        The rows that jobs are made of.
    rows : ndarray of int64, shape (len(frame),)
        The position in ``source`` of each.
    columns : tuple
        Columns of ``frame`` that are read: images, prompts, points to include and to exclude, boxes.
    """

    def __init__(
        self, df: pd.DataFrame, options: CallOptions, names: Mapping[str, str], *, dry: bool = False
    ) -> None:
        if not isinstance(df, pd.DataFrame):
            raise OptionError(f"segment takes a pandas DataFrame, not a {type(df).__name__}.")
        self.source = df.copy(deep=False)
        self._options, self._names = options, names
        renamed = options.columns or {}
        self._prompt_col: Any = options.prompt_col
        self._label_col = renamed.get("label", "label")
        self._concepts = (
            None
            if options.prompts is None
            else check_prompts(options.prompts, options.exclude, options.same_iou)
        )
        if self._concepts is not None:
            self._prompt_col = renamed.get("prompt", "prompt")
        self._todo: NDArray[np.int64] | None = None
        self._expansion = None
        is_partial = options.only == "missing"
        if not dry and not is_partial:
            _check_output_names(df, names, overwrite=bool(options.overwrite))
            check_edits(df, names, overwrite=options.overwrite)
        self.frame, self.rows = self.source, np.arange(len(df), dtype=np.int64)
        if is_partial:
            _check_output_names(df, names, overwrite=True)
            self._todo = self.rows = missing_rows(df, names)
            self.frame = self.source.iloc[self.rows]
        if self._concepts is not None or has_lists(self.frame, self._prompt_col):
            if is_partial:
                raise OptionError(
                    'only="missing" fills rows, and several prompts a row make new ones: ask for them in two calls. '
                    "Nothing was sent."
                )
            self._expansion = expand(
                self.source,
                self._concepts,
                prompt_col=self._prompt_col,
                label_col=self._label_col,
                overwrite=dry or bool(options.overwrite),
            )
            self.frame, self.rows = self._expansion.frame, self._expansion.source
        self.columns = (options.image_col, self._prompt_col, *options.input_columns()[2:])

    def answer(
        self,
        result: pd.DataFrame,
        *,
        find: Callable[[int], Sequence[tuple[Mask, float | None]] | None] | None = None,
    ) -> pd.DataFrame:
        """Return the call's frame, from that of the rows that were asked for with their outcomes.

        ``find`` takes a position and returns the masks of its job, where a row is to be an object.
        """
        expansion = self._expansion
        if find is not None:
            wide = spread(result.assign(**{_AT: np.arange(len(result))}), find, self._names)
            at = wide.pop(_AT).to_numpy()
            result = wide
            if expansion is not None:
                expansion = replace(
                    expansion, frame=result, source=expansion.source[at], excluded=expansion.excluded[at]
                )
        if expansion is not None:
            result = collapse(result, expansion, self._concepts, self._names, label_col=self._label_col)
        if self._todo is not None:
            result = fill_rows(self.source, result, self._todo, self._names)
        roles = ("image", "prompt", "coordinates", "remove_coordinates", "boxes")
        remember(result, {**dict(zip(roles, self.columns, strict=True)), **self._names})
        return result


def _check_output_names(df: pd.DataFrame, names: Mapping[str, str], *, overwrite: bool) -> None:
    """Refuse to write over the user's columns.

    Raises
    ------
    OptionError
        If a column exists and ``overwrite`` is False, or two new columns have one name.
    """
    if len(set(names.values())) < len(names):
        raise OptionError(f"columns gives two new columns one name: {', '.join(names.values())}.")
    if isinstance(df.columns, pd.MultiIndex):
        raise OptionError(
            "The frame's columns are a MultiIndex; flatten them first, for example with "
            "df.columns.to_flat_index()."
        )
    taken = [name for name in names.values() if name in df.columns]
    if taken and not overwrite:
        listed = ", ".join(map(repr, taken))
        raise OptionError(
            f'The frame has {listed} already. Nothing was sent. Pass only="missing" to fill the rows without a mask, '
            "overwrite=True to replace, or columns={...} to rename."
        )
