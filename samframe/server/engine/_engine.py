"""The offline engine's front: checks what is asked and hands it to the point or the text road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engine._types import ENGINE_NAME, EngineRefused, Segmentation
from samframe.server.engine._vocabulary import COLOURS, vocabulary_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["OfflineEngine"]


class OfflineEngine:
    """Segments by colour alone; keeps no state, so threads may share one."""

    def segment(
        self,
        rgb: NDArray[np.uint8],
        *,
        prompt: str | None = None,
        points: Sequence[tuple[float, float]] = (),
        remove_points: Sequence[tuple[float, float]] = (),
    ) -> Segmentation:
        """Segment one image; see `Engine.segment`."""
        flat = rgb.astype(np.float32)
        if prompt is not None:
            words = [w for w in prompt.lower().split() if w in COLOURS]
            if not words:
                raise EngineRefused(f"{prompt!r} is not in the vocabulary: {vocabulary_text()}")
            palette = np.array(list(COLOURS.values()), np.float32)
            nearest = ((flat[:, :, None] - palette) ** 2).sum(-1).argmin(-1)
            mask = nearest == list(COLOURS).index(words[0])
        else:
            mask = np.zeros(rgb.shape[:2], bool)
            for x, y in points:
                if not (0 <= x < rgb.shape[1] and 0 <= y < rgb.shape[0]):
                    raise EngineRefused(f"point ({x}, {y}) is outside the image")
                mask |= np.abs(flat - flat[int(y), int(x)]).max(-1) < 40
        if not mask.any():
            raise EngineRefused("nothing matches")
        return Segmentation(mask=mask, score=0.5, detail={"engine": ENGINE_NAME})
