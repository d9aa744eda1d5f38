"""The offline engine's front: checks what is asked and hands it to the point or the text road."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.server.engines.drawn.frame import open_frame
from samframe.server.engines.drawn.naming import segment_text
from samframe.server.engines.drawn.points import segment_points
from samframe.server.engines.drawn.text import parse_prompt
from samframe.server.protocol import (
    ENGINE_NAME,
    EngineFacts,
    EngineRefused,
    Instance,
    Picture,
    Question,
    Segmentation,
    ServedEngine,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["OfflineEngine"]

#: A mask over this share of the image is no object.
_MAX_SHARE = 0.65


class OfflineEngine(ServedEngine):
    """Segments by colour and texture alone; learned nothing, names no objects.

    It keeps no state and draws no random numbers: threads may share one, and the same request gives the same mask.

    Examples
    --------
    >>> import numpy as np
    >>> rgb = np.full((40, 40, 3), 244, np.uint8)
    >>> rgb[10:30, 10:30] = (208, 40, 40)
    >>> OfflineEngine().segment(rgb, prompt="red square").mask.sum()
    np.int64(400)
    """

    name = ENGINE_NAME
    facts = EngineFacts(
        is_sam=False, words="NOT SAM 2, it has learned nothing and names no objects", takes_boxes=True
    )

    def answer(self, picture: Picture, question: Question) -> Segmentation:
        """Segment one image of sRGB, of any size from one pixel.

        Points are pixels counted from the top left corner. A prompt is text by the closed grammar.

        Returns
        -------
        Segmentation
            Its mask is never empty.

        Raises
        ------
        EngineRefused
            If the text is outside the grammar or nothing matches it; if a point lies outside the image, or a remove
            point in one cell with a point; if there is neither text nor point; if the mask would cover more than 65 %
            of the image (but for the prompt ``"background"``); if a box has no area in the image.
        ValueError
            If the pixels are no such array.
        """
        rgb = picture.pixels()
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:  # noqa: PLR2004 - RGB
            raise ValueError(f"rgb is {rgb.dtype} of shape {rgb.shape}, must be uint8 (height, width, 3)")
        if question.prompt is not None:
            return _from_text(rgb, question.prompt)
        if question.boxes:
            return _from_boxes(rgb, question.boxes, question.remove_points)
        return _from_points(rgb, question.points, question.remove_points)


def _from_text(rgb: NDArray[np.uint8], prompt: str) -> Segmentation:
    query = parse_prompt(prompt)
    frame = open_frame(rgb)
    mask, score, count = segment_text(frame, query, prompt)
    if not query.background:
        _refuse_if_vast(mask)
    return _answer(frame.to_full(mask), score, mode="text", things=count)


def _from_points(
    rgb: NDArray[np.uint8],
    points: Sequence[tuple[float, float]],
    remove_points: Sequence[tuple[float, float]],
) -> Segmentation:
    if not len(points):
        raise EngineRefused("there is neither a text prompt nor a point on the object")
    for point in (*points, *remove_points):
        _check_point(point, rgb.shape[:2])
    frame = open_frame(rgb)
    mask, score = segment_points(frame, frame.to_work(points), frame.to_work(remove_points))
    _refuse_if_vast(mask)
    return _answer(
        frame.to_full(mask), score, mode="points", points=len(points), remove_points=len(remove_points)
    )


def _from_boxes(
    rgb: NDArray[np.uint8],
    boxes: Sequence[tuple[float, float, float, float]],
    remove_points: Sequence[tuple[float, float]],
) -> Segmentation:
    """Return what is grown from the middle of each box, as far as the box goes."""
    height, width = rgb.shape[:2]
    instances = []
    for left, top, right, bottom in boxes:
        x, y = min((left + right) / 2, width - 1), min((top + bottom) / 2, height - 1)
        if not (left < right and top < bottom) or x < 0 or y < 0:
            raise EngineRefused(f"box ({left:g}, {top:g}, {right:g}, {bottom:g}) has no area in the image")
        made = _from_points(rgb, [(x, y)], remove_points)
        mask = np.zeros_like(made.mask)
        inside = (slice(max(0, round(top)), round(bottom)), slice(max(0, round(left)), round(right)))
        mask[inside] = made.mask[inside]
        instances.append(Instance(mask=mask, score=made.score, box=(left, top, right, bottom)))
    union = np.logical_or.reduce([one.mask for one in instances])
    answer = _answer(union, min(one.score for one in instances), mode="boxes", boxes=len(instances))
    return replace(answer, instances=tuple(instances))


def _check_point(point: tuple[float, float], size_hw: tuple[int, ...]) -> None:
    x, y = point
    height, width = size_hw
    # Written so that NaN fails too.
    if not (0 <= x < width and 0 <= y < height):
        raise EngineRefused(
            f"point ({x:g}, {y:g}) lies outside the image of {width} x {height} pixels (width x height)"
        )


def _refuse_if_vast(mask: NDArray[np.bool_]) -> None:
    share = float(mask.mean())
    if share > _MAX_SHARE:
        raise EngineRefused(
            f"the mask would cover {share:.0%} of the image: no object stands out there. "
            "Add remove points around the object, or ask for the background"
        )


def _answer(mask: NDArray[np.bool_], score: float, **detail: Any) -> Segmentation:
    if not mask.any():
        raise EngineRefused("what was found is smaller than a pixel")
    return Segmentation(mask=mask, score=min(1.0, max(0.0, score)), detail={"engine": ENGINE_NAME, **detail})
