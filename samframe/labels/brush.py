"""Label Studio's run lengths of brushes: a bit stream of the RGBA pixels, row by row, to a mask.

The stream (described in ``label-studio-converter``'s ``brush.py``): 32 bits, how many values there are, four a pixel; 5
bits, the bits of a value less one; four times 4 bits, the bits of a length less one. Then blocks: a bit, whether one
value repeats; 2 bits, which of the four widths the length has; the length less one; and one value, or that many. The
mask is where the fourth value of a pixel, its opacity, is not 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import MaskError
from samframe.masks import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brush_mask"]

_CHANNELS = 4
_MAX_PIXELS = 2**28
_HEAD_BITS = 32 + 5 + 4 * 4


def brush_mask(rle: Any, size_hw: tuple[int, int]) -> Mask:
    """Return the mask of a brush.

    Parameters
    ----------
    rle : list of int
        Bytes, 0 to 255.
    size_hw : (int, int)
        Height and width of the image in pixels.

    Raises
    ------
    MaskError
        If it is no such list, breaks off, or is of an image of another size.
    """
    height, width = size_hw
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise MaskError("a brush's rle is a list of bytes, 0 to 255") from None
    if height * width > _MAX_PIXELS:
        raise MaskError(f"a brush of {width:,} x {height:,} pixels is over the limit of 268 million")
    bits = _Bits(data)
    n_values = bits.take(32)
    if n_values != height * width * _CHANNELS:
        raise MaskError(
            f"a brush of {n_values:,} values is of no image of {width} x {height}, which has {height * width * 4:,}"
        )
    value_bits = bits.take(5) + 1
    widths = [bits.take(4) + 1 for _ in range(4)]
    opaque = np.zeros(height * width, dtype=bool)
    at = 0
    while at < n_values:
        repeats = bits.take(1)
        length = bits.take(widths[bits.take(2)]) + 1
        end = at + length
        if end > n_values:
            raise MaskError(f"a brush's runs go on to value {end:,} of {n_values:,}")
        # The pixels whose fourth value lies within.
        first, last = at // _CHANNELS, end // _CHANNELS
        if repeats:
            if bits.take(value_bits):
                opaque[first:last] = True
        else:
            values = bits.take_many(length, value_bits)
            opaque[first:last] = values[_CHANNELS - 1 - at % _CHANNELS :: _CHANNELS][: last - first] != 0
        at = end
    return Mask.from_numpy(opaque.reshape(height, width))


class _Bits:
    """Reads whole numbers of any number of bits, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, n_bits: int) -> int:
        """Return the next number."""
        first, end = self._at, self._at + n_bits
        if end > 8 * len(self._data):
            raise MaskError("a brush's rle breaks off")
        whole = int.from_bytes(self._data[first // 8 : (end + 7) // 8], "big")
        self._at = end
        return (whole >> (-end % 8)) & ((1 << n_bits) - 1)

    def take_many(self, count: int, n_bits: int) -> NDArray[np.bool_]:
        """Return whether each of the next numbers has a bit that is set, bool of shape (count,)."""
        first, end = self._at, self._at + count * n_bits
        if end > 8 * len(self._data):
            raise MaskError("a brush's rle breaks off")
        some = np.frombuffer(self._data[first // 8 : (end + 7) // 8], dtype=np.uint8)
        bits = np.unpackbits(some)[first % 8 : first % 8 + count * n_bits]
        self._at = end
        return np.asarray(bits.reshape(count, n_bits).any(axis=1), dtype=bool)
