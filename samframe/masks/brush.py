"""Label Studio's run lengths of brushes: a bit stream of the RGBA pixels, row by row, to a mask and back.

The stream (described in ``label-studio-converter``'s ``brush.py``): 32 bits, how many values there are, four a pixel; 5
bits, the bits of a value less one; four times 4 bits, the bits of a length less one. Then blocks: a bit, whether one
value repeats; 2 bits, which of the four widths the length has; the length less one; and one value, or that many. The
mask is where the fourth value of a pixel, its opacity, is not 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import MaskError
from samframe.masks.mask import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brush_mask", "brush_rle"]

_CHANNELS = 4
_MAX_PIXELS = 2**28
_HEAD_BITS = 32 + 5 + 4 * 4


#: Widths in bits that a run's length may have, as Label Studio's own writer has them.
_WIDTHS = (3, 4, 8, 16)
_VALUE_BITS = 8


def brush_rle(mask: Mask) -> list[int]:
    """Return the run lengths of a mask as Label Studio's brush has them: bytes, 0 to 255.

    All four values of a pixel are 255 on the mask and 0 beside it, as its own converter writes them.
    """
    pixels = mask.to_numpy().ravel()
    starts = np.flatnonzero(np.concatenate([[True], pixels[1:] != pixels[:-1]]))[: pixels.size]
    lengths = np.diff(np.append(starts, pixels.size)) * _CHANNELS
    most = 1 << _WIDTHS[-1]
    # Runs that are too long for the widest length are several.
    parts = -(-lengths // most)
    run = np.repeat(np.arange(len(lengths)), parts)
    is_last = np.append(run[1:] != run[:-1], True)[: len(run)]
    length = np.where(is_last, (lengths - (parts - 1) * most)[run], most)
    width_at = np.searchsorted([1 << width for width in _WIDTHS], length)
    fields = np.stack(
        [np.ones_like(length), width_at, length - 1, pixels[starts][run] * (2**_VALUE_BITS - 1)], axis=1
    )
    widths = np.stack(
        [
            np.ones_like(length),
            np.full_like(length, 2),
            np.array(_WIDTHS)[width_at],
            np.full_like(length, _VALUE_BITS),
        ],
        axis=1,
    )
    head = [(pixels.size * _CHANNELS, 32), (_VALUE_BITS - 1, 5), *((width - 1, 4) for width in _WIDTHS)]
    values, bits = (
        np.concatenate([np.array([one[at] for one in head]), table.ravel()])
        for at, table in enumerate((fields, widths))
    )
    field = np.repeat(np.arange(len(bits)), bits)
    place = np.arange(len(field)) - np.repeat(np.cumsum(bits) - bits, bits)
    stream = (values[field] >> (bits[field] - 1 - place)) & 1
    return np.packbits(stream.astype(np.uint8)).tolist()


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
