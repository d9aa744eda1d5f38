"""Pillow, loaded when it is first needed, and kept quiet."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from samframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["load_pillow", "quiet"]


def load_pillow() -> ModuleType:
    """Return ``PIL.Image``: to import samframe, and to pass URLs on, takes no image library."""
    from PIL import Image  # noqa: PLC0415 - this is the place that defers it

    return Image


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Pillow's warnings (of corrupt metadata, malformed MPO); turn its failures into ImageError."""
    _silence.enter()
    try:
        yield
    except ImageError:
        raise
    except Exception as error:  # noqa: BLE001 - hostile bytes raise what a parser stumbles over: KeyError, ...
        raise ImageError(f"corrupt or truncated: {_first_line(error)}") from None
    finally:
        _silence.leave()


class _Silence:
    """One ``catch_warnings`` for all threads that decode at once: in each, they would undo one another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._saved = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
            self._depth += 1

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._saved.__exit__(None, None, None)


_silence = _Silence()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
