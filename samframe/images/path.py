"""Local files: find, confine to a folder, and read regular files only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from samframe.errors import ImageError, OptionError
from samframe.images.text import shorten

__all__ = ["MAX_FILE_BYTES", "locate", "read_file", "resolve_root"]

#: A photograph of :data:`MAX_PIXELS` stays below this in every format; more is not read into memory.
MAX_FILE_BYTES = 256 * 1024**2

# Not to hang on a FIFO, nor follow a link put in place of the file that was checked.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOFOLLOW")
)

_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EACCES: "permission denied: the file cannot be read by this user",
    errno.EPERM: "permission denied: the file cannot be read by this user",
    errno.EISDIR: "a folder, not an image file",
    errno.ELOOP: "a symbolic link that leads nowhere",
    errno.ENAMETOOLONG: "too long to be the name of a file",
}


def resolve_root(image_root: str | os.PathLike[str] | None) -> str | None:
    """Return the real path of the folder that confines paths, or None.

    Raises
    ------
    OptionError
        If it is no folder.
    """
    if image_root is None:
        return None
    root = os.path.realpath(Path(image_root).expanduser())
    if not Path(root).is_dir():
        raise OptionError(f"image_root={str(image_root)!r} is not a folder")
    return root


def locate(text: str, *, root: str | None) -> str:
    """Return the absolute path a cell names; inside ``root``, links resolved, where one is given.

    Parameters
    ----------
    text : str
        A path; ``~`` is expanded, a relative path starts at ``root`` or else at the working directory.
    root : str or None
        Real path of the confining folder, from :func:`resolve_root`.

    Raises
    ------
    ImageError
        If the path lies outside ``root``, or cannot be a path.
    """
    try:
        path = os.path.realpath(Path(root or os.curdir) / os.path.expanduser(text))  # noqa: PTH111 - Path raises on ~unknown
    except OSError as error:
        raise ImageError(f"{shorten(text)}: {_reason(error)}") from None
    except ValueError:
        raise ImageError(f"{shorten(text)}: holds characters that cannot be part of a path") from None
    if root is not None and not Path(path).is_relative_to(root):
        raise ImageError(f"{shorten(text)}: lies outside image_root")
    return path


def read_file(path: str, *, shown: str, root: str | None = None, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the bytes of a regular file.

    Parameters
    ----------
    path : str
        Absolute path, from :func:`locate`.
    shown : str
        The path as the user wrote it, for messages.
    root : str or None
        The confining folder: a link that was put into the path later is not followed out of it.
    max_bytes : int
        A larger file is refused.

    Raises
    ------
    ImageError
        If there is no such file, it is a folder, a device or a pipe, too large, or may not be read.
    """
    try:
        real = locate(path, root=root)
        _check_regular(os.stat(real), shown, max_bytes)  # noqa: PTH116 - to open a device can set it going, so ask before
        with open(os.open(real, _FLAGS), "rb") as file:  # noqa: PTH123 - Path.open takes no flags
            status = os.fstat(file.fileno())
            _check_regular(status, shown, max_bytes)
            # A byte more than it should have: one that grows meanwhile is read on. Room is made for no more than that.
            data = file.read(status.st_size + 1)
            if len(data) > status.st_size:
                data += file.read(max_bytes + 1 - len(data))
    except OSError as error:
        raise ImageError(f"{shorten(shown)}: {_reason(error)}{_where(shown, path, root, error)}") from None
    if len(data) > max_bytes:
        raise ImageError(f"{shorten(shown)}: larger than {max_bytes // 1024**2} MiB")
    return data


def _check_regular(status: os.stat_result, shown: str, max_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{shorten(shown)}: a device, pipe or socket, not an image file")
    if status.st_size > max_bytes:
        size = status.st_size / 1024**2
        raise ImageError(f"{shorten(shown)}: {size:,.0f} MiB; the limit is {max_bytes // 1024**2} MiB")


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or f"cannot be read ({error.strerror or type(error).__name__})"


def _where(shown: str, path: str, root: str | None, error: OSError) -> str:
    is_relative = not os.path.isabs(shown) and not shown.startswith(("~", "file:"))  # noqa: PTH117 - text, not a Path
    if error.errno not in {errno.ENOENT, errno.ENOTDIR} or not is_relative:
        return ""
    base = f"image_root {root!r}" if root else "the working directory"
    return f"; it is relative to {base}, so {shorten(path, limit=400)} was looked for"
