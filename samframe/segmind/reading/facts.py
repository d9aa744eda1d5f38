"""What an output file is, as facts: for the report of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError
from samframe.ground.service_report import OutputFacts
from samframe.images import sniff_format
from samframe.segmind.output import read_mask
from samframe.segmind.reading.planes import Picture, decode
from samframe.segmind.reading.readers import readers_that_fit

if TYPE_CHECKING:
    from samframe.segmind.reading.context import ReaderContext

__all__ = ["output_facts", "readers_for"]

_FEW_COLOURS = 3
#: Levels so near to black or white that compression may have moved them.
_NEAR = 40
#: Share of pixels near black or white in a mask that compression blurred.
_MOSTLY = 0.9
#: Channels of a grey picture differ by no more after compression.
_GREY = 12


def output_facts(data: bytes, context: ReaderContext) -> OutputFacts:
    """Return what the bytes are: kind, format, mode, size, levels."""
    try:
        picture = decode(data)
    except MaskError:
        return OutputFacts(kind="no picture", file_format=sniff_format(data) or "", n_bytes=len(data))
    rgb = picture.rgb.astype(np.int16)
    is_grey = bool((rgb.max(axis=2) - rgb.min(axis=2)).max() <= (_GREY if picture.is_lossy else 0))
    packed = rgb[..., 0].astype(np.int64) << 16 | rgb[..., 1].astype(np.int64) << 8 | rgb[..., 2]
    levels = np.unique(rgb[..., 0] if is_grey else packed)
    return OutputFacts(
        kind=_kind(picture, data, context, is_grey=is_grey, n_colours=len(levels)),
        file_format=picture.file_format,
        mode=picture.mode,
        size_hw=picture.size_hw,
        low=int(rgb.min()) if is_grey else None,
        high=int(rgb.max()) if is_grey else None,
        n_levels=len(levels),
        n_bytes=len(data),
    )


def readers_for(data: bytes, context: ReaderContext) -> tuple[str, ...]:
    """Return the readers that find a mask: ``("auto",)``, or the names of others."""
    try:
        read_mask(data)
    except MaskError:
        return tuple(readers_that_fit(data, context))
    return ("auto",)


def _kind(picture: Picture, data: bytes, context: ReaderContext, *, is_grey: bool, n_colours: int) -> str:
    alpha = picture.alpha
    if alpha is not None and int(alpha.min()) < int(alpha.max()):
        opaque = picture.rgb[alpha > 127]  # noqa: PLR2004 - half
        is_flat = len(np.unique(opaque, axis=0)) <= 1 if len(opaque) else True
        return "alpha" if is_flat else "cut-out"
    if is_grey:
        if n_colours <= 2:  # noqa: PLR2004 - black and white
            return "mask"
        grey = picture.rgb[..., 0]
        is_near = (grey <= _NEAR) | (grey >= 255 - _NEAR)
        return "blurred" if float(is_near.mean()) >= _MOSTLY else "soft"
    if n_colours <= _FEW_COLOURS:
        return "coloured"
    return "overlay" if "difference" in readers_that_fit(data, context) else "picture"
