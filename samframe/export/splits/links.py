"""What links rows to one another when splits are drawn: an image, a near-duplicate of it, a group."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import ImageError
from samframe.export.files import RowColumn, Scratch
from samframe.export.splits.drawing import assign_splits, digest_of, link_nodes
from samframe.export.splits.likeness import link_near_duplicates, perceptual_hash
from samframe.ground.cells import text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from samframe.export.files import ScratchMap
    from samframe.export.rows import Picture

__all__ = ["Links", "Numbers"]

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
    """Collects what links rows, then draws their splits. Rows are on disk; an image takes 16 bytes."""

    def __init__(self) -> None:
        scratch = Scratch()
        self._images, self.names = RowColumn(), Numbers(scratch.map())
        self._groups, self._group_names = RowColumn(), Numbers(scratch.map())
        self._strata, self._stratum_names = RowColumn(), Numbers(scratch.map())
        self._hashes = array("Q")

    def __len__(self) -> int:
        return len(self._images)

    def add(self, *, image: str | None, picture: Picture | None, group: object, stratum: object) -> int:
        """Add a row, and return the number of its image, -1 where it has none.

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
        self._images.append(number)
        self._groups.append(self._group_names.give(text_or_none(group)))
        self._strata.append(self._stratum_names.give(text_or_none(stratum) or ""))
        if number == len(self._hashes):
            self._hashes.append(_NO_HASH if picture is None else _hash_of(picture))
        return number

    def draw(
        self, fractions: dict[str, float], *, seed: int, near_duplicates: int | None, is_stratified: bool
    ) -> tuple[RowColumn, list[str]]:
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
        linked = self._linked(near_duplicates)
        split_of, sizes = assign_splits(
            zip(
                self._cluster_blocks(linked),
                self._digest_blocks(),
                self._strata.blocks() if is_stratified else self._zero_blocks(),
                strict=True,
            ),
            fractions,
            seed=seed,
            stratum_digests=np.array(self._stratum_names.digests if is_stratified else [0], np.uint64),
        )
        found = RowColumn()
        for clusters in self._cluster_blocks(linked):
            found.extend(split_of[clusters])
        counts = np.bincount(split_of, weights=sizes, minlength=len(fractions))
        warnings = [
            f"Split {name!r} is empty: its share is smaller than the rows that belong together."
            for name, count in zip(fractions, counts.tolist(), strict=True)
            if not count
        ]
        largest = int(sizes.max(initial=0))
        if len(fractions) > 1 and largest > max(fractions.values()) * len(self) + 1:
            warnings.append(
                f"{largest:,} of {len(self):,} rows belong together by image, near-duplicate or group: "
                "the fractions cannot be met."
            )
        return found, warnings

    def clusters(self, near_duplicates: int | None) -> npt.NDArray[np.integer]:
        """Return the cluster of each row, int of shape (n_rows,): rows that share anything have one number."""
        blocks = self._cluster_blocks(self._linked(near_duplicates))
        return np.concatenate([np.empty(0, np.int64), *blocks])

    def _linked(self, near_duplicates: int | None) -> npt.NDArray[np.integer]:
        """Return the cluster of each image and, after them, of each group: from 0, without gaps."""
        n_images = len(self.names)
        n_nodes = n_images + len(self._group_names)
        pairs = np.empty(0, np.int64)
        for images, groups in zip(self._images.blocks(), self._groups.blocks(), strict=True):
            both = (images != _NONE) & (groups != _NONE)
            found = images[both].astype(np.int64) * n_nodes + groups[both] + n_images
            pairs = np.union1d(pairs, found)
        a, b = pairs // max(n_nodes, 1), pairs % max(n_nodes, 1)
        if near_duplicates is not None:
            hashes = np.array(self._hashes, np.uint64)
            (hashed,) = np.nonzero(hashes != _NO_HASH)
            roots = link_near_duplicates(hashes[hashed], max_bits=near_duplicates)
            a, b = np.concatenate([a, hashed]), np.concatenate([b, hashed[roots]])
        return np.unique(link_nodes(n_nodes, a, b), return_inverse=True)[1]

    def _cluster_blocks(self, linked: npt.NDArray[np.integer]) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the cluster of each row, some at a time; a row that nothing links is a cluster of its own."""
        n_clusters = int(linked.max(initial=_NONE)) + 1
        padded = np.append(linked, _NONE)  # what has no node, -1, is the last one
        for images, groups in zip(self._images.blocks(), self._groups.blocks(), strict=True):
            with_group = np.where(groups != _NONE, groups + len(self.names), _NONE)
            found = padded[np.where(images != _NONE, images, with_group)].astype(np.int64)
            (alone,) = np.nonzero(found == _NONE)
            found[alone] = n_clusters + np.arange(len(alone))
            n_clusters += len(alone)
            yield found

    def _digest_blocks(self) -> Iterator[npt.NDArray[np.uint64]]:
        """Yield what each row is, by content: its image and its group."""
        # What has no text, -1, is the last one.
        of_image, of_group = (
            np.append(np.array(names.digests, np.uint64), np.uint64(0))
            for names in (self.names, self._group_names)
        )
        for images, groups in zip(self._images.blocks(), self._groups.blocks(), strict=True):
            yield of_image[images] * np.uint64(3) + of_group[groups]

    def _zero_blocks(self) -> Iterator[npt.NDArray[np.intc]]:
        for images in self._images.blocks():
            yield np.zeros(len(images), np.intc)


def _hash_of(picture: Picture) -> int:
    """Return a picture's perceptual hash, 1 for a URL and for what does not decode."""
    if picture.source is None:
        return _NO_HASH
    try:
        return perceptual_hash(picture.look(max_side=_HASHED_SIDE))
    except ImageError:
        return _NO_HASH
