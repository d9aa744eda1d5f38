"""Where things are kept by default, and how the environment overrides it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["store_folder"]


def store_folder(store: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the ledger and the artifacts.

    Parameters
    ----------
    store : path, optional
        What the caller asked for; None takes ``SAMFRAME_STORE``, else the user's data folder.
    """
    chosen = store if store is not None else os.environ.get("SAMFRAME_STORE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - only where it is needed

    return Path(platformdirs.user_data_path("samframe", appauthor=False))
