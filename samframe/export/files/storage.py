"""A dataset's folder, local or behind fsspec: whole files in and out, by their paths within it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Protocol

from samframe.errors import OptionError
from samframe.ground.files import atomic_write, flush_to_disk, write_beside
from samframe.ground.locks import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Folder", "LocalFolder", "RemoteFolder", "location_of", "open_folder", "sha256_of"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
_READ_BYTES = 1 << 20
_FEW_FILES = 200


class Folder(Protocol):
    """What a dataset needs of the place where it lies. Paths are relative to it, with forward slashes."""

    #: How messages call it.
    shown: str

    def open(self, path: str) -> IO[bytes]:
        """Open a file to read; FileNotFoundError if there is none."""

    def size(self, path: str) -> int | None:
        """Return a file's length in bytes, None if there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file that appears whole or not at all; :meth:`sync` makes it last."""

    def stage(self, path: str, data: bytes) -> None:
        """Write a file that comes to its place with :meth:`publish`."""

    def publish(self) -> None:
        """Bring all staged files to their places."""

    def replace(self, path: str, data: bytes) -> None:
        """Put a file in the place of another, at once and to last."""

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def files(self) -> Iterator[str]:
        """Yield the paths of all files."""

    def sync(self) -> None:
        """Return when all that was written would outlive a crash of the machine."""

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Hold the folder against other writers."""


class LocalFolder:
    """A folder of this machine.

    Parameters
    ----------
    root : path
        The folder; it is made when something is written.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().absolute()
        self.shown = os.fspath(root)
        self._staged: list[tuple[Path, Path]] = []
        self._unflushed: list[Path] = []

    def open(self, path: str) -> IO[bytes]:
        """Open a file to read."""
        return self._at(path).open("rb")

    def size(self, path: str) -> int | None:
        """Return a file's length in bytes, None if there is none."""
        try:
            return self._at(path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, data: bytes) -> None:
        """Write a file that appears whole or not at all."""
        target = self._at(path)
        write_beside(target, data).replace(target)
        self._unflushed.append(target)

    def stage(self, path: str, data: bytes) -> None:
        """Write a file under a hidden name."""
        target = self._at(path)
        self._staged.append((write_beside(target, data), target))

    def publish(self) -> None:
        """Give the staged files their names."""
        for temporary, target in self._staged:
            temporary.replace(target)
            self._unflushed.append(target)
        self._staged.clear()

    def replace(self, path: str, data: bytes) -> None:
        """Put a file in the place of another, flushed to the disk."""
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as temporary:
            temporary.write_bytes(data)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        target = self._at(path)
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        for parent in target.parents:
            if parent == self.root:
                break
            try:
                parent.rmdir()
            except OSError:
                break

    def files(self) -> Iterator[str]:
        """Yield the paths of all files, those that are links too; links to folders are not followed."""
        for folder, _, names in os.walk(self.root):
            for name in names:
                yield Path(folder, name).relative_to(self.root).as_posix()

    def sync(self) -> None:
        """Flush what was written to the disk: a few files one by one, of many all that the machine has to flush."""
        folders = {folder for path in self._unflushed for folder in (path.parent, path.parent.parent)}
        if len(self._unflushed) > _FEW_FILES and hasattr(os, "sync"):
            os.sync()
        else:
            for path in self._unflushed:
                flush_to_disk(path, os.O_RDWR)
            for folder in folders if os.name == "posix" else ():  # Windows cannot open a folder to flush it
                flush_to_disk(folder, os.O_RDONLY)
        self._unflushed.clear()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against other writers, until this process ends at the latest.

        Raises
        ------
        OptionError
            If another process writes there.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self.root, os.O_RDONLY)
        except PermissionError:  # Windows opens no folder, so that none can be locked
            yield
            return
        try:
            # Network file systems may know no locks: then two writers are not told apart.
            if try_lock(handle) is False:
                raise OptionError(f"{self.shown}: another process is writing this dataset.")
            yield
        finally:
            os.close(handle)

    def _at(self, path: str) -> Path:
        return self.root / checked(path)


class RemoteFolder:
    """A folder of an object store, through fsspec. Each file is put in one request, so it is whole or not there.

    Parameters
    ----------
    url : str
        Such as ``"s3://bucket/dataset"`` or ``"memory://dataset"``.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise OptionError(
                f"{url.split('://', maxsplit=1)[0]}:// needs fsspec: pip install samframe[fsspec]"
            ) from None
        try:
            self._system, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise OptionError(f"{url.split('://', maxsplit=1)[0]}:// cannot be opened: {error}") from None
        self._root: str = root.rstrip("/")
        self.shown = url
        # Listings that are kept would hide what another process has written.
        self._system.use_listings_cache = False

    def open(self, path: str) -> IO[bytes]:
        """Open a file to read."""
        handle: IO[bytes] = self._system.open(self._at(path), "rb")
        return handle

    def size(self, path: str) -> int | None:
        """Return a file's length in bytes, None if there is none."""
        try:
            return int(self._system.info(self._at(path))["size"])
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Put a file."""
        self._system.pipe_file(self._at(path), data)

    replace = write
    stage = write

    def publish(self) -> None:
        """Do nothing: what was put is in its place."""

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._at(path))

    def files(self) -> Iterator[str]:
        """Yield the paths of all files."""
        self._system.invalidate_cache()
        try:
            found: list[Any] = self._system.find(self._root)
        except FileNotFoundError:
            return
        for path in found:
            yield str(PurePosixPath(path).relative_to(self._root))

    def sync(self) -> None:
        """Do nothing: a put that was answered lasts."""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Do nothing: object stores know no locks; of two writers, the last manifest wins."""
        yield

    def _at(self, path: str) -> str:
        return f"{self._root}/{checked(path)}"


def open_folder(path: str | os.PathLike[str]) -> Folder:
    """Return the folder of a path or an fsspec URL; it need not exist.

    Raises
    ------
    OptionError
        If fsspec, or what it needs for this URL, is not installed.
    """
    text = os.fspath(path)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return LocalFolder(text)
    if scheme[1].casefold() in {"file", "local"}:
        return LocalFolder(text[scheme.end() :])
    return RemoteFolder(text)


def location_of(folder: Folder) -> str:
    """Return where a folder is, for paths into it: absolute, or its URL."""
    return str(folder.root) if isinstance(folder, LocalFolder) else folder.shown


def sha256_of(folder: Folder, path: str) -> tuple[str, int]:
    """Return the digest and the length of a file, read a piece at a time.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    digest, length = hashlib.sha256(), 0
    with folder.open(path) as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            length += len(piece)
    return digest.hexdigest(), length


def checked(path: str) -> str:
    """Return a path within the folder as it is.

    Raises
    ------
    OptionError
        If it leads out of the folder: a manifest may have been tampered with.
    """
    parts = path.split("/")
    if (
        not path
        or "\\" in path
        or "\x00" in path
        or ":" in parts[0]
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise OptionError(f"{path!r} is no path within a dataset.")
    return path
