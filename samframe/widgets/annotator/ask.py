"""What an annotator asks of an engine it does not know: jobs, their price, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from samframe.masks import Mask
    from samframe.widgets.annotator.edits import RowState
    from samframe.widgets.annotator.events import XY

__all__ = ["Ask", "Quote", "Reply", "Segmenter", "ask_of", "why_not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One row's job: points, or else a prompt; the API ignores points beside a prompt."""

    row: int
    prompt: str | None = None
    points: tuple[XY, ...] = ()
    remove_points: tuple[XY, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What sending would cost. ``usd``: US dollars, at most; ``text``: the same in words, for the person who pays."""

    usd: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of an ask: a mask, or ``error`` in words. ``inference_time`` in seconds."""

    status: str
    mask: Mask | None = None
    error: str | None = None
    request_id: str | None = None
    inference_time: float | None = None


class Segmenter(Protocol):
    """What the annotator is handed. It may be called from any thread.

    One whose jobs are free and quick also has ``is_live``, which is True: clicks are then sent at once.
    """

    def at_most(self, n_jobs: int) -> Quote | None:
        """Return at once what so many jobs cost at most, None where nothing can be sent."""
        ...

    def quote(self, ask: Ask) -> Quote:
        """Return the price of a job. Nothing is sent; it may take a while, and holds until the job is sent.

        Raises
        ------
        SamframeError
            If nothing can be sent at all.
        """
        ...

    def total(self, quotes: Sequence[Quote]) -> Quote:
        """Return at once what several jobs cost together, and in words whether that is within the budget."""
        ...

    def prepare(self, row: int) -> None:
        """Let the engine know, where it is live, that a row is open; it may take a while, and never raises."""
        ...

    def send(
        self, asks: Sequence[Ask], *, usd_limit: float, done: Callable[[Sequence[Reply] | str], None]
    ) -> None:
        """Send jobs and return at once.

        Parameters
        ----------
        asks : sequence of Ask
            The jobs.
        usd_limit : float
            US dollars that were shown to the person who sends: a hard stop.
        done : callable
            Called once, in any thread, with a reply for each ask, or with the words for why there is none.
        """
        ...


def ask_of(row: int, state: RowState) -> Ask | None:
    """Return the job that a row asks for, None where there is nothing to ask for."""
    if state.include:
        return Ask(row=row, points=state.include, remove_points=state.exclude)
    if state.exclude or not (state.prompt or "").strip():
        return None
    return Ask(row=row, prompt=state.prompt)


def why_not(state: RowState) -> str:
    """Return why a row asks for nothing, and what to do."""
    if state.exclude:
        return "Points to exclude need a point to include: click on the object."
    return "There is nothing to send: click on the object, or write a prompt."
