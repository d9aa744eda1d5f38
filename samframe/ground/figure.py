"""New matplotlib figures that nobody has to close: pyplot is left alone, except in a notebook that draws inline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure"]


def new_figure(
    size_inches: tuple[float, float], *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Return a new figure, not kept by pyplot; where a notebook draws inline, one that pyplot shows and closes."""
    if _draws_inline():
        from matplotlib import pyplot as plt  # noqa: PLC0415 - matplotlib is heavy

        return plt.figure(figsize=size_inches, layout=layout)
    from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is heavy

    return Figure(figsize=size_inches, layout=layout)


def _draws_inline() -> bool:
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return False
    import matplotlib as mpl  # noqa: PLC0415 - heavy; asking it for the backend may import pyplot, so only in a kernel

    return "inline" in str(mpl.get_backend())
