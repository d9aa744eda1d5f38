"""``samframe check --local``: a SAM on this machine, tried on the two bundled photographs.

The reference areas were measured by hand. Another command may call `check_local` and show its lines beside its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from samframe.cli.local_models.options import add_local_options, local_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from samframe.server.engines.sam import SamEngine
    from samframe.server.protocol import Box

__all__ = ["Finding", "add_local_arguments", "check_local", "run_local"]

#: A mask this many times smaller or larger than the reference is another thing.
_SPREAD = 1.4
#: Share of a mask that must lie in its box, which is drawn a little wide.
_INSIDE = 0.9
_MARGIN_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """Something in a bundled photograph: its box, a point on it, and its area in pixels, all by hand."""

    photo: str
    name: str
    box: Box
    point: tuple[float, float]
    area: int


_THINGS = (
    _Thing(photo="coffee", name="coffee in the cup", box=(203, 94, 371, 194), point=(288, 155), area=12_700),
    _Thing(photo="coffee", name="bowl of the spoon", box=(326, 235, 407, 327), point=(366, 290), area=5_000),
    _Thing(photo="chelsea", name="left eye", box=(135, 85, 207, 148), point=(158, 116), area=3_150),
    _Thing(photo="chelsea", name="right eye", box=(294, 109, 344, 165), point=(325, 142), area=1_920),
    _Thing(photo="chelsea", name="nose", box=(239, 226, 293, 267), point=(266, 239), area=1_150),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    is_good : bool
        Whether it is as it should be.
    text : str
        One line.
    """

    is_good: bool
    text: str


def check_local(engine: SamEngine) -> Iterator[Finding]:
    """Segment the things in the two bundled photographs, each by its box and by a point on it, and judge the masks.

    Parameters
    ----------
    engine : SamEngine
        The model, loaded.

    Yields
    ------
    Finding
        One for each thing, then one for the speed.
    """
    from samframe.testing import sample_photo  # noqa: PLC0415 - the scenes are heavy

    seconds: list[float] = []
    for thing in _THINGS:
        with Pillow.open(sample_photo(thing.photo)) as picture:
            rgb = np.asarray(picture.convert("RGB"))
        began = time.perf_counter()
        by_box = engine.segment(rgb, key=thing.photo, boxes=[thing.box])
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        by_point = engine.segment(rgb, key=thing.photo, points=[thing.point])
        seconds.append(time.perf_counter() - began)
        x, y = (int(value) for value in thing.point)
        area, inside = int(by_box.mask.sum()), _share_inside(by_box.mask, thing.box)
        is_good = (
            thing.area / _SPREAD <= area <= thing.area * _SPREAD
            and inside >= _INSIDE
            and bool(by_point.mask[y, x])
        )
        yield Finding(
            is_good=is_good,
            text=f"{thing.photo}: {thing.name}: {area:,} px by its box (about {thing.area:,} by hand), {inside:.0%} "
            f"of them inside it; a click {'hits' if by_point.mask[y, x] else 'MISSES'} it, score {by_point.score:.2f}",
        )
    first, further = seconds[0], float(np.median(seconds[1:]))
    yield Finding(
        is_good=True,
        text=f"first question about an image {first:.1f} s, further ones {further * 1000:.0f} ms",
    )


def _share_inside(mask: NDArray[np.bool_], box: Box) -> float:
    left, top, right, bottom = (round(value) for value in box)
    window = mask[
        max(0, top - _MARGIN_PX) : bottom + _MARGIN_PX, max(0, left - _MARGIN_PX) : right + _MARGIN_PX
    ]
    return float(window.sum() / max(1, mask.sum()))


def add_local_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--local`` and the options of a model to a command's parser."""
    group = parser.add_argument_group("a SAM on this machine (--local)")
    group.add_argument(
        "--local", metavar="PATH_OR_ID", help="try these weights on the two bundled photographs"
    )
    add_local_options(group)


def run_local(arguments: argparse.Namespace) -> bool:
    """Load the weights, print what was found, and return whether the masks are those of trained weights."""
    from samframe.server.engines.sam import load_sam  # noqa: PLC0415 - it may load PyTorch

    engine = load_sam(arguments.local, **local_options(arguments))
    print(f"{engine.name}, {engine.facts.words}; licence of the weights: {engine.facts.licence}")
    good = True
    for finding in check_local(engine):
        print(f"  {'ok ' if finding.is_good else 'NOT'} {finding.text}")
        good &= finding.is_good
    print(
        "These weights see what is there."
        if good
        else "These are not masks of trained weights, or this model sees less: look at them before you trust it."
    )
    return good
