"""What stands behind the server: the offline engine, a caller's own, or a cheap one that draws ellipses."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from samframe.server.protocol import (
    EngineFacts,
    EngineRefused,
    Instance,
    Picture,
    Question,
    Segmentation,
    ServedEngine,
    served,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from samframe.server.config import ServerConfig
    from samframe.server.protocol import Box

__all__ = ["DrawnEngine", "ellipse", "make_engine"]

Point = tuple[float, float]


class DrawnEngine(ServedEngine):
    """A deterministic engine for tests and load: an ellipse made from a hash of the image and the prompt.

    It looks at no pixel and finds nothing in the picture.

    Parameters
    ----------
    refuse : collection of str
        Prompts that are refused, so that their jobs FAIL.
    variants : int, optional
        How many different ellipses there are. None: one for every question. With few, the server encodes each
        but once, and a job costs well under a millisecond of CPU: for load.
    """

    name = "drawn/1"
    facts = EngineFacts(
        is_sam=False, tells_score=False, words="NOT SAM 2, it draws ellipses for tests", takes_boxes=True
    )

    def __init__(
        self, *, refuse: frozenset[str] | set[str] = frozenset(), variants: int | None = None
    ) -> None:
        self.refuse = frozenset(refuse)
        self.variants = variants

    def answer(self, picture: Picture, question: Question) -> Segmentation:
        """Return the ellipse of this image and this question; nothing is decoded. See `draw`."""
        return (
            self.draw(
                picture.size_hw,
                image_sha256=picture.key,
                prompt=question.prompt,
                points=question.points,
                remove_points=question.remove_points,
            )
            if question.prompt is not None or not question.boxes
            else self._boxes(picture.size_hw, question.boxes)
        )

    def _boxes(self, size_hw: tuple[int, int], boxes: Sequence[Box]) -> Segmentation:
        """Return the boxes themselves, filled, an object each: a test sees what arrived."""
        instances = []
        for number, (left, top, right, bottom) in enumerate(boxes):
            mask = np.zeros(size_hw, dtype=bool)
            mask[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = True
            instances.append(
                Instance(mask=mask, score=round(0.9 - 0.1 * (number % 8), 2), box=(left, top, right, bottom))
            )
        union = np.logical_or.reduce([one.mask for one in instances])
        return Segmentation(mask=union, score=1.0, detail={"engine": self.name}, instances=tuple(instances))

    def draw(
        self,
        size_hw: tuple[int, int],
        *,
        image_sha256: str,
        prompt: str | None = None,
        points: Sequence[Point] = (),
        remove_points: Sequence[Point] = (),
    ) -> Segmentation:
        """Return the ellipse that the server answers with for an image of these bytes.

        Parameters
        ----------
        size_hw : (int, int)
            Height and width of the image, in pixels.
        image_sha256 : str
            Hexadecimal hash of the file's bytes as sent (of the pixels, when called through `segment`).
        prompt : str, optional
            With a prompt the points are ignored, as on the wire.
        points, remove_points : sequence of (float, float)
            x before y, in pixels.

        Raises
        ------
        EngineRefused
            If `prompt` is one of `refuse`.
        """
        seed = self.seed(image_sha256, prompt=prompt, points=points, remove_points=remove_points)
        mask = _kept_ellipse(size_hw, seed) if self.variants is not None else ellipse(size_hw, seed)
        return Segmentation(mask=mask, score=1.0, detail={"engine": self.name}, mask_key=seed)

    def seed(
        self,
        image_sha256: str,
        *,
        prompt: str | None = None,
        points: Sequence[Point] = (),
        remove_points: Sequence[Point] = (),
    ) -> bytes:
        """Return what an ellipse is drawn from; the parameters are those of `draw`.

        Raises
        ------
        EngineRefused
            If `prompt` is one of `refuse`.
        """
        if prompt is not None and prompt in self.refuse:
            raise EngineRefused(f"Nothing in the image matches {prompt!r}")
        asked = prompt or repr(([tuple(p) for p in points], [tuple(p) for p in remove_points]))
        seed = hashlib.sha256(f"{image_sha256}\0{asked}".encode()).digest()
        if self.variants is None:
            return seed
        variant = int.from_bytes(seed[:8], "big") % self.variants
        return hashlib.sha256(b"%d" % variant).digest()


def ellipse(size_hw: tuple[int, int], seed: bytes) -> NDArray[np.bool_]:
    """Return an ellipse that lies inside the image and covers a twentieth to a fifth of it.

    Parameters
    ----------
    size_hw : (int, int)
        Height and width of the image, in pixels.
    seed : bytes
        Four bytes at least.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True inside.
    """
    height, width = size_hw
    spread = [byte / 255 for byte in seed[:4]]
    half_h, half_w = (0.13 + 0.12 * spread[0]) * height, (0.13 + 0.12 * spread[1]) * width
    mid_y, mid_x = (0.3 + 0.4 * spread[2]) * height, (0.3 + 0.4 * spread[3]) * width
    y = ((np.arange(height, dtype=np.float32) + 0.5 - mid_y) / max(half_h, 0.5)) ** 2
    x = ((np.arange(width, dtype=np.float32) + 0.5 - mid_x) / max(half_w, 0.5)) ** 2
    inside: NDArray[np.bool_] = y[:, None] <= 1.0 - x[None, :]
    return inside


_kept_ellipse = functools.lru_cache(maxsize=64)(ellipse)


def make_engine(config: ServerConfig) -> ServedEngine:
    """Return the engine of a configuration.

    Parameters
    ----------
    config : ServerConfig
        Names the engine, or holds it.
    """
    if config.engine == "offline":
        from samframe.server.engines.drawn import OfflineEngine  # noqa: PLC0415 - loaded when it is used

        return OfflineEngine()
    return served(config.engine)
