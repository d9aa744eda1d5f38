"""PNG files that number their pixels: which numbers there are, and the mask of each."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError, LabelError
from samframe.images import MAX_PIXELS, quiet
from samframe.masks import Mask, encode_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["has_palette", "masks_of_numbers", "read_numbers"]

#: Up to the colour type: PNG specification, section 11.2.2.
_PNG_HEAD = 26
_MOST = 255
#: Masks of one map are encoded so many pixels at a time.
_PIXELS_AT_ONCE = 1 << 24


def has_palette(path: Path) -> bool:
    """Say whether a file is a PNG with a palette, whose pixels are numbers and no shades."""
    with path.open("rb") as file:
        head = file.read(_PNG_HEAD)
    return head.startswith(b"\x89PNG") and head[_PNG_HEAD - 1 :] == b"\x03"


def read_numbers(data: bytes | Path, name: str, *, rgb: str | None = None) -> NDArray[np.int64]:
    """Return the numbers of a picture's pixels, shape (H, W).

    Parameters
    ----------
    data : bytes or Path
        A PNG (or TIFF, BMP) file: gray of 8 or 16 bits, a palette (its indices are the numbers), black and white, or
        with `rgb` a colour picture.
    name : str
        What messages call it.
    rgb : {"panoptic"}, optional
        A pixel's number is ``R + 256 G + 65536 B``, as in COCO's panoptic files. None: colour pictures are refused,
        unless their channels are equal.

    Raises
    ------
    LabelError
        If the file is no such picture, or claims more pixels than samframe reads.
    """
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    source = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        with quiet(), Image.open(source) as picture:
            _check_size(*picture.size)
            array = np.array(picture)
        if (step := _step(source)) > 1:
            array = array // step
    except ImageError as error:
        raise LabelError(f"{name} is no picture of labels: {error}") from None
    if array.ndim == 3:  # noqa: PLR2004 - height, width, channels
        array = _one_channel(array, name, rgb)
    if array.dtype.kind not in "biu" and not np.array_equal(array, np.trunc(array)):
        raise LabelError(f"{name} has pixels that are no whole numbers ({array.dtype}).")
    found: NDArray[np.int64] = array.astype(np.int64)
    return found


def _step(source: Any) -> int:
    """Return by how much Pillow multiplies the numbers of a PNG of gray in 2 or 4 bits."""
    if isinstance(source, io.BytesIO):
        head = source.getvalue()[:_PNG_HEAD]
    else:
        with source.open("rb") as file:
            head = file.read(_PNG_HEAD)
    is_narrow = (
        head.startswith(b"\x89PNG") and len(head) == _PNG_HEAD and head[-1] == 0 and head[-2] in (2, 4)
    )
    return _MOST // (2 ** head[-2] - 1) if is_narrow else 1


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width:,} x {height:,} pixels are over the limit of samframe")


def _one_channel(array: NDArray[Any], name: str, rgb: str | None) -> NDArray[Any]:
    channels = array.shape[2]
    if rgb == "panoptic" and channels >= 3:  # noqa: PLR2004 - red, green, blue
        parts = array[..., :3].astype(np.int64)
        numbers: NDArray[Any] = parts[..., 0] + 256 * parts[..., 1] + 65536 * parts[..., 2]
        return numbers
    colours = array[..., : channels - (1 - channels % 2)]
    if (colours == colours[..., :1]).all():
        if channels % 2 == 0 and (array[..., -1] != 255).any():  # noqa: PLR2004 - opaque
            raise LabelError(
                f"{name} has numbers in its transparency: read it with Mask.from_png(data, channel='alpha')."
            )
        return colours[..., 0]
    raise LabelError(
        f"{name} is a colour picture, whose pixels have no one number: "
        "pass rgb='panoptic' where it is R + 256 G + 65536 B."
    )


def masks_of_numbers(numbers: NDArray[np.int64], wanted: Sequence[int]) -> list[Mask]:
    """Return the mask of each wanted number of a map of shape (H, W)."""
    size_hw = (numbers.shape[0], numbers.shape[1])
    step = max(1, _PIXELS_AT_ONCE // max(numbers.size, 1))
    masks: list[Mask] = []
    for first in range(0, len(wanted), step):
        some = np.array(wanted[first : first + step], dtype=np.int64)
        counts = encode_batch(numbers[None] == some[:, None, None])
        masks += [Mask(one, size_hw) for one in counts]
    return masks
