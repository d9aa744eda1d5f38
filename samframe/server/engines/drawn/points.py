"""From points to a mask: grow, model the colours, walk, refine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn.colour_model import settle
from samframe.server.engines.drawn.growth import CellGraph, best_region, outline_score
from samframe.server.engines.drawn.pixels import fill_small_holes, keep_components
from samframe.server.engines.drawn.refine import refine_edge
from samframe.server.protocol import EngineRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.drawn.frame import WorkFrame

__all__ = ["segment_points"]

#: A hole of less than this share of the mask is a glint or a speck, no opening.
_SMALL_HOLE = 0.08


def segment_points(
    frame: WorkFrame, positives: NDArray[np.intp], removes: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], float]:
    """Return the mask of what lies under the points, at the working size, and its score.

    Parameters
    ----------
    frame : WorkFrame
    positives, removes : ndarray of intp, shape (n, 2)
        Pixels (x, y) of the working copy; at least one positive.

    Raises
    ------
    EngineRefused
        If a remove point lies in the same cell as a positive.
    """
    wanted, unwanted = frame.cells_at(positives), frame.cells_at(removes)
    if np.isin(wanted, unwanted).any():
        raise EngineRefused(
            "a remove point lies so close to a point that the image gives no edge between them; "
            "move one of the two"
        )
    graph = CellGraph(frame.cells)
    stops = frozenset(unwanted.tolist())
    region = np.zeros(frame.cells.count, bool)
    for seed in dict.fromkeys(wanted.tolist()):
        region[best_region(graph, seed, stops=stops).cells] = True
    belongs = settle(frame.cells, region, positives=wanted, removes=unwanted) > 0.5  # noqa: PLR2004 - more in than out
    rough = keep_components(belongs[frame.cell_of], positives)
    refined = refine_edge(frame.lab, rough, inside=positives, outside=removes)
    chosen = np.unique(frame.cell_of[rough]).astype(np.intp)
    whole = fill_small_holes(keep_components(refined, positives), share=_SMALL_HOLE, keep_open=removes)
    return whole, outline_score(graph, chosen)
