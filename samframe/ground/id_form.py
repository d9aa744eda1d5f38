"""The form of a request id: what kinds of letters stand where, and nothing of the id itself."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["id_form", "make_id"]

_MOST_CHARACTERS = 200
_PIECES = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]+")
_NAMED = re.compile(r"(letters|digits|hex|mixed):(\d{1,3})")
_ALPHABETS = {
    "letters": "ghijklmnopqrstuvwxyz",
    "digits": "0123456789",
    "hex": "0123456789abcdef",
    "mixed": "0123456789abcdefghijklmnopqrstuvwxyz",
}
#: With these a piece is of its kind, whatever is drawn for the rest of it.
_FIRST = {"letters": "", "digits": "", "hex": "a0", "mixed": "z0"}


def id_form(text: str) -> str:
    """Return the form of an id.

    Examples
    --------
    >>> id_form("123e4567-e89b-42d3-a456-426614174000")
    'uuid'
    >>> id_form("req_8f3a01")
    'letters:3_hex:6'
    """
    try:
        if str(uuid.UUID(text)) == text.lower():
            return "uuid"
    except ValueError:
        pass
    return "".join(_named(piece) for piece in _PIECES.findall(text[:_MOST_CHARACTERS]))


def make_id(form: str, draw: random.Random) -> str:
    """Return an id of a form, drawn at random.

    Examples
    --------
    >>> import random
    >>> id_form(make_id("letters:3_hex:6", random.Random(0)))
    'letters:3_hex:6'
    """
    if form == "uuid":
        return str(uuid.UUID(int=draw.getrandbits(128), version=4))
    return _NAMED.sub(lambda match: _drawn(match[1], int(match[2]), draw), form)


def _named(piece: str) -> str:
    if not (piece.isascii() and piece.isalnum()):
        # Kept as it is: punctuation is what makes an id one that cannot stand in a URL.
        return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in piece)
    if piece.isdigit():
        kind = "digits"
    elif piece.isalpha():
        kind = "letters"
    else:
        kind = "hex" if set(piece.lower()) <= set(_ALPHABETS["hex"]) else "mixed"
    return f"{kind}:{len(piece)}"


def _drawn(kind: str, length: int, draw: random.Random) -> str:
    first = _FIRST[kind][:length]
    return first + "".join(draw.choices(_ALPHABETS[kind], k=length - len(first)))
