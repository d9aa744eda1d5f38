"""The readers by name, and what reads with one: the mask, with what is recorded beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError, MaskError, OptionError
from samframe.images import read_image
from samframe.masks import Mask
from samframe.segmind.output import OutputError, OutputMask, read_mask
from samframe.segmind.reading.context import ReaderContext
from samframe.segmind.reading.overlay import by_difference
from samframe.segmind.reading.planes import decode
from samframe.segmind.reading.rules import RULES, by_colour, commonest_colours

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["Reader", "ReaderSpec", "make_reader", "read_output", "readers_that_fit"]

ReaderSpec = str | Callable[[bytes, ReaderContext], Any]

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_TWO_DIMENSIONS = 2


@dataclass(frozen=True, slots=True)
class Reader:
    """One way of reading masks.

    Attributes
    ----------
    name : str
        What is recorded with each mask: the rule, the colour, or the function's own name.
    """

    name: str
    function: Callable[[bytes, ReaderContext], OutputMask]

    def read(self, data: bytes, context: ReaderContext) -> OutputMask:
        """Return the mask that an output file holds.

        Raises
        ------
        OutputError
            If this reader finds none; the text says why.
        """
        return self.function(data, context)


def make_reader(spec: ReaderSpec | Reader = "auto") -> Reader:
    """Return the reader of a name, a colour or a function.

    Parameters
    ----------
    spec : str or callable
        ``"auto"``; ``"alpha"`` (what is opaque), ``"nonblack"``, ``"dark"`` (black on white), ``"soft"`` (lighter than
        half), ``"difference"`` (what differs from the image as sent), a colour such as ``"#1e90ff"``, or a callable
        ``(bytes, ReaderContext) -> mask``.

    Raises
    ------
    OptionError
        If it is none of these.
    """
    if isinstance(spec, Reader):
        return spec
    if callable(spec):
        name = f"{getattr(spec, '__module__', '?')}.{getattr(spec, '__qualname__', type(spec).__name__)}"
        return Reader(name, _UserReader(spec))
    if spec == "auto":
        return Reader("auto", _auto)
    if spec == "difference":
        return Reader("difference", _difference)
    if isinstance(spec, str) and spec in RULES:
        return Reader(spec, _RuleReader(spec))
    if isinstance(spec, str) and _COLOUR.fullmatch(spec.strip()):
        return Reader(spec.strip().lower(), _ColourReader(_rgb(spec.strip())))
    names = ", ".join(repr(name) for name in ("auto", *RULES, "difference"))
    raise OptionError(
        f"reader is one of {names}, a colour such as '#1e90ff', or a function of (bytes, ReaderContext); "
        f"it is {spec!r}."
    )


def read_output(
    source: str | os.PathLike[str] | bytes,
    reader: ReaderSpec = "auto",
    *,
    image: Any = None,
) -> Mask:
    """Read the mask of an output that was kept, to try a reader on it. Nothing is sent, nothing is changed.

    Parameters
    ----------
    source : path or bytes
        The raw output: the file that a row's error names, or ``artifact_path`` of ``Ledger.to_frame()``.
    reader : str or callable
        As for :func:`samframe.segment`.
    image : cell, optional
        The image that was sent, whatever a cell may hold; ``"difference"`` needs it.

    Returns
    -------
    Mask
        At the size of the output.

    Raises
    ------
    OutputError
        If the reader finds no mask (a :class:`samframe.errors.MaskError`).
    OptionError
        If there is no such reader or no such file.

    Examples
    --------
    >>> import io, numpy as np, samframe
    >>> from PIL import Image
    >>> cut_out = np.zeros((4, 6, 4), np.uint8)
    >>> cut_out[1:3, 2:5] = (200, 40, 10, 255)
    >>> file = io.BytesIO()
    >>> Image.fromarray(cut_out).save(file, "PNG")
    >>> samframe.read_output(file.getvalue(), "alpha").area
    6
    """
    chosen = make_reader(reader)
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        try:
            data = Path(source).read_bytes()
        except (OSError, TypeError, ValueError) as error:
            raise OptionError(f"The output cannot be read: {error}.") from None
    return chosen.read(data, _context_of(image)).mask


def readers_that_fit(data: bytes, context: ReaderContext) -> list[str]:
    """Return the readers that would give a mask with something in it, and something beside it, the likeliest first."""
    try:
        picture = decode(data)
    except (OutputError, MaskError):
        return []
    candidates = ["alpha", *_colour_candidates(data), "difference", "nonblack", "soft"]
    fitting = []
    for name in candidates:
        try:
            mask = make_reader(name).read(data, context).mask
        except MaskError:
            continue
        if 0 < mask.area < picture.rgb.shape[0] * picture.rgb.shape[1]:
            fitting.append(name)
    return fitting


def _colour_candidates(data: bytes) -> list[str]:
    """Return the one colour of a picture that has two, one of them black, white or transparent."""
    picture = decode(data)
    plain = {"#000000", "#ffffff"}
    common = commonest_colours(picture, most=3)
    painted = [colour for colour in common if colour not in plain]
    is_flat = len(common) - len(painted) > 0 or picture.alpha is not None
    return painted[:1] if is_flat and len(painted) == 1 else []


def _context_of(image: Any) -> ReaderContext:
    if image is None:
        return ReaderContext()
    sent = read_image(image)
    is_at_hand = sent.source is not None
    return ReaderContext(size_hw=sent.sent_hw, load=sent.sent_pixels if is_at_hand else None)


def _auto(data: bytes, context: ReaderContext) -> OutputMask:
    del context
    return read_mask(data)


def _difference(data: bytes, context: ReaderContext) -> OutputMask:
    picture = decode(data)
    try:
        mask, notes = by_difference(picture, context.pixels)
    except (ImageError, MaskError) as error:
        raise OutputError(f"The output holds no mask for reader='difference': {error}") from None
    return OutputMask(mask=Mask.from_numpy(mask), notes=notes)


@dataclass(frozen=True, slots=True)
class _RuleReader:
    name: str

    def __call__(self, data: bytes, context: ReaderContext) -> OutputMask:
        del context
        try:
            mask, notes = RULES[self.name](decode(data))
        except OutputError:
            raise
        except MaskError as error:
            raise OutputError(f"The output holds no mask for reader={self.name!r}: {error}") from None
        return OutputMask(mask=Mask.from_numpy(mask), notes=notes)


@dataclass(frozen=True, slots=True)
class _ColourReader:
    rgb: tuple[int, int, int]

    def __call__(self, data: bytes, context: ReaderContext) -> OutputMask:
        del context
        try:
            mask, notes = by_colour(decode(data), self.rgb)
        except OutputError:
            raise
        except MaskError as error:
            raise OutputError(f"The output holds no mask: {error}") from None
        return OutputMask(mask=Mask.from_numpy(mask), notes=notes)


@dataclass(frozen=True, slots=True)
class _UserReader:
    function: Callable[[bytes, ReaderContext], Any]

    def __call__(self, data: bytes, context: ReaderContext) -> OutputMask:
        try:
            answer = self.function(data, context)
            return OutputMask(mask=_mask_of(answer), notes=("read by a function of the user's",))
        except OutputError:
            raise
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is this row's trouble
            raise OutputError(f"The reader raised {type(error).__name__}: {error}") from None


def _mask_of(answer: Any) -> Mask:
    """Return what a user's function gave as a mask; an array is of booleans, or of 0 and one other value."""
    if isinstance(answer, OutputMask):
        return answer.mask
    if isinstance(answer, Mask):
        return answer
    array: NDArray[Any] = np.asarray(answer)
    if array.ndim != _TWO_DIMENSIONS:
        raise OutputError(f"The reader gave an array of shape {array.shape}; a mask has the shape (h, w)")
    if array.dtype != np.bool_:
        values = np.unique(array)
        if array.dtype.kind not in "iuf" or len(values[values != 0]) > 1:
            raise OutputError(
                "The reader gave an array that is neither boolean nor of two values, one of them 0"
            )
    return Mask.from_numpy(array != 0)


def _rgb(text: str) -> tuple[int, int, int]:
    digits = text[1:]
    if len(digits) == 3:  # noqa: PLR2004 - the short form
        digits = "".join(letter * 2 for letter in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
