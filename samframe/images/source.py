"""Where a cell's bytes or pixels come from: recipes that keep a path or the user's own object, no copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import ImageError
from samframe.images.path import MAX_FILE_BYTES, read_file
from samframe.images.pillow import load_pillow
from samframe.images.text import decode_base64, decode_data_uri, scheme_of, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

__all__ = [
    "ArraySource",
    "BytesSource",
    "EncodedSource",
    "FileSource",
    "FsspecSource",
    "PictureSource",
    "RasterSource",
    "Source",
    "TextSource",
]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A local file."""

    path: str
    shown: str
    root: str | None = None

    @property
    def label(self) -> str:
        """How messages call it."""
        return shorten(self.shown)

    def read(self, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return the file's bytes as they are now."""
        return read_file(self.path, shown=self.shown, root=self.root, max_bytes=max_bytes)


@dataclass(frozen=True, slots=True)
class FsspecSource:
    """An object that fsspec opens: ``s3://``, ``gs://``, ``memory://``."""

    url: str

    @property
    def label(self) -> str:
        """How messages call it."""
        return shorten(self.url)

    def read(self) -> bytes:
        """Return the object's bytes as they are now."""
        try:
            import fsspec  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise ImageError(
                f"{self.label}: reading {scheme_of(self.url)}:// needs fsspec: pip install samframe[fsspec]"
            ) from None
        try:
            with fsspec.open(self.url, "rb") as file:
                data: bytes = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise ImageError(f"{self.label}: no such object") from None
        except ImportError as error:
            raise ImageError(f"{self.label}: {error}") from None
        except Exception as error:  # noqa: BLE001 - each of fsspec's backends has its own tree of errors
            # The text of such errors may quote signed URLs, so only the class is told.
            raise ImageError(f"{self.label}: cannot be read ({type(error).__name__})") from None
        if len(data) > MAX_FILE_BYTES:
            raise ImageError(f"{self.label}: larger than {MAX_FILE_BYTES // 1024**2} MiB")
        return data


@dataclass(frozen=True, slots=True)
class TextSource:
    """A data URI, or plain base64 text."""

    text: str = field(repr=False)

    @property
    def label(self) -> str:
        """How messages call it."""
        return shorten(self.text) if scheme_of(self.text) else "base64 text"

    def read(self) -> bytes:
        """Return the bytes that the text holds."""
        return decode_data_uri(self.text) if scheme_of(self.text) else decode_base64(self.text)


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A file's bytes, held by the user."""

    data: bytes | bytearray | memoryview = field(repr=False)
    name: str | None = None

    @property
    def label(self) -> str:
        """How messages call it."""
        if self.name:
            return shorten(self.name)
        return f"{type(self.data).__name__} of {memoryview(self.data).nbytes:,} bytes"

    def read(self) -> bytes:
        """Return the bytes as they are now."""
        return self.data if isinstance(self.data, bytes) else bytes(self.data)


@dataclass(frozen=True, slots=True)
class ArraySource:
    """An array of pixels, uint8, shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)."""

    array: NDArray[np.uint8] = field(repr=False)

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"array of shape {self.array.shape}"

    def picture(self) -> PillowImage.Image:
        """Return the pixels as a Pillow image."""
        pillow = load_pillow()
        array = self.array[:, :, 0] if self.array.shape[2:] == (1,) else self.array
        picture: PillowImage.Image = pillow.fromarray(np.ascontiguousarray(array, dtype=np.uint8))
        return picture


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A Pillow image: its current frame."""

    image: Any = field(repr=False)

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"PIL image of {self.image.width} x {self.image.height} pixels"

    def picture(self) -> PillowImage.Image:
        """Return the image itself: nothing here writes to it."""
        picture: PillowImage.Image = self.image
        return picture


EncodedSource = FileSource | FsspecSource | TextSource | BytesSource
RasterSource = ArraySource | PictureSource
Source = EncodedSource | RasterSource
