"""The controls above a gallery: filters, order, colours and looks, in plain ipywidgets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from samframe.ground.html import html_text
from samframe.widgets.gallery.query import Filter, Range
from samframe.widgets.gallery.rows import SUSPICION, GalleryRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["NO_COLUMN", "Controls"]

NO_COLUMN = "one colour"
_WIDE = {"width": "auto", "flex": "1 1 15em", "min_width": "12em"}
_LABEL = {"description_width": "initial"}
#: Read in a light and in a dark theme: the page's own ink on a tint of red, and a sign beside it.
_PROBLEM = (
    '<div role="alert" style="padding:6px 10px;line-height:1.4;white-space:normal;overflow-wrap:anywhere;'
    "border-left:4px solid #d32f2f;border-radius:3px;background:rgba(211,47,47,.14);"
    'color:var(--jp-ui-font-color1,inherit)"><b>\u26a0</b> {}</div>'
)


class Controls:
    """What filters, sorts and colours; each change calls back.

    Parameters
    ----------
    rows : GalleryRows
    changed : callable
        Told of every change of filter, order or colours.

    Attributes
    ----------
    lines : list of ipywidgets.Widget
        The controls, line by line.
    """

    def __init__(self, rows: GalleryRows, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._is_quiet = False
        self._filter = Filter()
        # Shared, as each is a model of its own that the page opens and the notebook saves.
        chip = ipywidgets.Layout(width="auto", height="28px")
        wide = ipywidgets.Layout(**_WIDE)
        line = ipywidgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="2px 6px")
        styles: dict[type, Any] = {}
        self._statuses = {
            name: _make(
                styles,
                ipywidgets.ToggleButton,
                description=f"{name.replace('_', ' ')[:40]} {count:,}",
                layout=chip,
            )
            for name, count in list(rows.statuses.items())[:8]
        }
        self._marks = {
            name: _make(
                styles,
                ipywidgets.ToggleButton,
                description=f"{name} {count:,}",
                tooltip=f"Only {name}",
                layout=chip,
            )
            for name, count in rows.marks.counts().items()
        }
        self._counted = rows.marks.counts
        has_prompts = rows.prompt_col is not None
        self._text = _text(styles, "prompt", "text in the prompt", wide) if has_prompts else None
        self._query = _text(styles, "query", "a pandas query: score > 0.9 and mark != 'rejected'", wide)
        self._area = _slider(styles, "area, px", rows.areas, wide, step=1.0, readout=",.0f")
        self._seconds = _slider(styles, "inference, s", rows.seconds, wide, step=0.01, readout=".2f")
        self.sort = _make(
            styles,
            ipywidgets.Dropdown,
            options=rows.sortable,
            description="sort by",
            style=_LABEL,
            layout=wide,
        )
        self.descending = _make(
            styles, ipywidgets.ToggleButton, description="descending", tooltip="Largest first", layout=chip
        )
        self.colour = _make(
            styles,
            ipywidgets.Dropdown,
            options=[NO_COLUMN, *rows.colourable],
            description="colour by",
            style=_LABEL,
            layout=wide,
        )
        self.problem = ipywidgets.VBox(layout={"display": "none", "width": "100%"})
        self._watched = [
            *self._statuses.values(),
            *self._marks.values(),
            *(self._text, self._query, self._area, self._seconds, self.sort, self.descending, self.colour),
        ]
        for widget in self._watched:
            if widget is not None:
                widget.observe(self._on_change, names="value")
        self.lines = [
            _line([*self._statuses.values(), self._text, self._query], line),
            *([_line([self._area, self._seconds], line)] if self._area or self._seconds else []),
            _line([*self._marks.values(), self.sort, self.descending, self.colour], line),
            self.problem,
        ]

    @property
    def filter(self) -> Filter:
        """The filter as it stands."""
        return self._filter

    def set_filter(self, wanted: Filter) -> None:
        """Set the filter, let every control show it, and tell of it once."""
        self._is_quiet = True
        try:
            for name, button in self._statuses.items():
                button.value = name in wanted.statuses
            for name, button in self._marks.items():
                button.value = name in wanted.marks
            if self._text is not None:
                self._text.value = wanted.text
            self._query.value = wanted.query
            for slider, ends in ((self._area, wanted.area), (self._seconds, wanted.seconds)):
                if slider is not None:
                    low, high = ends
                    slider.value = (slider.min if low is None else low, slider.max if high is None else high)
        finally:
            self._is_quiet = False
        self._filter = wanted
        self._changed()

    def set_order(self, by: str, *, descending: bool) -> None:
        """Set what rows are sorted by, and tell of it once."""
        self._is_quiet = True
        try:
            self.sort.value = by
            self.descending.value = descending
        finally:
            self._is_quiet = False
        self._changed()

    def tell_problem(self, text: str) -> None:
        """Show what is wrong with the query; an empty text shows nothing."""
        self.problem.children = [ipywidgets.HTML(_PROBLEM.format(html_text(text)))] if text else []
        self.problem.layout.display = "" if text else "none"

    def tell_marks(self) -> None:
        """Show how many rows have each mark now."""
        for name, count in self._counted().items():
            self._marks[name].description = f"{name} {count:,}"

    def _on_change(self, change: dict[str, Any]) -> None:
        if self._is_quiet:
            return
        owner, value = change["owner"], change["new"]
        if owner is self._text:
            self._filter = replace(self._filter, text=value)
        elif owner is self._query:
            self._filter = replace(self._filter, query=value)
        elif owner is self._area:
            self._filter = replace(self._filter, area=_range(owner))
        elif owner is self._seconds:
            self._filter = replace(self._filter, seconds=_range(owner))
        elif owner is self.sort:
            # Doubt is looked at from the top, everything else from the start.
            self._is_quiet = True
            self.descending.value = value == SUSPICION
            self._is_quiet = False
        elif owner in self._statuses.values():
            pressed = tuple(name for name, button in self._statuses.items() if button.value)
            self._filter = replace(self._filter, statuses=pressed)
        elif owner in self._marks.values():
            pressed = tuple(name for name, button in self._marks.items() if button.value)
            self._filter = replace(self._filter, marks=pressed)
        self._changed()


def _line(widgets: list[Any], layout: ipywidgets.Layout) -> ipywidgets.HBox:
    return ipywidgets.HBox([widget for widget in widgets if widget is not None], layout=layout)


def _make(styles: dict[type, Any], kind: type, **options: Any) -> Any:
    """Return a widget whose style is that of the first of its kind: each style is a model that the notebook saves."""
    widget = kind(**options | ({"style": styles[kind]} if kind in styles else {}))
    styles.setdefault(kind, widget.style)
    return widget


def _text(styles: dict[type, Any], name: str, hint: str, layout: ipywidgets.Layout) -> ipywidgets.Text:
    return _make(
        styles,
        ipywidgets.Text,
        description=name,
        placeholder=hint,
        continuous_update=False,
        style=_LABEL,
        layout=layout,
    )


def _slider(
    styles: dict[type, Any],
    name: str,
    values: NDArray[np.float64],
    layout: ipywidgets.Layout,
    *,
    step: float,
    readout: str,
) -> ipywidgets.FloatRangeSlider | None:
    """Return a slider that spans the values, ends on whole steps; None where there is nothing to choose from."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return None
    low = float(np.floor(known.min() / step) * step)
    high = float(np.ceil(known.max() / step) * step)
    return _make(
        styles,
        ipywidgets.FloatRangeSlider,
        value=(low, high),
        min=low,
        max=high,
        step=max(step, (high - low) / 1000),
        description=name,
        readout_format=readout,
        continuous_update=False,
        style=_LABEL,
        layout=layout,
    )


def _range(slider: Any) -> Range:
    """Return the ends that are not the slider's own, which condition nothing: rows without a value are then kept."""
    low, high = slider.value
    return (None if low <= slider.min else low, None if high >= slider.max else high)
