"""The closed grammar of text prompts: [rank] [colour] [shape | object], or "background"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from samframe.server.engines.drawn.vocabulary import COLOURS, RANKS, SHAPES, SYNONYMS, vocabulary_text
from samframe.server.protocol import EngineRefused

__all__ = ["Query", "parse_prompt"]

#: A prompt is quoted in an error message up to this length.
_SHOWN = 80
_ARTICLES = ("the", "a", "an", "all")
_NEGATIONS = ("no", "not", "without", "except", "non", "never", "nothing", "none")
_RELATIONS = (
    "left", "right", "above", "below", "under", "over", "near", "next", "beside", "between", "behind", "inside",
    "outside", "in", "on", "of", "with", "and", "or", "touching", "around", "than",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a prompt asks for; None where it leaves something open.

    Parameters
    ----------
    rank : str or None
        One of the seven ranks.
    colour : str or None
        One of the twelve colours.
    shape : str or None
        One of the eight shapes; None for any object.
    background : bool
        True for the prompt ``"background"``, which stands alone.
    """

    rank: str | None = None
    colour: str | None = None
    shape: str | None = None
    background: bool = False


def parse_prompt(prompt: str) -> Query:
    """Read a prompt by the grammar.

    Parameters
    ----------
    prompt : str
        Case, outer blanks, one leading article and a final full stop do not matter; words and their order do.

    Returns
    -------
    Query

    Raises
    ------
    EngineRefused
        If the prompt is empty, or says anything the grammar does not hold.

    Examples
    --------
    >>> parse_prompt("the largest red circle")
    Query(rank='largest', colour='red', shape='circle', background=False)
    """
    words = re.sub(r"[.!]\s*$", "", prompt.strip()).casefold().split()
    if not words:
        raise _refusal(prompt, "is empty")
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    words = [SYNONYMS.get(word, word) for word in words]
    if words == ["background"]:
        return Query(background=True)
    _check_words(prompt, words)
    rest = list(words)
    rank = rest.pop(0) if rest and rest[0] in RANKS else None
    colour = rest.pop(0) if rest and rest[0] in COLOURS else None
    noun = rest.pop(0) if rest and (rest[0] in SHAPES or rest[0] == "object") else None
    if rest:
        raise _refusal(prompt, f"does not keep the grammar's order at {rest[0]!r}")
    return Query(rank=rank, colour=colour, shape=None if noun == "object" else noun)


def _check_words(prompt: str, words: list[str]) -> None:
    """Refuse the first word that the vocabulary does not hold, and say what kind of word it is."""
    for word in words:
        if word in RANKS or word in COLOURS or word in SHAPES or word == "object":
            continue
        if word in _NEGATIONS:
            raise _refusal(prompt, f"negates ({word!r}), which the engine cannot do")
        if word in _RELATIONS:
            raise _refusal(prompt, f"relates things to one another ({word!r}), which the engine cannot do")
        if not word.isascii():
            raise _refusal(prompt, "is not written in the vocabulary's language, English")
        raise _refusal(prompt, f"holds {_shortened(word)!r}, which is not in the vocabulary")


def _refusal(prompt: str, reason: str) -> EngineRefused:
    return EngineRefused(
        f"prompt {_shortened(prompt)!r} {reason}. "
        f"The offline engine names no objects; it understands {vocabulary_text()}."
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
