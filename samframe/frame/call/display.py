"""How a run shows itself: a panel in a notebook, a bar on a terminal, nothing elsewhere. Five updates a second."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from samframe.errors import ContractError
    from samframe.jobs import Outcome, Progress

__all__ = ["Display", "make_display", "show_pictures"]

_INTERVAL_S = 0.2
#: Pictures of the latest masks come with every so many updates: they cost a few milliseconds each.
_PICTURES_EVERY = 5

_logger = logging.getLogger(__name__)


class _Face(Protocol):
    """What shows figures."""

    def update(self, progress: Progress) -> None: ...

    def show_latest(self, latest: Sequence[tuple[int, Outcome]]) -> None: ...

    def close(self, progress: Progress | None) -> None: ...


class Display:
    """Brings a face up to date while a run is on.

    Parameters
    ----------
    make_face : callable
        Makes the face when the first figures are there.
    """

    def __init__(self, make_face: Callable[[Progress], _Face | None], *, is_panel: bool = False) -> None:
        self._make_face = make_face
        self._cell = _cell_number() if is_panel else None

    def tell_end(self, progress: Progress | None) -> None:
        """Show the last line of a run below the cell that waited for it, where another cell began the run.

        A run without a browser (nbconvert, papermill) has no other: what comes after its own cell's end is not kept.
        """
        if self._cell is None or self._cell == _cell_number():
            return
        from samframe.widgets.progress import show_last_line  # noqa: PLC0415 - ipywidgets is heavy

        self._cell = _cell_number()
        with _quietly():
            show_last_line(progress)

    @asynccontextmanager
    async def live(self, read: Callable[[], Progress | None]) -> AsyncIterator[None]:
        """Show the figures that ``read`` gives for as long as the block lasts."""
        faces: list[_Face] = []
        task = asyncio.create_task(self._refresh(read, faces))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._end(read(), faces)

    def _end(self, progress: Progress | None, faces: list[_Face]) -> None:
        with _quietly():
            if progress is not None and not faces:
                self._open(progress, faces)
            for face in faces:
                face.close(progress)

    async def _refresh(self, read: Callable[[], Progress | None], faces: list[_Face]) -> None:
        with _quietly():
            for tick in itertools.count():
                await asyncio.sleep(_INTERVAL_S)
                progress = read()
                if progress is None:
                    continue
                if not faces:
                    self._open(progress, faces)
                for face in faces:
                    face.update(progress)
                    if tick % _PICTURES_EVERY == 0:
                        await asyncio.to_thread(face.show_latest, list(progress.latest))

    def _open(self, progress: Progress, faces: list[_Face]) -> None:
        face = self._make_face(progress)
        if face is not None:
            faces.append(face)
            face.update(progress)


@contextmanager
def _quietly() -> Iterator[None]:
    """Log what a display raises (a closed stream, a widget that is gone): it must not cost a row its result."""
    try:
        yield
    except Exception:
        _logger.warning("The progress display failed; the run goes on without it.", exc_info=True)


def make_display(
    kind: Any,
    *,
    stop: Callable[[], None],
    image_of: Callable[[int], object] | None = None,
    image_root: Any = None,
) -> Display:
    """Return the display for the ``progress`` option.

    Parameters
    ----------
    kind : "auto", "widget", "bar", True, False or None
        ``auto`` and True: a panel in a notebook, a bar where standard error is a terminal, else nothing.
    stop : callable
        What the panel's Stop button calls.
    image_of : callable, optional
        Takes a row's position and returns its image cell, for the panel's pictures of the latest masks.
    image_root : path, optional
        Folder that paths must lie in.

    Raises
    ------
    OptionError
        If it is anything else.
    """
    if kind is True:
        kind = "auto"
    if kind is False or kind is None:
        return Display(_no_face)
    if kind == "auto":
        kind = (
            "widget"
            if _in_notebook()
            else "bar"
            if sys.stderr is not None and sys.stderr.isatty()
            else "none"
        )
    match kind:
        case "widget":
            return Display(
                lambda progress: _panel(progress, stop=stop, image_of=image_of, image_root=image_root),
                is_panel=True,
            )
        case "bar":
            return Display(_Bar)
        case "none":
            return Display(_no_face)
        case _:
            raise OptionError(f"progress is 'auto', 'widget', 'bar' or False; it is {kind!r}.")


def _no_face(_: Progress) -> None:
    return None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _cell_number() -> int | None:
    """Return the number of the cell that runs, None outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "execution_count", None)


def _panel(progress: Progress, **options: Any) -> _Face | None:
    from samframe.widgets import ProgressPanel  # noqa: PLC0415 - ipywidgets is heavy

    panel: _Face = ProgressPanel(progress, **options)
    return panel


def show_pictures(error: ContractError) -> None:
    """In a notebook, show the picture that came back beside the one that was sent."""
    if not _in_notebook() or (error.came_png is None and error.sent_png is None):
        return
    with _quietly():
        from IPython.display import HTML, display  # noqa: PLC0415 - there is a notebook

        display(HTML(error._repr_html_()))


class _Bar:
    """A tqdm bar on standard error."""

    def __init__(self, progress: Progress) -> None:
        from tqdm import tqdm  # noqa: PLC0415 - only where a bar is drawn

        self._bar = tqdm(total=progress.rows, unit="row", desc="segment", file=sys.stderr, mininterval=0)

    def update(self, progress: Progress) -> None:
        counts = progress.by_status
        parts = [f"{counts[status]} {status.value}" for status in counts if counts[status]]
        parts.append(progress.budget.spent_text())
        if progress.remaining_credits is not None:
            parts.append(f"${progress.remaining_credits:,.2f} left")
        if progress.phase:
            parts.append(progress.phase)
        self._bar.total, self._bar.n = progress.rows, progress.rows_done
        self._bar.set_postfix_str(", ".join(parts), refresh=True)

    def show_latest(self, latest: Sequence[tuple[int, Outcome]]) -> None:
        """Show nothing: a terminal has no pictures."""

    def close(self, progress: Progress | None) -> None:
        if progress is not None:
            self.update(progress)
        self._bar.close()
