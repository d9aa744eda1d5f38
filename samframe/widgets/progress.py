"""A run as a panel in the notebook: bar, rows by status, money, pace, latest masks, a Stop button; then one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets
from IPython.display import HTML, display

from samframe.ground.html import NOT_MATHS, html_text
from samframe.ground.status import text_colour, words_of
from samframe.widgets.sheet import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["ProgressPanel", "show_last_line"]

_STOP_HINT = "Send nothing more. Jobs that are out are kept; the same call goes on where this one ends."

_PICTURES = 6
_PICTURE_SIDE_PX = 88


class _Budget(Protocol):
    def spent_text(self) -> str: ...


class _Progress(Protocol):
    """What a panel reads of a run."""

    @property
    def rows(self) -> int: ...

    @property
    def rows_done(self) -> int: ...

    @property
    def by_status(self) -> Mapping[Any, int]: ...

    @property
    def budget(self) -> _Budget: ...

    @property
    def remaining_credits(self) -> float | None: ...

    @property
    def phase(self) -> str: ...

    @property
    def rows_per_second(self) -> float: ...

    @property
    def seconds_left(self) -> float | None: ...

    def summary(self) -> str: ...


class ProgressPanel:
    """A run's live panel below the cell that started it.

    Parameters
    ----------
    progress : Progress
        The first figures: those of :class:`samframe.jobs.Progress`.
    stop : callable
        What the Stop button calls, without arguments, at most once.
    image_of : callable, optional
        Takes a row's position and returns its image cell, for small pictures of the latest masks; None: no pictures.
    image_root : path, optional
        Folder that paths must lie in.

    Attributes
    ----------
    widget : ipywidgets.VBox
        The panel.
    """

    def __init__(
        self,
        progress: _Progress,
        *,
        stop: Callable[[], None],
        image_of: Callable[[int], object] | None = None,
        image_root: Any = None,
    ) -> None:
        self._ask_to_stop = stop
        self._image_of = image_of
        self._image_root = image_root
        self._shown: list[int] = []
        self._is_stopping = False
        self._bar = ipywidgets.IntProgress(
            value=0,
            min=0,
            max=max(1, progress.rows),
            layout=ipywidgets.Layout(flex="1 1 auto", width="auto"),
            style={"bar_color": "#0072b2"},
        )
        self._button = ipywidgets.Button(
            description="Stop",
            tooltip=_STOP_HINT,
            icon="stop",
            layout=ipywidgets.Layout(width="7em", flex="0 0 auto"),
        )
        self._button.on_click(self._on_stop)
        self._counts = ipywidgets.HTML()
        self._figures = ipywidgets.HTML()
        self._latest = ipywidgets.Image(
            format="webp",
            layout=ipywidgets.Layout(display="none", max_width="100%", width="max-content", height="auto"),
        )
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self._bar, self._button], layout=ipywidgets.Layout(align_items="center")),
                self._counts,
                self._figures,
                self._latest,
            ],
            layout=ipywidgets.Layout(max_width="46em"),
        )
        self.update(progress)
        self._handle = display(self.widget, display_id=True)

    def update(self, progress: _Progress) -> None:
        """Show the latest figures."""
        self._bar.max = max(1, progress.rows)
        self._bar.value = progress.rows_done
        self._counts.value = _counts_html(progress)
        self._figures.value = _figures_html(progress, is_stopping=self._is_stopping)

    def show_latest(self, latest: Iterable[tuple[int, Any]]) -> None:
        """Show the latest rows that have a mask, newest first, as one small picture. Reads images: not for the loop.

        Parameters
        ----------
        latest : iterable of (int, outcome)
            Row and outcome of the latest jobs, oldest first.
        """
        if self._image_of is None:
            return
        done = [(row, outcome.mask) for row, outcome in latest if outcome.mask is not None]
        newest = done[::-1][:_PICTURES]
        rows = [row for row, _ in newest]
        if rows == self._shown:
            return
        self._shown = rows
        self._latest.value = contact_sheet(
            [(self._image_of(row), mask) for row, mask in newest],
            side=_PICTURE_SIDE_PX,
            columns=_PICTURES,
            image_root=self._image_root,
        )
        self._latest.layout.display = "" if rows else "none"

    def close(self, progress: _Progress | None) -> None:
        """Become one line; what is saved with the notebook is that line, which needs no kernel to be read.

        Parameters
        ----------
        progress : Progress or None
            The last figures; None where the run ended before there were any.
        """
        line = _line_html(progress)
        self.widget.children = (ipywidgets.HTML(line),)
        if self._handle is not None:
            self._handle.update(HTML(line))

    def _on_stop(self, _button: Any) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        self._button.disabled = True
        self._button.description = "Stopping"
        self._ask_to_stop()


def show_last_line(progress: _Progress | None) -> None:
    """Show the one line that a panel becomes below the cell that runs now."""
    display(HTML(_line_html(progress)))


def _line_html(progress: _Progress | None) -> str:
    text = (
        progress.summary() if progress is not None else "stopped before anything was sent; run again to go on"
    )
    return f"<div class='{NOT_MATHS}' style='font-size:0.95em'>samframe: {html_text(text)}</div>"


def _counts_html(progress: _Progress) -> str:
    chips = [f"<b>{progress.rows_done:,}</b> of {progress.rows:,} rows"]
    for status, count in progress.by_status.items():
        if count:
            words = html_text(words_of(status))
            # The colour stands beside its word: no fact is told by it alone.
            chips.append(
                f"<span style='color:{text_colour(status)};font-weight:600'>{count:,} {words}</span>"
            )
    return " &nbsp;·&nbsp; ".join(chips)


def _figures_html(progress: _Progress, *, is_stopping: bool) -> str:
    parts = [f"{progress.budget.spent_text()} spent"]
    if progress.remaining_credits is not None:
        parts.append(f"${progress.remaining_credits:,.2f} left")
    if progress.rows_done:
        parts.append(_rate_text(progress.rows_per_second))
    if is_stopping:
        parts.append("stopping: jobs that are out are kept")
    elif progress.seconds_left is not None and progress.rows_done < progress.rows:
        parts.append(f"{_duration_text(progress.seconds_left)} to go")
    if progress.phase:
        parts.append(progress.phase)
    return " &nbsp;·&nbsp; ".join(html_text(part) for part in parts)


def _rate_text(rows_per_second: float) -> str:
    if rows_per_second >= 1:
        return f"{rows_per_second:,.1f} rows/s"
    return f"{rows_per_second * 60:,.1f} rows/min"


def _duration_text(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - up to here seconds say more than minutes
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
