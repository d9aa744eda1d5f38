"""Tiles of a gallery: a thumbnail and the mask on its raster, made when they are asked for and kept for a while."""

from __future__ import annotations

import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from samframe.errors import ImageError
from samframe.images import make_thumbnail
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["TileMaker", "TilePicture", "tile_picture"]

_KEPT_BYTES = 64 * 1024**2
_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePicture:
    """What a page needs to paint one tile.

    Attributes
    ----------
    jpeg : bytes
        The thumbnail, empty where the image cannot be shown.
    counts : bytes
        COCO's compressed counts of the mask on the thumbnail's raster, empty where there is none.
    size_hw : (int, int)
        Height and width of that raster.
    problem : str
        Why the image is not shown, empty where it is.
    """

    jpeg: bytes
    counts: bytes
    size_hw: tuple[int, int]
    problem: str = ""


def tile_picture(
    cell: object,
    mask: object,
    *,
    side: int,
    image_root: str | os.PathLike[str] | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> TilePicture:
    """Return the tile of an image cell and a mask cell, each perhaps missing.

    Parameters
    ----------
    cell, mask : object
        As the frame holds them.
    side : int
        The longer side in pixels, at most.
    image_root, fetch
        As for :func:`samframe.images.make_thumbnail`.
    """
    jpeg, size_hw, problem = b"", (side, side), ""
    try:
        thumbnail = make_thumbnail(cell, max_side=side, image_root=image_root, fetch=fetch)
        jpeg, size_hw = thumbnail.jpeg, thumbnail.size_hw
    except ImageError as error:
        problem = str(error)
        if isinstance(mask, Mask):
            scale = min(1.0, side / max(1, *mask.size_hw))
            size_hw = (max(1, round(mask.size_hw[0] * scale)), max(1, round(mask.size_hw[1] * scale)))
    counts = b""
    if isinstance(mask, Mask) and 0 not in mask.size_hw:
        counts = mask.resize(size_hw).counts
    return TilePicture(jpeg=jpeg, counts=counts, size_hw=size_hw, problem=problem)


class TileMaker:
    """Makes tiles of rows, several at once, and keeps the latest up to 64 MiB.

    Parameters
    ----------
    cells : callable
        Takes a row's position and returns its image cell and its mask.
    image_root, fetch
        As for :func:`tile_picture`.
    """

    def __init__(
        self,
        cells: Callable[[int], tuple[Any, Any]],
        *,
        image_root: str | os.PathLike[str] | None = None,
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self._cells = cells
        self._image_root = image_root
        self._fetch = fetch
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], TilePicture] = OrderedDict()
        self._bytes = 0

    def make(self, rows: Sequence[int], *, side: int) -> list[TilePicture]:
        """Return the tiles of rows, by position, in their order; a row that cannot be shown has an empty one."""
        with self._lock:
            made = {row: self._kept[row, side] for row in rows if (row, side) in self._kept}
        missing = [row for row in dict.fromkeys(rows) if row not in made]
        if len(missing) > 1:
            pool = _pool(os.getpid())
            made |= zip(missing, pool.map(lambda row: self._make(row, side), missing), strict=True)
        elif missing:
            made[missing[0]] = self._make(missing[0], side)
        with self._lock:
            for row in rows:
                self._keep((row, side), made[row])
        return [made[row] for row in rows]

    def _make(self, row: int, side: int) -> TilePicture:
        try:
            cell, mask = self._cells(row)
            return tile_picture(cell, mask, side=side, image_root=self._image_root, fetch=self._fetch)
        except Exception as error:  # noqa: BLE001 - one row must not keep the page waiting for those beside it
            # The kind only: the words of an unforeseen error may name paths or addresses.
            problem = f"It cannot be read ({type(error).__name__})."
            return TilePicture(jpeg=b"", counts=b"", size_hw=(side, side), problem=problem)

    def _keep(self, key: tuple[int, int], tile: TilePicture) -> None:
        if key not in self._kept:
            self._bytes += len(tile.jpeg) + len(tile.counts)
        self._kept[key] = tile
        self._kept.move_to_end(key)
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.jpeg) + len(gone.counts)


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Return the threads of all tile makers of a process; one that was forked has threads of its own."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="samframe-tiles")
