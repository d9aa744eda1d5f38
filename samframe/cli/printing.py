"""What the command prints: text on one line that a terminal shows and does not obey, whatever its encoding."""

from __future__ import annotations

import io
import sys

__all__ = ["print_anything"]


def print_anything() -> None:
    """Print as an escape what the output's encoding lacks: a prompt in another script must not end a paid run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
