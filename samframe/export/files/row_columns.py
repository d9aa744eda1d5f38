"""Whole numbers, one a row, in a temporary file: what an export knows of each row without keeping it in memory."""

from __future__ import annotations

import tempfile
import weakref
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["RowColumn"]

#: Numbers that are in memory at a time.
_BLOCK = 1 << 12
#: Bytes below which no file is made.
_SMALL_BYTES = 1 << 14


class RowColumn:
    """Takes a number a row, and gives them back in order; any number of readers may be under way.

    Raises
    ------
    OSError
        From its methods, where the folder for temporary files is full.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SMALL_BYTES)  # noqa: SIM115 - closed with the column
        weakref.finalize(self, self._file.close)
        self._waiting = array("i")
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._waiting)

    def append(self, number: int) -> None:
        """Add the number of the next row, of 32 bits."""
        self._waiting.append(number)
        if len(self._waiting) >= _BLOCK:
            self._flush()

    def extend(self, numbers: npt.NDArray[np.integer]) -> None:
        """Add the numbers of further rows."""
        self._waiting.frombytes(numbers.astype(np.intc).tobytes())
        self._flush()

    def blocks(self) -> Iterator[npt.NDArray[np.intc]]:
        """Yield all numbers in order, int32 of shape (n,): columns of equal length in blocks of equal length."""
        self._flush()
        size = array("i").itemsize
        for start in range(0, self._written, _BLOCK):
            self._file.seek(start * size)
            yield np.frombuffer(self._file.read(min(_BLOCK, self._written - start) * size), dtype=np.intc)

    def __iter__(self) -> Iterator[int]:
        for block in self.blocks():
            yield from block.tolist()

    def to_numpy(self) -> npt.NDArray[np.intc]:
        """Return all numbers, int32 of shape (n_rows,)."""
        return np.concatenate([np.empty(0, np.intc), *self.blocks()])

    def _flush(self) -> None:
        self._file.seek(0, 2)
        self._file.write(self._waiting.tobytes())
        self._written += len(self._waiting)
        self._waiting = array("i")
