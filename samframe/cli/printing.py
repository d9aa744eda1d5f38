"""What the command prints: text on one line that a terminal shows and does not obey, whatever its encoding."""

from __future__ import annotations

import io
import sys

__all__ = ["one_line", "print_anything"]


def one_line(text: str, width: int | None = None) -> str:
    """Return text on one line, cut to a width, without what a terminal would obey (escapes, direction marks)."""
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return shown if width is None or len(shown) <= width else f"{shown[: width - 1]}…"


def print_anything() -> None:
    """Print as an escape what the output's encoding lacks: a prompt in another script must not end a paid run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
