"""What this installation is made of: versions, and which kernels masks are worked on with."""

from __future__ import annotations

import importlib.metadata
import platform
import sqlite3
import sys

from samframe._version import __version__
from samframe.masks.kernels import in_use

__all__ = ["show_versions", "versions"]

_PACKAGES = (
    "numpy",
    "pandas",
    "pyarrow",
    "pillow",
    "matplotlib",
    "httpx",
    "httpx2",
    "anywidget",
    "ipywidgets",
    "rlemasklib",
    "zlib-ng",
    "fsspec",
    "dask",
    "datasets",
    "torch",
    "ultralytics",
)


def versions() -> dict[str, str | None]:
    """Return the versions that `show_versions` prints; None for what is not installed."""
    found: dict[str, str | None] = {
        "samframe": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "mask kernels": in_use(),
        "sqlite": sqlite3.sqlite_version,
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def show_versions(*, as_dict: bool = False) -> dict[str, str | None] | None:
    """Print what a bug report needs: versions, the system, and the kernels in use for masks. No key, no path.

    Parameters
    ----------
    as_dict : bool
        Return the versions as a dict, None for what is not installed, and print nothing.

    Returns
    -------
    dict or None

    Raises
    ------
    ValueError
        If the environment variable ``SAMFRAME_KERNELS`` is neither "auto" nor "numpy".

    Examples
    --------
    >>> import samframe
    >>> samframe.show_versions(as_dict=True)["samframe"] == samframe.__version__
    True
    """
    found = versions()
    if as_dict:
        return found
    width = max(map(len, found))
    lines = (f"{name:<{width}}  {version or 'not installed'}\n" for name, version in found.items())
    sys.stdout.write("".join(lines))
    return None
