"""File names that every file system takes, made of any text: unique, readable, and the same every time."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samframe.export.files.scratch import ScratchMap

__all__ = ["fold_name", "safe_name"]

# Windows keeps these for devices, with any suffix.
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICES = frozenset(
    {"aux", "clock$", "con", "conin$", "conout$", "nul", "prn"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)
_PLAIN = frozenset("-_.")
#: File systems take 255 bytes a name; the rest is room for suffixes, and for tools that add their own.
_MAX_BYTES = 120
_DIGEST_CHARS = 10


def safe_name(text: str, *, taken: set[str] | ScratchMap, suffix: str = "") -> str:
    """Return a file name made of a text.

    Letters, digits and ``-_.`` stay, in any script, NFC-normalised; everything else becomes ``_``. Where that changes
    the text or is not unique, ten digits of the text's SHA-256 are added, so that two texts keep apart.

    Parameters
    ----------
    text : str
        Anything: a path, an index label, a prompt.
    taken : set of str, or ScratchMap
        Names that are in use, as :func:`fold_name` gives them (file systems may ignore case and normal form). The new
        name is added.
    suffix : str
        The file's suffix with its dot, such as ``".png"``.

    Returns
    -------
    str
        A single path component of at most 160 bytes. The same text and the same `taken` give the same name.

    Examples
    --------
    >>> taken = set()
    >>> safe_name("cat", taken=taken, suffix=".png")
    'cat.png'
    >>> safe_name("../etc/passwd", taken=taken)
    'etc_passwd-7fef78f534'
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    plain = _plain(text)
    name = plain + suffix
    if not plain or plain != text or fold_name(name) in taken:
        stem = f"{plain}-{digest[:_DIGEST_CHARS]}".lstrip("-")
        name, count = stem + suffix, 1
        while fold_name(name) in taken:
            count += 1
            name = f"{stem}-{count}{suffix}"
    taken.add(fold_name(name))
    return name


def fold_name(name: str) -> str:
    """Return the form in which two names meet on a file system that ignores case and normal form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _plain(text: str) -> str:
    """Return the text with only what every file system takes, "" where nothing is left."""
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(letter if letter.isalnum() or letter in _PLAIN else "_" for letter in normal)
    while "__" in kept:
        kept = kept.replace("__", "_")
    kept = kept.strip("_. ")
    if len(kept.encode("utf-8")) > _MAX_BYTES:
        kept = kept.encode("utf-8")[:_MAX_BYTES].decode("utf-8", "ignore").rstrip("_. ")
    # A leading dash is read as an option by programs.
    kept = kept.lstrip("-")
    return f"_{kept}" if kept.split(".", 1)[0].casefold() in _DEVICES else kept
