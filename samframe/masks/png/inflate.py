"""The one place that chooses who inflates: zlib-ng where it is installed (an extra), else Python's own zlib.

Inflating is most of what a PNG costs on its way to a mask, and zlib-ng takes a small part of zlib's time for it.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Protocol, cast

__all__ = ["Inflater", "inflater"]


class Inflater(Protocol):
    """What is used of zlib's interface, which zlib-ng has too."""

    error: type[Exception]

    def decompress(self, data: bytes, /, wbits: int = ..., bufsize: int = ...) -> bytes:
        """Return all that a stream holds."""

    def decompressobj(self, wbits: int = ...) -> Any:
        """Return what inflates a stream piece by piece."""


def inflater() -> Inflater:
    """Return zlib-ng, or zlib where it is not installed."""
    try:
        return cast("Inflater", importlib.import_module("zlib_ng.zlib_ng"))
    except ImportError:
        return cast("Inflater", zlib)
