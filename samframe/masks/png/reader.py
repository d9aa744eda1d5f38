"""PNG bytes to a mask's runs without unfiltering pixels.

A mask in black and white changes in few places. In the filtered rows of its PNG all other bytes are 0, and each
byte that is not says that one bit differs from what the row's filter predicts; bits are what the run-length coder
needs. What is not of that kind is read as pixels and thresholded. Filters: PNG specification, section 9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samframe.masks.kernels import counts_of
from samframe.masks.png.container import PngParts, inflate, inflate_pieces, parse_png, read_with_pillow
from samframe.masks.png.levels import refuse_other_pictures
from samframe.masks.rle import toggles_from_array, toggles_from_bits

__all__ = ["counts_from_png", "counts_from_sure_png", "toggles_from_gray", "toggles_from_plain_png"]

Ints = npt.NDArray[np.integer[Any]]
Bytes = npt.NDArray[np.uint8]

_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)
_GRAY, _PALETTE = 0, 3  # colour types
_MOST = 255
_PIECE_BYTES = 1 << 19  # looked through before more is inflated
_MAX_USED = 8  # more than one word in this many is not 0: read it as pixels
_HARMLESS = 1 << 9
_SIMPLE = 100  # pixels' bytes a byte of the file
_FEW_CHANGES = 8  # of a Paeth row, followed one by one
_WHITE = 128  # the least luma that is foreground, in an image that has more than 0 and 1


def counts_from_png(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return the counts of a mask stored as PNG.

    Parameters
    ----------
    data : bytes
        The whole file. Foreground is luma of 128 or more; in an image of nothing but 0 and 1 it is 1.

    Returns
    -------
    counts : bytes
        COCO's compressed counts, canonical.
    size_hw : (int, int)
        Height and width in pixels.

    Raises
    ------
    MaskError
        If the bytes are no PNG, damaged, or claim more than 2**29 pixels.
    """
    parts = parse_png(data)
    if not (parts.interlaced or parts.transparent):
        bits = _read_bits(parts)
        if bits is not None:
            return counts_of(toggles_from_bits(bits, parts.size_hw), parts.size_hw), parts.size_hw
    return counts_of(toggles_from_gray(read_with_pillow(data)), parts.size_hw), parts.size_hw


def counts_from_sure_png(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return counts and size of a mask stored as PNG, of black and white or nearly so.

    Raises
    ------
    MaskError
        As `counts_from_png`; and if the picture is no mask: a map of numbers, coloured, of shades alone.
    """
    parts = parse_png(data)
    found = toggles_from_plain_png(data)
    if found is not None:
        return counts_of(*found), parts.size_hw
    two_colours = parts.colour_type == _PALETTE and _is_black_and_white(parts.palette)
    if two_colours or (parts.bit_depth == 1 and parts.colour_type == _GRAY):
        return counts_from_png(data)
    return counts_of(toggles_from_gray(refuse_other_pictures(data, parts)), parts.size_hw), parts.size_hw


def _is_black_and_white(palette: bytes) -> bool:
    colours = {palette[at : at + 3] for at in range(0, len(palette), 3)}
    return colours <= {bytes(3), b"\xff" * 3}


def toggles_from_plain_png(data: bytes) -> tuple[Ints, tuple[int, int]] | None:
    """Return the spans of a PNG of black and white alone, as `counts_from_png` reads it; None for any other.

    Black is 0 and white is all bits on, in every channel; what opacity there is is full. There is one picture in the
    file, in gray or in colours, not interlaced, and filtered so that it can be told without unfiltering.

    Raises
    ------
    MaskError
        If the bytes are no PNG, damaged, or claim more than 2**29 pixels.
    """
    parts = parse_png(data)
    if parts.interlaced or parts.transparent or parts.animated or parts.colour_type == _PALETTE:
        return None
    if parts.bit_depth == 1 and parts.colour_type == _GRAY:
        bits = _read_packed(parts)
    elif parts.bit_depth == 8:  # noqa: PLR2004 - a byte a sample
        bits = _bits_from_residuals(parts, white=_MOST)
    else:
        return None
    return (toggles_from_bits(bits, parts.size_hw), parts.size_hw) if bits is not None else None


def toggles_from_gray(gray: Bytes) -> Ints:
    """Return the spans of luma 128 or more, or of 1 in an image of nothing but 0 and 1."""
    return toggles_from_array(gray >= (_WHITE if gray.size and int(gray.max()) > 1 else 1))


def _read_bits(parts: PngParts) -> Bytes | None:
    """Return rows packed to bits, or None where this reader is not the one for the file."""
    if parts.bit_depth == 1 and _black_and_white(parts):
        return _read_packed(parts)
    if parts.bit_depth != 8:  # noqa: PLR2004 - a byte a sample
        return None
    if parts.colour_type != _PALETTE:
        return _bits_from_residuals(parts)
    rows = inflate(parts)
    return None if rows[:, 0].any() else _bits_from_bytes(rows[:, 1:], parts.palette)


def _bits_from_bytes(pixels: Bytes, palette: bytes | None) -> Bytes | None:
    """Return the bits of unfiltered gray, or of indices into a palette of RGB."""
    highest = int(pixels.max())
    if palette is None:
        return np.packbits(pixels >= (_WHITE if highest > 1 else 1), axis=1)
    if highest >= len(palette) // 3:
        return None
    red, green, blue = np.frombuffer(palette, dtype=np.uint8).reshape(-1, 3).astype(np.int64).T
    luma = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16  # as Pillow's mode "L"
    white = np.zeros(256, dtype=np.uint8)
    white[: luma.size] = luma >= _WHITE
    bits = np.packbits(white.take(pixels), axis=1)
    return bits if bits.any() else None  # dark all over: it may yet be an image of 0 and 1


def _black_and_white(parts: PngParts) -> bool:
    """Say whether a bit of 1 is white and 0 is black."""
    if parts.colour_type == _PALETTE:
        return parts.palette in (bytes(3) + b"\xff" * 3, bytes(3) + b"\x01" * 3)
    return parts.colour_type == 0


def _read_packed(parts: PngParts) -> Bytes | None:
    """Return the rows of a file of one bit a pixel: its bytes are filtered, not its bits."""
    rows = inflate(parts)
    filters = rows[:, 0]
    if int(filters.max()) > _UP:
        return None
    bits = rows[:, 1:].copy()
    subs = np.flatnonzero(filters == _SUB)
    if subs.size:
        bits[subs] = np.add.accumulate(bits[subs], axis=1, dtype=np.uint8)
    for first, last in _up_groups(filters):
        start = max(first - 1, 0)
        np.add.accumulate(bits[start:last], axis=0, dtype=np.uint8, out=bits[start:last])
    return _cut(bits, parts.size_hw[1])


def _cut(bits: Bytes, width: int) -> Bytes:
    """Return packed rows without what lies past the width."""
    bits = np.ascontiguousarray(bits[:, : (width + 7) // 8])
    if width % 8:
        bits[:, -1] &= np.uint8(0xFF << (8 - width % 8) & 0xFF)
    return bits


def _up_groups(filters: Bytes) -> list[tuple[int, int]]:
    """Return the runs of rows that are filtered "up", as (first, last + 1)."""
    edges = np.flatnonzero(np.diff((filters == _UP).view(np.int8), prepend=0, append=0))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _bits_from_residuals(parts: PngParts, *, white: int | None = None) -> Bytes | None:
    """Return the bits of an opaque image of two values (0 and 255, or 0 and 1) or of unfiltered gray, else None.

    With ``white`` given, images of just 0 and that value are read, and no others.
    """
    filters, offsets, values = _find_residuals(parts)
    if len(filters) < parts.size_hw[0]:
        is_unfiltered = white is None and parts.colour_type == _GRAY and not filters.any()
        return _read_unfiltered(parts) if is_unfiltered else None
    places = _places(offsets, values, filters, parts)
    if places is None:
        return None
    ys, xs, values = places
    height, width = parts.size_hw
    n_bytes = (width + 63) // 64 * 8
    bits = np.zeros((height, n_bytes), dtype=np.uint8)
    spots = ys * n_bytes + (xs >> 3)
    marks = np.right_shift(128, xs & 7).astype(np.uint8)
    np.bitwise_xor.at(bits.ravel(), spots, marks)
    _unfilter(bits, filters)
    # A byte of 255 (or 1, where white is 1) must turn a bit on and the other one turn it off: else a value is
    # neither black nor white. The first change of all turns on.
    turned_on = bits.ravel()[spots] & marks != 0
    if values.size and not np.array_equal(turned_on, values == (white or values[0])):
        return None
    return _cut(bits, width)


def _read_unfiltered(parts: PngParts) -> Bytes | None:
    rows = inflate(parts)
    return None if rows[:, 0].any() else _bits_from_bytes(rows[:, 1:], None)


def _find_residuals(parts: PngParts) -> tuple[Bytes, Ints, Bytes]:
    """Return the rows' filters, and place and value of every byte that is not 0, filters among them.

    Reading stops, some filters short, where too many bytes are not 0 or one is neither 255 nor as small as a filter.
    """
    filters: list[Bytes] = []
    offsets: list[Ints] = []
    values: list[Bytes] = []
    start = 0
    expected = parts.size_hw[0] * (parts.row_bytes + 1)
    is_simple = len(parts.data) * _SIMPLE < expected  # what packs so well will not have to be read as pixels
    for rows in inflate_pieces(parts, expected if is_simple else _PIECE_BYTES):
        filters.append(rows[:, 0].copy())
        flat = rows.ravel()
        whole = flat.size // 8 * 8
        words = flat[:whole].view(np.uint64)
        used = np.flatnonzero(words != 0)
        samples = words[used].view(np.uint8)
        if (
            used.size * _MAX_USED > words.size + _HARMLESS
            or int((samples + np.uint8(1)).max(initial=0)) > _PAETH + 1
        ):
            break
        tail = np.flatnonzero(flat[whole:]) + whole
        where = np.flatnonzero(samples)
        offsets += [(used * 8 + start)[where >> 3] + (where & 7), tail + start]
        values += [samples[where], flat[tail]]
        start += flat.size
    else:
        return np.concatenate(filters), np.concatenate(offsets), np.concatenate(values)
    return (
        np.concatenate(filters)[: parts.size_hw[0] - 1],
        np.empty(0, dtype=np.int64),
        np.empty(0, dtype=np.uint8),
    )


def _places(offsets: Ints, values: Bytes, filters: Bytes, parts: PngParts) -> tuple[Ints, Ints, Bytes] | None:
    """Return row, column and value of each change, if all are 1 or 255 and the same in all channels, else None."""
    if (filters == _AVERAGE).any():
        return None
    ys = offsets // (parts.row_bytes + 1)
    columns = offsets - ys * (parts.row_bytes + 1)
    inside = np.flatnonzero(columns)  # the first column holds the filters
    ys, columns, values = ys[inside], columns[inside] - 1, values[inside]
    if parts.has_alpha:
        colours = _without_alpha(filters, parts, (ys, columns, values))
        if colours is None:
            return None
        ys, columns, values = ys[colours], columns[colours], values[colours]
    n_colours = parts.n_channels - parts.has_alpha
    if n_colours > 1:
        if values.size % n_colours:
            return None
        shape = (-1, n_colours)
        ys, columns, values = ys.reshape(shape), columns.reshape(shape), values.reshape(shape)
        together = (columns == columns[:, :1] + np.arange(n_colours)).all() and not (
            columns[:, 0] % parts.n_channels
        ).any()
        if not (together and (values == values[:, :1]).all() and (ys == ys[:, :1]).all()):
            return None
        ys, columns, values = ys[:, 0], columns[:, 0], values[:, 0]
    if ((values + np.uint8(1)) > 2).any():  # noqa: PLR2004 - 255, 0 and 1 become 0, 1 and 2
        return None
    return ys, columns // parts.n_channels, values


def _without_alpha(filters: Bytes, parts: PngParts, places: tuple[Ints, Ints, Bytes]) -> Ints | None:
    """Return which bytes are of colours, or None where the image is not opaque all over.

    Where it is, alpha is predicted but at the start of a row that looks to its left only. In a row that is not
    filtered, or looks at what is above the image, bytes of 0 are pixels that cannot be seen.
    """
    if (filters == _NONE).any() or filters[0] == _UP:
        return None
    ys, columns, values = places
    is_alpha = columns % parts.n_channels == parts.n_channels - 1
    begins = filters == _SUB
    begins[0] |= filters[0] == _PAETH  # there is nothing above
    alpha = np.flatnonzero(is_alpha)
    opaque = np.array_equal(ys[alpha], np.flatnonzero(begins)) and (values[alpha] == 255).all()  # noqa: PLR2004
    if not opaque or (columns[alpha] != parts.n_channels - 1).any():
        return None
    return np.flatnonzero(~is_alpha)


def _unfilter(bits: Bytes, filters: Bytes) -> None:
    """Turn changes into pixels, in place: rows of 64-bit words, first pixel highest."""
    subs, paeth = np.flatnonzero(filters == _SUB), np.flatnonzero(filters == _PAETH).tolist()
    if subs.size:
        bits[subs] = _running_parity(bits[subs])
    # Rows filtered "up" are sums of the rows since the last one that is not: differences of one sum over all rows.
    words = bits.view(np.uint64)
    sums = np.zeros((words.shape[0] + 1, words.shape[1]), dtype=np.uint64)
    np.bitwise_xor.accumulate(words, axis=0, out=sums[1:])
    base = np.maximum.accumulate(np.where(filters == _UP, 0, np.arange(filters.size)))
    ends = np.searchsorted(
        base, paeth, side="right"
    ).tolist()  # before the first row that does not build on this one
    changes = [bits[row].copy() for row in paeth]
    np.bitwise_xor(sums[1:], sums[base], out=words)
    for row, end, change in zip(paeth, ends, changes, strict=True):
        above = bits[row - 1] if row else np.zeros_like(change)
        bits[row:end] ^= _paeth(change, above) ^ bits[row]


def _paeth(changes: Bytes, above: Bytes) -> Bytes:
    """Return a row filtered "Paeth" over one of two values.

    With two values the predictor is the pixel above until a change; from there on it is the other value, up to the
    next place where the row above itself changes.
    """
    upper, left = int.from_bytes(above), int.from_bytes(changes)
    edges, row = upper ^ (upper >> 1), upper
    if left.bit_count() > _FEW_CHANGES:
        # Whether a pixel differs from the one above: the parity of the changes since the last edge above it.
        n_bits, reach = 8 * above.size, 1
        joined = ~edges & ((1 << n_bits) - 1)
        while reach < n_bits:
            left ^= (left >> reach) & joined
            joined &= joined >> reach
            reach *= 2
        return np.frombuffer((upper ^ left).to_bytes(above.size), dtype=np.uint8)
    while left:
        first = left.bit_length()  # the first pixel is the highest bit
        left ^= 1 << (first - 1)
        end = (edges & ((1 << (first - 1)) - 1)).bit_length()
        row ^= (1 << first) - (1 << end)
    return np.frombuffer(row.to_bytes(above.size), dtype=np.uint8)


def _running_parity(bits: Bytes) -> Bytes:
    """Return, for each bit, the parity of it and all bits before it in its row."""
    words = bits.view(">u8").astype(np.uint64)
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words >> np.uint64(shift)
    odd = np.bitwise_xor.accumulate((words & np.uint64(1)).astype(np.uint8), axis=1)
    words[:, 1:] ^= np.negative(odd[:, :-1].astype(np.uint64))
    return words.astype(">u8").view(np.uint8)
