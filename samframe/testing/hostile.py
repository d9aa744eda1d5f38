"""Text that people and attackers put into prompts, file names and labels. Every view shows it as text."""

from __future__ import annotations

__all__ = ["HOSTILE_TEXTS"]

HOSTILE_TEXTS: tuple[str, ...] = (
    "<img src=x onerror=alert(1)>",
    "</script><script>window.hacked = 1</script>",
    "<!--<script>",
    "' onmouseover='alert(1)' x='",
    "[link](javascript:alert(1))",
    "$$\\frac{1}{0}$$ and $x",
    "\\undefined{",
    '=HYPERLINK("http://example.com")',
    "\u202eevil\u202c \u200b\u200f",
    "x" * 10_000,
    "\u8d64\u3044\u8eca",
    "\u0633\u064a\u0627\u0631\u0629",
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f600 face",
    "a\nb\tc\x00\x1b[31m\u2028",
    "\ud800",
    "\ue000\U0010fffd",
    "%s %(x)s {0} {x}",
    "",
    "\u200b",
)
