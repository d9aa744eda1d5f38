"""What every engine takes, gives and refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from samframe._version import __version__
from samframe.errors import SamframeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ENGINE_NAME", "Engine", "EngineRefused", "Segmentation"]

#: Written beside every mask that the offline engine made.
ENGINE_NAME = f"offline/{__version__}"


class EngineRefused(SamframeError):  # noqa: N818 - a refusal is an answer, not a malfunction
    """The engine will not make this mask, and the message says why.

    For a text prompt the message also tells the vocabulary.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """One mask and how sure the engine is of it.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        True on the object; the size of the image that was given. Never empty.
    score : float
        From 0 to 1: how well the outline separates inside from outside. No probability.
    detail : dict
        What led to the mask: ``engine``, ``mode`` (``"points"`` or ``"text"``) and facts of that mode.
    """

    mask: NDArray[np.bool_]
    score: float
    detail: dict[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Anything that turns an image and a prompt into a mask."""

    def segment(
        self,
        rgb: NDArray[np.uint8],
        *,
        prompt: str | None = None,
        points: Sequence[tuple[float, float]] = (),
        remove_points: Sequence[tuple[float, float]] = (),
    ) -> Segmentation:
        """Segment one image, or raise `EngineRefused`.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            The image.
        prompt : str, optional
            What to find. Where there is a prompt, points are ignored, as on the wire.
        points, remove_points : sequence of (x, y)
            Pixels on the object, and pixels that do not belong to it.

        Raises
        ------
        EngineRefused
            If the engine will not make the mask.
        """
        ...
