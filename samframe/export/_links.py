"""What links rows to one another when splits are drawn: an image, a near-duplicate of it, a group."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pandas as pd

from samframe.errors import ImageError
from samframe.export._likeness import link_near_duplicates, perceptual_hash
from samframe.export._splits import assign_splits, cluster_rows
from samframe.images import raster

if TYPE_CHECKING:
    from samframe.export._pictures import Picture

__all__ = ["Links", "cell_text"]

#: Long side in pixels at which pictures are decoded to be hashed.
_HASHED_SIDE = 128


class Links:
    """Collects what links rows, then draws their splits."""

    def __init__(self) -> None:
        self.positions = array("q")
        self.images: list[str | None] = []
        self._groups: list[str | None] = []
        self._strata: list[str] = []
        self._hashes: dict[str, int | None] = {}
        self._texts: dict[str, str] = {}

    def add(
        self, position: int, *, image: str | None, picture: Picture | None, group: object, stratum: object
    ) -> None:
        """Add a row.

        Parameters
        ----------
        position : int
        image : str or None
            What tells images apart; None links the row to no image.
        picture : Picture or None
            To be compared with others by its looks; None where that is not wanted or not possible.
        group, stratum : object
            Cells; a missing group links the row to no other.
        """
        # One text an image, a group and a stratum, not one a row.
        image, group_text, stratum_text = (
            None if text is None else self._texts.setdefault(text, text)
            for text in (image, cell_text(group), cell_text(stratum))
        )
        self.positions.append(position)
        self.images.append(image)
        self._groups.append(group_text)
        self._strata.append(stratum_text or "")
        if image is not None and picture is not None and image not in self._hashes:
            self._hashes[image] = _hash_of(picture)

    def draw(
        self, fractions: dict[str, float], *, seed: int, near_duplicates: int | None, is_stratified: bool
    ) -> tuple[list[str], list[str]]:
        """Return the split of each row, and warnings.

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
        near = self._near(near_duplicates)
        clusters = cluster_rows(len(self.images), [self.images, near, self._groups])
        names = [f"{image}\0{group}" for image, group in zip(self.images, self._groups, strict=True)]
        strata = self._strata if is_stratified else None
        found = assign_splits(names, clusters, fractions, seed=seed, strata=strata)
        present = set(found)
        warnings = [
            f"Split {name!r} is empty: its share is smaller than the rows that belong together."
            for name in fractions
            if name not in present
        ]
        largest = int(pd.Series(clusters).value_counts().max()) if len(clusters) else 0
        if len(fractions) > 1 and largest > max(fractions.values()) * len(found) + 1:
            warnings.append(
                f"{largest:,} of {len(found):,} rows belong together by image, near-duplicate or group: "
                "the fractions cannot be met."
            )
        return found, warnings

    def _near(self, max_bits: int | None) -> list[int | None]:
        """Return for each row the number of its image's cluster of near-duplicates."""
        # Sorted, so that the numbers do not depend on the order of rows.
        known = sorted((key, value) for key, value in self._hashes.items() if value is not None)
        if max_bits is None or not known:
            return [None] * len(self.images)
        roots = link_near_duplicates([value for _, value in known], max_bits=max_bits)
        cluster = {key: root for (key, _), root in zip(known, roots, strict=True)}
        return [None if image is None else cluster.get(image) for image in self.images]


def _hash_of(picture: Picture) -> int | None:
    """Return a picture's perceptual hash, None for a URL and for what does not decode."""
    if picture.source is None:
        return None
    try:
        return perceptual_hash(raster(picture.source, max_side=_HASHED_SIDE)[0])
    except ImageError:
        return None


def cell_text(cell: Any) -> str | None:
    """Return a cell as text, None where it is missing."""
    if cell is None or (pd.api.types.is_scalar(cell) and not isinstance(cell, str) and pd.isna(cell)):
        return None
    return str(cell)
