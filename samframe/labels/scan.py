"""The outline of a large JSON file: where its top-level values begin and end, found without building any of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from samframe.errors import LabelError

if TYPE_CHECKING:
    import os

__all__ = ["JsonOutline", "Span", "outline_of", "read_span"]

_BLOCK = 1 << 22
#: A value that is built whole (``info``, ``categories``) takes at most so many bytes.
_MAX_WHOLE = 1 << 26
_MAX_KEYS = 10_000
_SPACE = b" \t\r\n"
_STRUCTURE = b'"[]{}'
_OTHERS = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int64)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1
_SCALAR = re.compile(rb"[^,\]}\s]+")


@dataclass(frozen=True, slots=True)
class Span:
    """Where one value stands in a file: bytes ``start`` to before ``end``, and its first character."""

    start: int
    end: int
    opens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonOutline:
    """The top level of a JSON file.

    Attributes
    ----------
    path : Path
    root : Span
        The whole value.
    sections : mapping of str to Span
        The values of an object by their keys; empty where the file is an array.
    """

    path: Path
    root: Span
    sections: dict[str, Span]


def outline_of(path: str | os.PathLike[str]) -> JsonOutline:
    """Read a file once, in blocks, and return where its top-level values are.

    Nothing but keys is built, so memory stays at a few blocks however long the file is.

    Raises
    ------
    LabelError
        If the file is no JSON object or array, breaks off, repeats a key, or goes on after its end; the message names
        the byte.
    FileNotFoundError
        If there is no such file.
    """
    where = Path(path)
    with where.open("rb") as file:
        cursor = _Cursor(file, where.name)
        if cursor.take(3) != b"\xef\xbb\xbf":
            cursor.seek(0)
        start, first = cursor.skip_space()
        if first == b"[":
            root = Span(start, cursor.skip_nested(start), "[")
            sections: dict[str, Span] = {}
        elif first == b"{":
            sections, end = _sections(cursor, start)
            root = Span(start, end, "{")
        else:
            raise LabelError(
                f"{where.name} is no JSON of labels: {_seen(first)} at byte {start}, not '{{' or '['."
            )
        at, rest = cursor.skip_space(at_end=True)
        if rest:
            raise LabelError(
                f"{where.name}: the JSON ends before byte {at}, but the file goes on with {_seen(rest)}."
            )
    return JsonOutline(path=where, root=root, sections=sections)


def read_span(outline: JsonOutline, span: Span, name: str) -> Any:
    """Return the Python value of a span that is small.

    Raises
    ------
    LabelError
        If it takes more than 64 MiB or is no JSON.
    """
    if span.end - span.start > _MAX_WHOLE:
        raise LabelError(
            f"{outline.path.name}: {name!r} takes {span.end - span.start:,} bytes, over the limit of 64 MiB."
        )
    with outline.path.open("rb") as file:
        file.seek(span.start)
        data = file.read(span.end - span.start)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{outline.path.name}: {name!r} at byte {span.start} is no JSON: {error}") from None


def _sections(cursor: _Cursor, start: int) -> tuple[dict[str, Span], int]:
    """Return the spans of an object's values, and where the object ends; the cursor is left there."""
    found: dict[str, Span] = {}
    cursor.seek(start + 1)
    at, char = cursor.skip_space()
    while char != b"}":
        if char != b'"' or len(found) >= _MAX_KEYS:
            raise LabelError(f"{cursor.name}: a key in quotes is expected at byte {at}, not {_seen(char)}.")
        key = cursor.read_key(at)
        at, char = cursor.skip_space()
        if char != b":":
            raise LabelError(f"{cursor.name}: ':' is expected after {key!r} at byte {at}, not {_seen(char)}.")
        cursor.seek(at + 1)
        begin, first = cursor.skip_space()
        if key in found:
            raise LabelError(f"{cursor.name} has {key!r} twice, at bytes {found[key].start} and {begin}.")
        found[key] = Span(begin, cursor.skip_value(begin, first), first.decode("latin-1"))
        at, char = cursor.skip_space()
        if char == b",":
            cursor.seek(at + 1)
            at, char = cursor.skip_space()
            continue
        if char != b"}":
            raise LabelError(f"{cursor.name}: ',' or '}}' is expected at byte {at}, not {_seen(char)}.")
    cursor.seek(at + 1)
    return found, at + 1


def _seen(char: bytes) -> str:
    return repr(char.decode("latin-1")) if char else "the end of the file"


class _Cursor:
    """Reads a file forwards by what JSON's structure asks for."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self.name = name

    def seek(self, at: int) -> None:
        self._file.seek(at)

    def take(self, n_bytes: int) -> bytes:
        return self._file.read(n_bytes)

    def skip_space(self, *, at_end: bool = False) -> tuple[int, bytes]:
        """Go to the next character that is no white space; return where it is, and it.

        Raises
        ------
        LabelError
            If the file ends first and `at_end` does not allow it.
        """
        at = self._file.tell()
        while block := self._file.read(4096):
            stripped = block.lstrip(_SPACE)
            if stripped:
                at += len(block) - len(stripped)
                self._file.seek(at)
                return at, stripped[:1]
            at += len(block)
        if not at_end:
            raise LabelError(f"{self.name} breaks off at byte {at}: the file is cut short.")
        return at, b""

    def read_key(self, start: int) -> str:
        """Return the text in quotes at `start`, and go behind it."""
        self._file.seek(start)
        block = self._file.read(4096)
        found = re.match(rb'"(?:[^"\\]|\\.)*"', block, re.DOTALL)
        if found is None:
            raise LabelError(f"{self.name}: a key at byte {start} breaks off or is longer than 4,000 bytes.")
        self._file.seek(start + found.end())
        try:
            return str(json.loads(found.group()))
        except ValueError as error:
            raise LabelError(f"{self.name}: the key at byte {start} is no JSON text: {error}") from None

    def skip_value(self, start: int, first: bytes) -> int:
        """Go behind the value at `start` and return where that is."""
        if first in (b"{", b"["):
            return self.skip_nested(start)
        self._file.seek(start)
        if first == b'"':
            return self._skip_text(start)
        found = _SCALAR.match(self._file.read(4096))
        if found is None:
            raise LabelError(f"{self.name}: a value is expected at byte {start}, not {_seen(first)}.")
        self._file.seek(start + found.end())
        return start + found.end()

    def _skip_text(self, start: int) -> int:
        """Go behind a text; it may be long."""
        self._file.seek(start)
        text = self._file.read(_MAX_WHOLE)
        found = re.match(rb'"(?:[^"\\]|\\.)*"', text, re.DOTALL)
        if found is None:
            raise LabelError(f"{self.name}: the text at byte {start} breaks off: the file is cut short.")
        self._file.seek(start + found.end())
        return start + found.end()

    def skip_nested(self, start: int) -> int:
        """Go behind the array or object at `start` and return where that is.

        Raises
        ------
        LabelError
            If the file ends first.
        """
        self._file.seek(start)
        state, at = _State(), start
        while block := self._file.read(_BLOCK):
            after = _fed(state, block)
            if after is None:
                end = at + _end_within(state, block)
                self._file.seek(end)
                return end
            state, at = after, at + len(block)
        inside = "within a text" if state.in_text else f"{state.depth} brackets deep"
        raise LabelError(f"{self.name} breaks off at byte {at}, {inside}: the file is cut short.")


@dataclass(frozen=True, slots=True)
class _State:
    """Between two bytes: how many brackets are open, and whether a text or an escape is."""

    depth: int = 0
    in_text: bool = False
    escaped: bool = False


def _fed(state: _State, block: bytes) -> _State | None:
    """Return the state after a block, or None where the outermost bracket closes within it."""
    text, escaped = (block[1:], False) if state.escaped else (block, False)
    if b"\\" in text:
        text = _ESCAPED.sub(b"", text)
        escaped = text.endswith(b"\\")
    parts = text.translate(None, _OTHERS).split(b'"')
    outside = b"".join(parts[1::2] if state.in_text else parts[::2])
    depth = state.depth
    if outside:
        steps = _STEPS[np.frombuffer(outside, dtype=np.uint8)]
        np.cumsum(steps, out=steps)
        if depth + int(steps.min()) <= 0:
            return None
        depth += int(steps[-1])
    return replace(state, depth=depth, in_text=state.in_text ^ (len(parts) % 2 == 0), escaped=escaped)


def _end_within(state: _State, block: bytes) -> int:
    """Return how many bytes of a block belong to the value that ends in it."""
    at, size = 0, len(block)
    while size > 1:
        size = (size + 15) // 16
        while (after := _fed(state, block[at : at + size])) is not None:
            state, at = after, at + size
    return at + 1
