"""The append-only store behind mask columns: COCO bytes in Arrow, sizes, and what was worked out from them once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from samframe.masks.rle import MAX_PIXELS, decode_column, toggles_from_pool
from samframe.masks.runs import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["MaskPool", "distinct", "in_parts"]

#: Runs are kept up to this many bytes a pool: they take four times the room of the COCO bytes.
_KEPT_BYTES = 1 << 25
#: An area or a box that has not been worked out yet.
_UNKNOWN = -1


class MaskPool:
    """Masks that any number of columns point into by position.

    An entry never changes and is never removed, so a view, a filter and a copy of a column can share one pool: they
    differ in their index only. What is worked out about an entry (area, box) is kept beside it for all of them.

    Parameters
    ----------
    chunks : iterable of pyarrow.LargeBinaryArray
        COCO's compressed RLE bytes, one element an entry, no nulls.
    sizes_hw : ndarray of int32, shape (n, 2)
        Height and width of each entry in pixels.
    """

    __slots__ = (
        "_areas",
        "_boxes",
        "_chunks",
        "_lock",
        "_sizes",
        "_starts",
        "_tail",
        "_tail_sizes",
        "_toggle_offsets",
        "_toggles",
    )

    def __init__(self, chunks: Iterable[pa.LargeBinaryArray], sizes_hw: NDArray[np.int32]) -> None:
        self._chunks = [chunk for chunk in chunks if len(chunk)]
        self._starts = _chunk_starts(self._chunks)
        self._sizes = np.ascontiguousarray(sizes_hw, dtype=np.int32).reshape(-1, 2)
        self._tail: list[bytes] = []
        self._tail_sizes: list[tuple[int, int]] = []
        self._areas: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._boxes: NDArray[np.int32] = np.empty((0, 4), dtype=np.int32)
        self._toggles: NDArray[Any] = np.empty(0, dtype=np.int32)
        self._toggle_offsets: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._lock = threading.RLock()

    @classmethod
    def from_masks(
        cls, counts: Sequence[bytes], sizes_hw: Sequence[tuple[int, int]] | NDArray[Any]
    ) -> MaskPool:
        """Make a pool of masks given as bytes and sizes.

        Parameters
        ----------
        counts : sequence of bytes, length n
            COCO's compressed RLE bytes.
        sizes_hw : sequence of (int, int), length n
            Height and width in pixels.
        """
        sizes = np.array(sizes_hw, dtype=np.int32).reshape(-1, 2)
        # pa.array grows its buffer by doubling, which for a moment takes three times the room.
        offsets = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in counts], out=offsets[1:])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(counts))]
        return cls([pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(counts), buffers)], sizes)

    def __len__(self) -> int:
        return len(self._sizes) + len(self._tail)

    def append(self, counts: Sequence[bytes], sizes_hw: Sequence[tuple[int, int]]) -> int:
        """Add masks at the end and return the position of the first; nothing that exists moves."""
        with self._lock:
            first = len(self)
            self._tail.extend(counts)
            self._tail_sizes.extend(sizes_hw)
            return first

    def absorb(self, other: MaskPool) -> int:
        """Add all masks of another pool, without copying its bytes, and return the position of the first."""
        column, sizes = other.counts(), other.sizes_hw()
        areas, boxes = other.known_areas(), other.known_boxes()
        with self._lock:
            self._flush()
            first = len(self)
            self._areas = np.concatenate([self._known_areas(), areas[: len(sizes)]])
            self._boxes = np.concatenate([self._known_boxes(), boxes[: len(sizes)]])
            self._chunks = [*self._chunks, column[: len(sizes)]]
            self._starts = _chunk_starts(self._chunks)
            self._sizes = np.concatenate([self._sizes, sizes])
            return first

    def counts_at(self, position: int) -> bytes:
        """Return the COCO bytes of one entry."""
        with self._lock:
            if position >= len(self._sizes):
                return self._tail[position - len(self._sizes)]
            chunk = int(np.searchsorted(self._starts, position, side="right")) - 1
            found: bytes = self._chunks[chunk][position - int(self._starts[chunk])].as_py()
            return found

    def size_at(self, position: int) -> tuple[int, int]:
        """Return height and width of one entry."""
        with self._lock:
            if position >= len(self._sizes):
                return self._tail_sizes[position - len(self._sizes)]
            height, width = self._sizes[position].tolist()
            return height, width

    def counts(self) -> pa.LargeBinaryArray:
        """Return the COCO bytes of all entries as one Arrow array (the chunks are joined at the first call)."""
        with self._lock:
            self._flush()
            if len(self._chunks) != 1:
                joined = (
                    pa.concat_arrays(self._chunks) if self._chunks else pa.array([], type=pa.large_binary())
                )
                self._chunks, self._starts = [joined], np.zeros(1, dtype=np.int64)
            return self._chunks[0]

    def bytes_view(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return all COCO bytes, uint8 of shape (n_bytes,), and where each entry starts, int64 of shape (n + 1,)."""
        column = self.counts()
        _, offset_buffer, data = column.buffers()
        if not len(column) or offset_buffer is None:
            return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
        offsets = np.frombuffer(offset_buffer, dtype=np.int64)[
            column.offset : column.offset + len(column) + 1
        ]
        return (np.empty(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)), offsets

    def sizes_hw(self) -> NDArray[np.int32]:
        """Return height and width of all entries, int32 of shape (n, 2); not to be written to."""
        with self._lock:
            self._flush()
            return self._sizes

    def known_areas(self) -> NDArray[np.int64]:
        """Return the areas of all entries in pixels, int64 of shape (n,), -1 where not worked out; may be filled in."""
        with self._lock:
            self._flush()
            self._areas = self._known_areas()
            return self._areas

    def known_boxes(self) -> NDArray[np.int32]:
        """Return the boxes (x, y, width, height), int32 of shape (n, 4), -1 where not worked out; may be filled in."""
        with self._lock:
            self._flush()
            self._boxes = self._known_boxes()
            return self._boxes

    def take(self, positions: NDArray[np.int64]) -> MaskPool:
        """Return a pool of its own that holds just these entries, in this order, with what is known about them."""
        with self._lock:
            sizes, areas, boxes = self.sizes_hw()[positions], self.known_areas(), self.known_boxes()
            taken = MaskPool([self.counts().take(pa.array(positions))], sizes)
            taken._areas, taken._boxes = areas[positions], boxes[positions]
            return taken

    def lengths(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many COCO bytes each of these entries takes, int64."""
        _, offsets = self.bytes_view()
        return offsets[positions + 1] - offsets[positions]

    def rles(self, positions: NDArray[np.int64]) -> list[bytes]:
        """Return the COCO bytes of these entries."""
        data, offsets = self.bytes_view()
        bounds = zip(offsets[positions].tolist(), offsets[positions + 1].tolist(), strict=True)
        return [data[first:end].tobytes() for first, end in bounds]

    def toggles(
        self, positions: NDArray[np.int64], *, keep: bool = True
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the decoded runs of these entries.

        Parameters
        ----------
        positions : ndarray of int64, shape (n,)
            Positions in the pool, none negative.
        keep : bool
            Decode the whole pool and keep its runs, where these entries are a good part of it and the runs take 32 MiB
            or less. Otherwise runs that were not kept before are decoded and let go.

        Returns
        -------
        toggles : ndarray of int32 or int64, shape (n_toggles,)
            ``start, end, start, end ...`` of all entries, column-major positions, ends excluded. Not to be written to.
        offsets : ndarray of int64, shape (n + 1,)
            Entry i owns ``toggles[offsets[i]:offsets[i + 1]]``.
        """
        with self._lock:
            data, offsets = self.bytes_view()
            n_decoded = len(self._toggle_offsets) - 1
            worth_it = keep and 4 * len(positions) >= len(self) - n_decoded
            if n_decoded < len(self) and not (worth_it and self.keeps_runs()):
                if _neighbours(positions):
                    return _decode(
                        data, offsets[positions[0] : positions[-1] + 2], self.sizes_hw()[positions]
                    )
                lengths = offsets[positions + 1] - offsets[positions]
                chosen, starts = gather(data, offsets[positions], lengths)
                return _decode(chosen, starts, self.sizes_hw()[positions])
            if n_decoded < len(self):
                fresh, fresh_offsets = _decode(data, offsets[n_decoded:], self.sizes_hw()[n_decoded:])
                base = self._toggle_offsets[-1]
                self._toggles = np.concatenate([self._toggles, fresh]) if n_decoded else fresh
                self._toggle_offsets = np.concatenate([self._toggle_offsets, base + fresh_offsets[1:]])
            if _neighbours(positions):  # a view will do
                bounds = self._toggle_offsets[positions[0] : positions[-1] + 2]
                return self._toggles[bounds[0] : bounds[-1]], bounds - bounds[0]
            starts = self._toggle_offsets[positions]
            return gather(self._toggles, starts, self._toggle_offsets[positions + 1] - starts)

    def keeps_runs(self) -> bool:
        """Say whether the pool is small enough for its decoded runs to be kept."""
        data, _ = self.bytes_view()  # a run takes one byte at the least
        return self._toggles.itemsize * len(data) <= _KEPT_BYTES

    def _known_areas(self) -> NDArray[np.int64]:
        missing = len(self._sizes) - len(self._areas)
        return np.concatenate([self._areas, np.full(missing, _UNKNOWN)]) if missing else self._areas

    def _known_boxes(self) -> NDArray[np.int32]:
        missing = len(self._sizes) - len(self._boxes)
        fresh = np.full((missing, 4), _UNKNOWN, dtype=np.int32)
        return np.concatenate([self._boxes, fresh]) if missing else self._boxes

    def _flush(self) -> None:
        """Turn what was appended since the last look into a chunk."""
        if self._tail:
            sizes = np.array(self._tail_sizes, dtype=np.int32).reshape(-1, 2)
            self._chunks = [*self._chunks, pa.array(self._tail, type=pa.large_binary())]
            self._starts = _chunk_starts(self._chunks)
            self._sizes = np.concatenate([self._sizes, sizes])
            self._tail, self._tail_sizes = [], []


def gather(
    flat: NDArray[Any], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return pieces of a flat array one after another, and the offsets of shape (n + 1,) that part them."""
    offsets = np.zeros(len(starts) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return flat[np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])], offsets


def _neighbours(positions: NDArray[np.int64]) -> bool:
    """Say whether positions, at least one, follow one another without a gap."""
    return bool(len(positions)) and bool((np.diff(positions) == 1).all())


def _decode(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], sizes_hw: NDArray[np.int32]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Decode entries; `data` is addressed by `offsets` of shape (n + 1,)."""
    if int(sizes_hw.astype(np.int64).prod(axis=1).max(initial=0)) >= MAX_PIXELS:
        return toggles_from_pool(data, offsets)
    return decode_column(data, offsets)


def in_parts(lengths: NDArray[np.int64], n_bytes: int = 1 << 15) -> Iterator[slice]:
    """Yield slices of masks whose COCO bytes, given by the mask, come to about ``n_bytes``; one mask at the least.

    A run takes a byte or more, so that decoded runs are bounded, too.
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return chunks(offsets, n_bytes)


def distinct(positions: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the distinct positions that are not negative, sorted; `size` is one more than the largest can be."""
    if size > 64 * len(positions):
        return np.unique(positions[positions >= 0])
    marked = np.zeros(size + 1, dtype=bool)
    marked[positions] = True  # -1 marks the place past the end
    return np.flatnonzero(marked[:-1])


def _chunk_starts(chunks: Sequence[pa.LargeBinaryArray]) -> NDArray[np.int64]:
    """Return the position of each chunk's first entry, int64 of shape (n_chunks,)."""
    lengths = np.array([0, *map(len, chunks)], dtype=np.int64)
    return lengths.cumsum()[: len(chunks)]
