"""The elements of a long JSON array, a block at a time: each as its own bytes, so that one that is broken stays one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samframe.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samframe.labels.scan import JsonOutline, Span

__all__ = ["ElementReader", "Elements", "parse_elements"]

_BLOCK = 1 << 23
#: One element takes at most so many bytes.
_MAX_ELEMENT = 1 << 28
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_BETWEEN = re.compile(rb"\}(\s*,\s*)\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Some elements that follow one another in an array.

    Attributes
    ----------
    first : int
        Number of the first one in the array, from 0.
    texts : list of bytes
        The JSON of each.
    is_exact : bool
        Whether each text is known to be one element. Otherwise the array was cut where a brace, a comma and a brace
        follow one another, which may lie within an element: :func:`parse_elements` finds out.
    block : bytes
        What was cut.
    """

    first: int
    texts: list[bytes]
    is_exact: bool
    block: bytes


def parse_elements(elements: Elements) -> list[Any] | None:
    """Return the Python values of a block, None where it was not cut at elements.

    A text that is no JSON gives the error in its place, where the block is exact.
    """
    if not elements.is_exact:
        try:
            values: list[Any] = json.loads(b"[%s]" % b",".join(elements.texts))
        except (ValueError, RecursionError):
            return None
        return values if len(values) == len(elements.texts) else None
    return [_parsed(text) for text in elements.texts]


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return LabelError(f"no JSON: {error}")


class ElementReader:
    """Reads the elements of an array in blocks of some MiB.

    Iterate over it. Where :func:`parse_elements` finds a block cut wrongly, `recut` gives one in its place.

    Parameters
    ----------
    outline : JsonOutline
        The file.
    span : Span
        The array in it.

    Raises
    ------
    LabelError
        If one element takes more than 256 MiB, or the file changes meanwhile.
    """

    def __init__(self, outline: JsonOutline, span: Span) -> None:
        self._outline = outline
        self._at, self._end = span.start + 1, span.end - 1
        self._rest = b""
        self._n_before = self._n_given = 0
        self._given: Elements | None = None

    def __iter__(self) -> Iterator[Elements]:
        while data := self._fill(_BLOCK).strip():
            found = self._quick(data) or self._exact(data)
            self._given, self._n_given = found, len(found.texts)
            yield found
            self._n_before += self._n_given

    def recut(self) -> Elements:
        """Return the elements of the block given last, cut by looking at every bracket."""
        if self._given is None:
            raise LabelError(f"{self._outline.path.name}: nothing was read yet.")
        found = self._exact(self._given.block)
        self._given, self._n_given = found, len(found.texts)
        return found

    @property
    def _at_end(self) -> bool:
        return self._at >= self._end

    def _fill(self, n_bytes: int) -> bytes:
        """Read on until so many bytes wait to be cut, and return them."""
        if n_bytes > _MAX_ELEMENT:
            raise LabelError(
                f"{self._outline.path.name}: element {self._n_before:,} takes more than {_MAX_ELEMENT >> 20} MiB."
            )
        wanted = min(n_bytes - len(self._rest), self._end - self._at)
        if wanted > 0:
            with self._outline.path.open("rb") as file:
                file.seek(self._at)
                more = file.read(wanted)
            if len(more) < wanted:
                raise LabelError(f"{self._outline.path.name} was cut short while it was read.")
            self._rest += more
            self._at += wanted
        return self._rest

    def _quick(self, data: bytes) -> Elements | None:
        """Cut where the brace, comma and brace of the first two elements stand again, None where that says nothing."""
        first = _BETWEEN.search(data)
        if first is None or not data.startswith(b"{"):
            return None
        between = first.group()
        cut = len(data) if self._at_end else data.rfind(between) + 1
        block = data[:cut]
        if not block.endswith(b"}") or b"\0" in block:
            return None
        self._rest = data[cut + len(between) - 2 :]
        texts = block.replace(between, b"}\0{").split(b"\0")
        return Elements(first=self._n_before, texts=texts, is_exact=False, block=data)

    def _exact(self, data: bytes) -> Elements:
        """Cut at the commas that stand between brackets that are closed."""
        while True:
            texts, used = _cut(data, whole=self._at_end)
            if texts or self._at_end:
                break
            self._rest = data
            data = self._fill(2 * len(data))
        self._rest = data[used:]
        return Elements(first=self._n_before, texts=texts, is_exact=True, block=data)


def _cut(data: bytes, *, whole: bool) -> tuple[list[bytes], int]:
    """Return the texts between top-level commas, and how many bytes they take; the last one only of `whole` data."""
    depth, begin, texts = 0, 0, []
    for token in _TOKEN.finditer(data):
        char = token.group()
        if char in (b"{", b"["):
            depth += 1
        elif char in (b"}", b"]"):
            depth -= 1
        elif char == b"," and depth == 0:
            texts.append(data[begin : token.start()].strip())
            begin = token.end()
    if whole and data[begin:].strip():
        texts.append(data[begin:].strip())
        begin = len(data)
    return texts, begin
