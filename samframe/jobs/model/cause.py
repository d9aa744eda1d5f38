"""Why a job that was paid for has no mask, where the service or the reading of it is to blame and not the row."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Cause", "Evidence"]


class Cause(enum.Enum):
    """Kinds of contract failures; the value is what an error calls them."""

    FORM = "the output is no mask in a form that is read"
    DAMAGED = "the output is damaged, or no picture"
    ASPECT = "the mask has another aspect ratio than the image"
    HOST = "the output is on a host that is not allowed"
    HOST_DOWN = "the output's host does not give it out"
    REFUSED = "the output is too large, or compressed"
    GONE = "the output is not there"
    MEMORY = "there was too little memory to decode the output"
    NO_OUTPUT = "the result names no output"
    FOREIGN_ID = "the request id has a foreign form"
    LOST_ANSWER = "answers to submits are lost"
    SERVER_ERROR = "the server fails on submits"
    STATUS = "the job's status is unknown"
    PATIENCE = "the first job does not end"
    PRICE = "the bill is not what was planned"

    @property
    def is_the_rows_own(self) -> bool:
        """Whether it says nothing of the service."""
        return self is Cause.MEMORY

    @property
    def is_about_submits(self) -> bool:
        """Whether it is told by the answer to a submit, so that an accepted job speaks against it."""
        return self in {Cause.FOREIGN_ID, Cause.LOST_ANSWER, Cause.SERVER_ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What came back, for the message about it.

    Attributes
    ----------
    form : str
        What the output is: format, size, mode, colours.
    readers : tuple of str
        Readers that would find a mask in it.
    host : str or None
        Where it was.
    kept : str or None
        Path of the raw output.
    sent_hw : (int, int) or None
        Height and width of the image as sent.
    came_png, sent_png : bytes or None
        Small pictures of the output and of the image.
    """

    form: str = ""
    readers: tuple[str, ...] = ()
    host: str | None = None
    kept: str | None = None
    sent_hw: tuple[int, int] | None = None
    came_png: bytes | None = None
    sent_png: bytes | None = None
