"""The words for what became of a row: their order, what they mean for a later call, and their colours."""

from __future__ import annotations

import enum

__all__ = ["OTHER_COLOUR", "RowStatus", "colours", "status_colour", "text_colour", "words_of"]

#: For a status that samframe does not know, and for those that ask for no attention.
OTHER_COLOUR = "#888888"
_OTHER_TEXT_COLOUR = "#4a5560"


class RowStatus(enum.Enum):
    """A row's status as the frame tells it, in the order in which statuses are listed."""

    COMPLETED = "completed"
    FAILED = "failed"
    UNREAD = "unread"
    IN_DOUBT = "in_doubt"
    LOST = "lost"
    RUNNING = "running"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_result(self) -> bool:
        """Whether the row has what was asked for."""
        return self is RowStatus.COMPLETED

    @property
    def is_settled(self) -> bool:
        """Whether the run is done with the row: what a later call finds out, the row does not wait for."""
        return self not in {RowStatus.RUNNING, RowStatus.CANCELLED, RowStatus.SKIPPED}

    @property
    def may_change_free(self) -> bool:
        """Whether the same call may give the row a mask without paying again, or has yet to send it."""
        return self is RowStatus.UNREAD or not self.is_settled


# Okabe and Ito's colours, which people with any common form of colour blindness tell apart (2008).
_COLOURS = {
    RowStatus.COMPLETED: "#009E73",
    RowStatus.FAILED: "#D55E00",
    RowStatus.UNREAD: "#0072B2",
    RowStatus.IN_DOUBT: "#E69F00",
    RowStatus.LOST: "#CC79A7",
    RowStatus.RUNNING: "#56B4E9",
    RowStatus.CANCELLED: "#999999",
    RowStatus.SKIPPED: "#BBBBBB",
}
# The same, dark enough for small text on white.
_TEXT_COLOURS = {
    RowStatus.COMPLETED: "#00704f",
    RowStatus.FAILED: "#b04a00",
    RowStatus.UNREAD: "#005a8c",
    RowStatus.IN_DOUBT: "#8a5a00",
    RowStatus.LOST: "#b04a00",
}


def _known(status: str | RowStatus) -> RowStatus | None:
    try:
        return RowStatus(status)
    except ValueError:
        return None


def status_colour(status: str | RowStatus) -> str:
    """Return the colour of a status as ``#rrggbb``, grey for one that samframe does not know."""
    known = _known(status)
    return _COLOURS[known] if known is not None else OTHER_COLOUR


def text_colour(status: str | RowStatus) -> str:
    """Return the colour of small text about a status as ``#rrggbb``."""
    known = _known(status)
    return _TEXT_COLOURS.get(known, _OTHER_TEXT_COLOUR) if known is not None else _OTHER_TEXT_COLOUR


def words_of(status: str | RowStatus) -> str:
    """Return a status as a reader sees it: ``"in doubt"`` for ``"in_doubt"``."""
    return str(getattr(status, "value", status)).replace("_", " ")


def colours() -> dict[str, str]:
    """Return the colour of each status by its word, in order, for pages that draw in another language."""
    return {status.value: colour for status, colour in _COLOURS.items()}
