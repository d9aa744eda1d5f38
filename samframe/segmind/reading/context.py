"""What a reader may know besides the output's bytes: the image as it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ReaderContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderContext:
    """The image that an output answers to.

    Attributes
    ----------
    size_hw : (int, int) or None
        Height and width of the image as sent; None where it was sent as a URL, or is not known.
    prompt : str or None
        What was asked for.
    """

    size_hw: tuple[int, int] | None = None
    prompt: str | None = None
    load: Callable[[], NDArray[np.uint8]] | None = field(default=None, repr=False, compare=False)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The image as sent: RGB, uint8 of shape (h, w, 3).

        Raises
        ------
        ImageError
            If it is not at hand: it was sent as a URL, or can no longer be read.
        """
        if self.load is None:
            raise ImageError(
                "the image as it was sent is not at hand (image URLs are passed on, not downloaded)"
            )
        return self.load()
