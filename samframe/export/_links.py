"""What links rows to one another when splits are drawn: an image, a near-duplicate of it, a group."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import ImageError
from samframe.export._likeness import link_near_duplicates, perceptual_hash
from samframe.export._scratch import Scratch
from samframe.export._splits import assign_splits, digest_of, link_nodes
from samframe.images import raster

if TYPE_CHECKING:
    import numpy.typing as npt

    from samframe.export._pictures import Picture
    from samframe.export._scratch import ScratchMap

__all__ = ["Links", "Numbers", "cell_text"]

#: Long side in pixels at which pictures are decoded to be hashed.
_HASHED_SIDE = 128
_NONE = -1
#: No perceptual hash: the last of their 64 bits is never set.
_NO_HASH = 1


class Numbers:
    """Gives texts numbers from 0, by first appearance; the texts themselves are on disk."""

    def __init__(self, known: ScratchMap) -> None:
        self._known = known
        self.digests = array("Q")

    def __len__(self) -> int:
        return len(self.digests)

    def give(self, text: str | None) -> int:
        """Return the number of a text, a new one where it is new; -1 of None."""
        if text is None:
            return _NONE
        number = int(self._known.setdefault(text, len(self.digests)))
        if number == len(self.digests):
            self.digests.append(digest_of(text))
        return number

    def find(self, text: str) -> int:
        """Return the number of a text, -1 where it has none."""
        return int(self._known.get(text, _NONE))


class Links:
    """Collects what links rows, then draws their splits. A row takes 12 bytes, an image 16."""

    def __init__(self) -> None:
        scratch = Scratch()
        self.images = array("i")
        self.names = Numbers(scratch.map())
        self._groups, self._group_names = array("i"), Numbers(scratch.map())
        self._strata, self._stratum_names = array("i"), Numbers(scratch.map())
        self._hashes = array("Q")

    def add(self, *, image: str | None, picture: Picture | None, group: object, stratum: object) -> None:
        """Add a row.

        Parameters
        ----------
        image : str or None
            What tells images apart; None links the row to no image.
        picture : Picture or None
            To be compared with others by its looks; None where that is not wanted or not possible.
        group, stratum : object
            Cells; a missing group links the row to no other.
        """
        number = self.names.give(image)
        self.images.append(number)
        self._groups.append(self._group_names.give(cell_text(group)))
        self._strata.append(self._stratum_names.give(cell_text(stratum) or ""))
        if number == len(self._hashes):
            self._hashes.append(_NO_HASH if picture is None else _hash_of(picture))

    def draw(
        self, fractions: dict[str, float], *, seed: int, near_duplicates: int | None, is_stratified: bool
    ) -> tuple[npt.NDArray[np.integer], list[str]]:
        """Return the split of each row, by its position among the fractions, and warnings.

        Parameters
        ----------
        fractions : mapping of str to float
            As :func:`check_fractions` gives them.
        seed : int
        near_duplicates : int or None
            Bits in which near-duplicates may differ; None links equal images only.
        is_stratified : bool
            Whether each stratum is divided by the fractions.
        """
        clusters = self.clusters(near_duplicates)
        found = assign_splits(
            self._row_digests(),
            clusters,
            fractions,
            seed=seed,
            strata=np.array(self._strata, np.int32) if is_stratified else None,
            stratum_digests=np.array(self._stratum_names.digests, np.uint64) if is_stratified else None,
        )
        counts = np.bincount(found, minlength=len(fractions))
        warnings = [
            f"Split {name!r} is empty: its share is smaller than the rows that belong together."
            for name, count in zip(fractions, counts.tolist(), strict=True)
            if not count
        ]
        largest = int(np.unique(clusters, return_counts=True)[1].max()) if len(clusters) else 0
        if len(fractions) > 1 and largest > max(fractions.values()) * len(found) + 1:
            warnings.append(
                f"{largest:,} of {len(found):,} rows belong together by image, near-duplicate or group: "
                "the fractions cannot be met."
            )
        return found, warnings

    def clusters(self, near_duplicates: int | None) -> npt.NDArray[np.integer]:
        """Return the cluster of each row, int of shape (n_rows,): rows that share anything have one number."""
        images, groups = np.array(self.images, np.int32), np.array(self._groups, np.int32)
        n_images, n_groups = len(self.names), len(self._group_names)
        both = (images != _NONE) & (groups != _NONE)
        a, b = images[both], groups[both] + n_images
        if near_duplicates is not None:
            hashes = np.array(self._hashes, np.uint64)
            (hashed,) = np.nonzero(hashes != _NO_HASH)
            roots = link_near_duplicates(hashes[hashed], max_bits=near_duplicates)
            a, b = np.concatenate([a, hashed]), np.concatenate([b, hashed[roots]])
        linked = link_nodes(n_images + n_groups, a, b)
        alone = n_images + n_groups + np.arange(len(images))
        node = np.where(images != _NONE, images, np.where(groups != _NONE, groups + n_images, _NONE))
        return np.where(node == _NONE, alone, linked[node] if len(linked) else alone)

    def _row_digests(self) -> npt.NDArray[np.uint64]:
        """Return what each row is, by content: its image and its group."""
        parts = []
        for numbers, names in ((self.images, self.names), (self._groups, self._group_names)):
            # What has no text, -1, is the last one.
            digests = np.append(np.array(names.digests, np.uint64), np.uint64(0))
            parts.append(digests[np.array(numbers, np.int32)])
        return parts[0] * np.uint64(3) + parts[1]


def _hash_of(picture: Picture) -> int:
    """Return a picture's perceptual hash, 1 for a URL and for what does not decode."""
    if picture.source is None:
        return _NO_HASH
    try:
        return perceptual_hash(raster(picture.source, max_side=_HASHED_SIDE)[0])
    except ImageError:
        return _NO_HASH


def cell_text(cell: Any) -> str | None:
    """Return a cell as text, None where it is missing."""
    if cell is None or (pd.api.types.is_scalar(cell) and not isinstance(cell, str) and pd.isna(cell)):
        return None
    return str(cell)
