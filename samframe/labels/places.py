"""Where the images of labels lie: names in files of labels to paths on this machine, never out of their folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from samframe.errors import ImageError, LabelError
from samframe.images import MAX_PIXELS, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFolder",
    "ImageSize",
    "by_stem",
    "check_folder",
    "image_size",
    "parts_of",
    "walk_files",
]

#: What Pillow opens and datasets are made of.
IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
_ORIENTATION = 0x0112
_ORIENTATIONS = 8
_TURNED = 5


def check_folder(folder: str | os.PathLike[str], what: str = "folder") -> Path:
    """Return a folder as a path.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    LabelError
        If it is no folder.
    """
    path = Path(folder).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no {what} {os.fspath(folder)!r}.")
    if not path.is_dir():
        raise LabelError(f"{os.fspath(folder)!r} is a file; a {what} is wanted.")
    return path


def parts_of(name: str) -> tuple[str, ...] | None:
    """Return the parts of a relative name as a file of labels has it, None where it leaves its folder.

    Names written on Windows have backslashes.
    """
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or "\0" in name:
        return None
    parts = [
        part for part in (PurePosixPath(name).parts if "\\" not in name else windows.parts) if part != "."
    ]
    return None if not parts or ".." in parts else tuple(parts)


class ImageFolder:
    """A folder of images; what is in it is listed once a sub-folder.

    Parameters
    ----------
    root : Path or None
        None: names are given back as they are, and nothing is looked for.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self._listed: dict[str, frozenset[str]] = {}

    def find(self, name: str) -> tuple[str, str | None]:
        """Return the path of an image, and what is wrong with it, None where nothing is."""
        if self.root is None:
            return name, None
        parts = parts_of(name)
        if parts is None:
            return name, f"the image's name {name[:80]!r} leads out of the folder {self.root}"
        path = os.path.join(self.root, *parts)  # noqa: PTH118 - a hundred thousand of them
        if not self._has(path) and os.path.isfile(os.path.join(self.root, name)):  # noqa: PTH113, PTH118 - a backslash in a name
            path = os.path.join(self.root, name)  # noqa: PTH118
        return path, None if self._has(path) else f"the image {path} is not on disk"

    def _has(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._listed:
            try:
                with os.scandir(folder) as entries:
                    self._listed[folder] = frozenset(entry.name for entry in entries)
            except OSError:
                self._listed[folder] = frozenset()
        return name in self._listed[folder]


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Height and width of an image as it is stored, in pixels, and its EXIF orientation, 1 to 8."""

    stored_hw: tuple[int, int]
    orientation: int = 1

    @property
    def upright_hw(self) -> tuple[int, int]:
        """Height and width as programs show it that turn images upright."""
        height, width = self.stored_hw
        return (width, height) if self.orientation >= _TURNED else (height, width)


def image_size(path: str) -> ImageSize:
    """Read an image's size from its header.

    Raises
    ------
    ImageError
        If it is not there, is no image that Pillow opens, or has more pixels than samframe reads.
    """
    from PIL import Image  # noqa: PLC0415 - samframe starts without it

    try:
        with quiet(), Image.open(path) as picture:
            width, height = picture.size
            orientation = picture.getexif().get(_ORIENTATION, 1)
    except ImageError as error:
        raise ImageError(f"the image {path}: {error}") from None
    if width * height > MAX_PIXELS:
        raise ImageError(f"the image {path} claims {width:,} x {height:,} pixels: over the limit of samframe")
    known = isinstance(orientation, int) and 1 <= orientation <= _ORIENTATIONS
    return ImageSize((height, width), int(orientation) if known else 1)


def walk_files(root: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """Yield the files below a folder that have one of these suffixes, in order; links to folders are not followed."""
    for folder, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in suffixes and not name.startswith("."):  # noqa: PTH122 - many
                yield Path(folder, name)


def by_stem(root: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> dict[str, list[Path]]:
    """Return the files below a folder by their place in it without the suffix, ``sub/name``."""
    found: dict[str, list[Path]] = {}
    for path in walk_files(root, suffixes):
        found.setdefault(path.relative_to(root).with_suffix("").as_posix(), []).append(path)
    return found
