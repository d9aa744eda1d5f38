"""SAM 2 (and SAM 3's tracker, which asks and answers alike): one encode an image, one decode a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.server.protocol import EngineRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from samframe.server.engines.sam.device import Placement
    from samframe.server.engines.sam.pixels import Preprocessing
    from samframe.server.protocol import Box, Point, Question

__all__ = ["Decoded", "Embedding", "Prompts", "TorchSam2", "prompts_of"]

#: Boxes decoded in one call; more are decoded in several.
_MOST_BOXES = 64


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a model made of an image.

    Parameters
    ----------
    value : object
        The model's own.
    n_bytes : int
        Memory that it holds.
    """

    value: Any
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """The objects of one question.

    Parameters
    ----------
    masks : list of ndarray of bool, shape (H, W)
        One for each object, at the size of the image.
    scores : list of float
        Predicted IoU of each.
    """

    masks: list[NDArray[np.bool_]]
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Prompts:
    """A question in a model's own coordinates, as float32.

    Parameters
    ----------
    points : ndarray of shape (n_objects, n_points, 2) or None
        x before y.
    labels : ndarray of int64, shape (n_objects, n_points) or None
        1 on the object, 0 beside it.
    boxes : ndarray of shape (n_objects, 4) or None
        Left, top, right, bottom.
    is_ambiguous : bool
        One point alone may mean a part or the whole: the model proposes three masks, and the best score wins.
    """

    points: NDArray[np.float32] | None
    labels: NDArray[np.int64] | None
    boxes: NDArray[np.float32] | None
    is_ambiguous: bool


def prompts_of(question: Question, *, size_hw: tuple[int, int], side_px: int) -> Prompts:
    """Return a question of points and boxes in the model's coordinates.

    Parameters
    ----------
    question : Question
        Pixels of the image as sent.
    size_hw : (int, int)
        Height and width of the image.
    side_px : int
        Height and width of the model's input.

    Raises
    ------
    EngineRefused
        If there is nothing to point at, a point or box lies outside, or points come with several boxes.
    """
    points, removed, boxes = list(question.points), list(question.remove_points), list(question.boxes)
    if not points and not boxes:
        raise EngineRefused("There is no point on the object, no box and no prompt: nothing to look for")
    if len(boxes) > 1 and points:
        raise EngineRefused("Points go with one box, not with several: which object they mean cannot be told")
    _check_inside(points + removed, boxes, size_hw)
    n_objects = len(boxes) or 1
    scale = (side_px / size_hw[1], side_px / size_hw[0])
    xy = _scaled(points + removed, scale)
    labels = np.array([1] * len(points) + [0] * len(removed), np.int64)
    return Prompts(
        points=np.repeat(xy[None], n_objects, 0) if len(xy) else None,
        labels=np.repeat(labels[None], n_objects, 0) if len(xy) else None,
        boxes=_scaled(boxes, scale * 2) if boxes else None,
        is_ambiguous=len(points) == 1 and not removed and not boxes,
    )


def _check_inside(points: Sequence[Point], boxes: Sequence[Box], size_hw: tuple[int, int]) -> None:
    height, width = size_hw
    for x, y in points:
        if not (0 <= x <= width and 0 <= y <= height):
            raise EngineRefused(
                f"The point ({x:g}, {y:g}) lies outside of the image of {width} x {height} px"
            )
    for left, top, right, bottom in boxes:
        if not (left < right and top < bottom):
            raise EngineRefused(
                f"The box ({left:g}, {top:g}, {right:g}, {bottom:g}) is empty: a box is left, top, right, bottom"
            )
        if right <= 0 or bottom <= 0 or left >= width or top >= height:
            raise EngineRefused(
                f"The box ({left:g}, {top:g}, {right:g}, {bottom:g}) lies outside of the image of "
                f"{width} x {height} px"
            )


def _scaled(values: Sequence[Sequence[float]], scale: tuple[float, ...]) -> NDArray[np.float32]:
    # float32 times a Python float, in that order: the bits are those of the processor of transformers.
    given = np.array(values, np.float32).reshape(-1, len(scale))
    return np.stack([given[:, at] * np.float32(factor) for at, factor in enumerate(scale)], axis=-1)


class TorchSam2:
    """The model in PyTorch.

    Parameters
    ----------
    model : transformers.Sam2Model or transformers.Sam3TrackerModel
        In evaluation mode, on its device.
    preprocessing : Preprocessing
        How its input is made.
    placement : Placement
        Device and numbers.
    """

    def __init__(self, model: Any, preprocessing: Preprocessing, placement: Placement) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.placement = placement

    def encode(self, rgb: NDArray[np.uint8]) -> Embedding:
        """Return what the model makes of an image, uint8 of shape (H, W, 3). Takes seconds on a CPU."""
        return self.encode_all([rgb])[0]

    def encode_all(self, images: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        """Return what the model makes of several images, in one pass of the model."""
        import torch  # noqa: PLC0415 - heavy, and may be missing

        with torch.inference_mode(), self.placement.autocast():
            pixels = torch.cat([self.preprocessing.tensor(rgb) for rgb in images])
            levels = self.model.get_image_embeddings(pixels.to(self.placement.device))
            levels = [level.to(self.placement.dtype) for level in levels]
            if len(images) == 1:
                return [_embedding(levels)]
            return [_embedding([level[at : at + 1].clone() for level in levels]) for at in range(len(images))]

    def decode(self, embedding: Embedding, question: Question, *, size_hw: tuple[int, int]) -> Decoded:
        """Return the objects of a question.

        Raises
        ------
        EngineRefused
            If the question cannot be put to the model.
        """
        import torch  # noqa: PLC0415 - heavy, and may be missing

        prompts = prompts_of(question, size_hw=size_hw, side_px=self.preprocessing.side_px)
        masks: list[NDArray[np.bool_]] = []
        scores: list[float] = []
        n_objects = 1 if prompts.boxes is None else len(prompts.boxes)
        with torch.inference_mode():
            for start in range(0, n_objects, _MOST_BOXES):
                out = self._decode(embedding, prompts, slice(start, start + _MOST_BOXES))
                for logits, ious in zip(out.pred_masks[0], out.iou_scores[0], strict=True):
                    best = int(ious.argmax())
                    masks.append(_full_size(logits[best], size_hw))
                    scores.append(float(ious[best]))
        return Decoded(masks, scores)

    def _decode(self, embedding: Embedding, prompts: Prompts, part: slice) -> Any:
        return self.model(
            # Decoding stays in float32: bfloat16 would round a point to 4 px.
            image_embeddings=[level.float() for level in embedding.value],
            input_points=self._on_device(prompts.points, part),
            input_labels=self._on_device(prompts.labels, part),
            input_boxes=self._on_device(prompts.boxes, part),
            multimask_output=prompts.is_ambiguous,
        )

    def _on_device(self, values: NDArray[Any] | None, part: slice) -> torch.Tensor | None:
        if values is None:
            return None
        import torch  # noqa: PLC0415 - heavy, and may be missing

        return torch.from_numpy(np.ascontiguousarray(values[part]))[None].to(self.placement.device)


def _embedding(levels: Sequence[torch.Tensor]) -> Embedding:
    return Embedding(tuple(levels), sum(level.numel() * level.element_size() for level in levels))


def _full_size(logits: torch.Tensor, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Scale a mask's logits up to the image's size, and cut at 0."""
    import torch  # noqa: PLC0415 - heavy, and may be missing

    whole = torch.nn.functional.interpolate(
        logits.cpu()[None, None], size=size_hw, mode="bilinear", align_corners=False
    )
    mask: NDArray[np.bool_] = (whole[0, 0] > 0.0).numpy()
    return mask
