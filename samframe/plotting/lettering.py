"""Users' text in pictures, shown as it is: no mathtext, no TeX, no control characters, no warnings."""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["label_rows", "letter", "one_line"]

#: What stands for a character that no font on the machine has.
_MISSING = "\ufffd"
_LAST_RESORT = "?"
# matplotlib's own symbol fonts map letters to other shapes, its last resort draws no letter at all.
_NO_LETTERS = ("cm", "STIX", "DejaVu Sans Display", "Last Resort")
# Controls, formats (direction marks, zero widths), surrogates, private use, unassigned.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def one_line(text: str, *, limit: int) -> str:
    """Return text as one line, without controls and direction marks, cut where it is wider than ``limit`` letters."""
    # Only what could be shown is looked at: a cell may hold a million characters.
    start = text[: 20 * limit]
    clean = " ".join("".join(" " if one.isspace() else one for one in start if _is_shown(one)).split())
    if sum(map(_width, clean)) <= limit and len(start) == len(text):
        return clean
    kept, room = 0, limit - 2
    while kept < len(clean) and room >= _width(clean[kept]):
        room -= _width(clean[kept])
        kept += 1
    word_end = clean.rfind(" ", 0, kept + 1)
    return f"{clean[:word_end]} …" if word_end > limit // 2 else f"{clean[:kept]}…"


def letter(artist: Text, text: str) -> None:
    """Give an artist its text, to be drawn as it is: dollars are dollars, and glyphs come from a font that has them."""
    families = _families(artist)
    shown, extra = _covered(text, families)
    artist.set_text(shown)
    artist.set_parse_math(False)
    artist.set_usetex(False)
    if extra:
        artist.set_fontfamily([*families, *extra])


def label_rows(axes: Axes, labels: Sequence[str], *, limit: int) -> None:
    """Write a label at each whole number of the y axis, the first on top."""
    texts = [one_line(text, limit=limit) for text in labels]
    families = _families(axes.yaxis.label)
    shown, extra = zip(*(_covered(text, families) for text in texts), strict=True) if texts else ((), ())
    fonts = [*families, *dict.fromkeys(font for fonts in extra for font in fonts)]
    # Not by `letter`: what a tick is written as is kept by the axis, not by the tick.
    axes.set_yticks(np.arange(len(texts)), list(shown), parse_math=False, usetex=False, fontfamily=fonts)
    axes.set_ylim(len(texts) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _is_shown(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) not in _UNSHOWN


def _width(letter: str) -> int:
    """Return how many letters' room one takes: two in East Asia's wide scripts, none where it stands on another."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _families(artist: Text) -> tuple[str, ...]:
    family: Any = artist.get_fontfamily()
    return (family,) if isinstance(family, str) else tuple(family)


def _covered(text: str, families: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the text with what no font has replaced, and families to fall back to for what the usual ones lack."""
    known = _letters_of(families)
    extra: list[str] = []
    lacking: set[str] = set()
    for one in sorted(set(text) - {" "}):
        if ord(one) in known or any(ord(one) in _letters_of((family,)) for family in extra):
            continue
        family = _family_with(ord(one))
        if family is None:
            lacking.add(one)
        else:
            extra.append(family)
    stand_in = _MISSING if ord(_MISSING) in known else _LAST_RESORT
    return "".join(stand_in if one in lacking else one for one in text), extra


@functools.lru_cache(maxsize=64)
def _letters_of(families: tuple[str, ...]) -> frozenset[int]:
    """Return the code points that matplotlib finds in these families."""
    from matplotlib.font_manager import FontProperties, findfont  # noqa: PLC0415 - matplotlib is heavy

    found: set[int] = set()
    for family in families:
        try:
            path = findfont(FontProperties(family=[family]), fallback_to_default=False)
        except ValueError:
            continue
        found |= _letters_in(str(path))
    return frozenset(found) or _letters_in(findfont(FontProperties()))


@functools.lru_cache(maxsize=256)
def _letters_in(path: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font  # noqa: PLC0415 - matplotlib is heavy

    try:
        font = get_font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (RuntimeError, OSError, ValueError):
        return frozenset()


@functools.lru_cache(maxsize=4096)
def _family_with(code_point: int) -> str | None:
    """Return the name of a family on this machine that has a letter, None where none has."""
    return next((name for name, path in _upright_fonts() if code_point in _letters_in(path)), None)


@functools.cache
def _upright_fonts() -> list[tuple[str, str]]:
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - matplotlib is heavy

    entries: Iterable[Any] = fontManager.ttflist
    fonts = {
        (entry.name, str(entry.fname))
        for entry in entries
        if entry.style == "normal"
        and str(entry.weight) in {"400", "normal", "regular"}
        and "Emoji" not in entry.name
    }
    return sorted(font for font in fonts if not font[0].startswith(_NO_LETTERS))
