"""Which kernels are in use: rlemasklib's where it is installed, unless ``SAMFRAME_KERNELS=numpy`` says otherwise."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import re
from typing import Any

__all__ = ["fast", "in_use"]

#: The versions whose results and refusals are tested; the extra `fast` asks for them.
_FIRST, _AFTER = (0, 8, 1), (0, 9, 0)


@functools.cache
def fast() -> Any:
    """Return the module of rlemasklib's kernels, None where NumPy is to do everything; chosen at the first mask.

    Raises
    ------
    ValueError
        If ``SAMFRAME_KERNELS`` is neither "auto" (the default) nor "numpy".
    """
    wanted = os.environ.get("SAMFRAME_KERNELS", "").strip().lower() or "auto"
    if wanted not in {"auto", "numpy"}:
        raise ValueError(f"SAMFRAME_KERNELS is 'auto' or 'numpy', not {wanted!r}")
    if wanted == "numpy" or not _FIRST <= (_installed() or (0,)) < _AFTER:
        return None
    try:
        return importlib.import_module("samframe.masks.kernels.fast")
    except ImportError:  # a wheel for another platform, or one that lacks a library
        return None


def in_use() -> str:
    """Return "rlemasklib" with its version, or "numpy"."""
    return f"rlemasklib {importlib.metadata.version('rlemasklib')}" if fast() else "numpy"


def _installed() -> tuple[int, ...] | None:
    """Return rlemasklib's version, None where it is not installed."""
    try:
        version = importlib.metadata.version("rlemasklib")
    except importlib.metadata.PackageNotFoundError:
        return None
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
