"""What is refused before anything is sent: text that no prompt is, and secrets that slipped into a cell."""

from __future__ import annotations

import os
import re
import unicodedata

__all__ = ["LONGEST_PROMPT", "why_no_image", "why_no_prompt"]

#: Longer prompts are a slip: a whole file in a cell, a column of documents.
LONGEST_PROMPT = 2_000
#: An image cell of more characters is the image itself.
_LONGEST_NAME = 4_096
#: Whitespace that text may hold.
_SPACES = frozenset("\t\n\r")
# Segmind's own, and those of services that people have keys of beside it.
_KEY = re.compile(
    r"SG_[0-9A-Fa-f]{16,}"
    r"|(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,})"
)


def why_no_prompt(prompt: str, *, longest: int = LONGEST_PROMPT) -> str | None:
    """Return why a text is not sent as a prompt, None where it is. The reason shows nothing of a key.

    Parameters
    ----------
    longest : int
        Characters that a prompt may have.
    """
    if (secret := _KEY.search(prompt)) is not None:
        return (
            f"the prompt holds what looks like an API key ({_masked(secret[0])}); it is not sent and not kept"
        )
    for letter in prompt:
        if unicodedata.category(letter) == "Cc" and letter not in _SPACES:
            return f"the prompt holds a control character (U+{ord(letter):04X}) that is no text"
    if len(prompt) > longest:
        return (
            f"the prompt has {len(prompt):,} characters, more than {longest:,}: is it the right column? "
            "max_prompt= allows more"
        )
    return None


def why_no_image(cell: object) -> str | None:
    """Return why an image cell is not looked at: it holds what looks like a key. None where it does not."""
    if isinstance(cell, os.PathLike):
        cell = os.fspath(cell)
    if not isinstance(cell, str) or len(cell) > _LONGEST_NAME:
        return None
    secret = _KEY.search(cell)
    if secret is None:
        return None
    return (
        f"the image cell holds what looks like an API key ({_masked(secret[0])}); it is not sent and not kept"
    )


def _masked(secret: str) -> str:
    return f"{secret[:3]}…"
