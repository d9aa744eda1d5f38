"""The store's files: raw outputs, named by what is in them, whole or not there at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from samframe.errors import LedgerError
from samframe.ground.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Artifacts"]


class Artifacts:
    """Content-addressed files below a store's folder.

    Parameters
    ----------
    folder : Path
        The store; files go to ``artifacts/ab/ab12...``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "artifacts"

    def path(self, name: str) -> Path:
        """Return where the file of this sha256 is or would be."""
        return self._folder / name[:2] / name

    def check(self) -> None:
        """Check, before anything is sent, that outputs will be kept in the store.

        Raises
        ------
        LedgerError
            If their folder is a link.
        """
        self._refuse_links(self._folder)

    def save(self, data: bytes) -> str:
        """Keep the bytes and return their sha256; synced to the disk before this returns.

        A file that is there already and verifies is adopted; one that does not is written anew.

        Raises
        ------
        OSError
            If the disk is full or cannot be written.
        LedgerError
            If a link leads out of the store.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self.path(name)
        self._refuse_links(path)
        if not self.verify(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as temporary:
                temporary.write_bytes(data)
        return name

    def load(self, name: str) -> bytes | None:
        """Return the bytes, or None where the file is missing or is not what its name says."""
        path = self.path(name)
        self._refuse_links(path)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == name else None

    def _refuse_links(self, path: Path) -> None:
        """Refuse files and folders of the store that are links: what is read or written there is not the store's."""
        for place in (self._folder, path.parent, path):
            if place.is_symlink():
                raise LedgerError(
                    f"{place} is a link, which is not followed: raw outputs stay within the store. Put the folder it "
                    "leads to in its place, or choose another folder with store=. Nothing more was sent."
                )

    def verify(self, name: str) -> bool:
        """Return whether the file is there and is what its name says."""
        return self.load(name) is not None
