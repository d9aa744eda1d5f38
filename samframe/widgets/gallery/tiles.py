"""Tiles of a gallery: a thumbnail and the mask on its raster, made when they are asked for and kept for a while."""

from __future__ import annotations

import os
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from samframe.errors import ImageError
from samframe.images import make_thumbnail, mask_on
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["TileMaker", "TilePicture", "tile_picture"]

_KEPT_BYTES = 64 * 1024**2
#: Decoding takes a core, waiting for a URL none.
_MOST_THREADS, _FETCH_THREADS = 4, 8
#: Tiles that are handed over together: the page decodes some while others are made, and the last are fewer. Each part
#: costs the page a frame.
_MOST_TOGETHER, _LEAST_TOGETHER = 16, 8


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
    try:
        shown = make_thumbnail(cell, max_side=side, image_root=image_root, fetch=fetch)
    except ImageError as error:
        return _without_image(mask, side, str(error))
    counts = shown.mask(mask).counts if isinstance(mask, Mask) and 0 not in mask.size_hw else b""
    return TilePicture(jpeg=shown.jpeg, counts=counts, size_hw=shown.size_hw)


def _without_image(mask: object, side: int, problem: str) -> TilePicture:
    if not isinstance(mask, Mask) or 0 in mask.size_hw:
        return TilePicture(jpeg=b"", counts=b"", size_hw=(side, side), problem=problem)
    small = mask_on(None, mask, max_side=side)
    return TilePicture(jpeg=b"", counts=small.counts, size_hw=small.size_hw, problem=problem)


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
        # By process too: what a fork took along is made by nobody.
        self._coming: dict[tuple[int, int, int], Future[TilePicture]] = {}

    def make(self, rows: Sequence[int], *, side: int) -> list[TilePicture]:
        """Return the tiles of rows, by position, in their order; a row that cannot be shown has an empty one."""
        return [tile for part in self.in_parts(rows, side=side) for tile in part]

    def in_parts(self, rows: Sequence[int], *, side: int) -> Iterator[list[TilePicture]]:
        """Give the tiles of rows in their order, several at a time: what is made is not kept waiting for the rest."""
        waiting = self.prepare(rows, side=side)
        while waiting:
            count = min(_MOST_TOGETHER, max(_LEAST_TOGETHER, len(waiting) * 2 // 3))
            part = [one.result() for one in waiting[:count]]
            while len(part) < len(waiting) and waiting[len(part)].done():
                part.append(waiting[len(part)].result())
            waiting = waiting[len(part) :]
            yield part

    def prepare(self, rows: Sequence[int], *, side: int) -> list[Future[TilePicture]]:
        """Begin to make the tiles of rows that are not there, and wait for none of them."""
        return [self._started(row, side) for row in rows]

    def _started(self, row: int, side: int) -> Future[TilePicture]:
        key = (os.getpid(), row, side)
        with self._lock:
            if (row, side) in self._kept:
                self._kept.move_to_end((row, side))
                done: Future[TilePicture] = Future()
                done.set_result(self._kept[row, side])
                return done
            if key not in self._coming:
                self._coming[key] = _pool(os.getpid(), is_fetch=self._fetch is not None).submit(
                    self._finish, key
                )
            return self._coming[key]

    def _finish(self, key: tuple[int, int, int]) -> TilePicture:
        _, row, side = key
        tile = self._make(row, side)
        with self._lock:
            self._keep((row, side), tile)
            self._coming.pop(key, None)
        return tile

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
def _pool(_process: int, *, is_fetch: bool) -> ThreadPoolExecutor:
    """Return the threads of all tile makers of a process; one that was forked has threads of its own."""
    count = _FETCH_THREADS if is_fetch else min(_MOST_THREADS, os.cpu_count() or 1)
    return ThreadPoolExecutor(count, thread_name_prefix="samframe-tiles")
