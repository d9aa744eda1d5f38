"""How well an output says what the frame says: IoU of every row with what was read back."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

from samframe.export.report import ExportReport

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from samframe.masks import Mask

__all__ = ["FIDELITY", "Fidelity", "likeness"]

FIDELITY = "fidelity.json"
_WORST = 10


class Fidelity:
    """Takes the IoU of one row after the other."""

    def __init__(self) -> None:
        self.rows = 0
        self._least = math.inf
        self._sum = 0.0
        self._worst: list[tuple[float, int]] = []

    def add(self, position: int, iou: float) -> None:
        """Note the IoU of a row."""
        self.rows += 1
        self._least = min(self._least, iou)
        self._sum += iou
        if iou < 1:
            heapq.heappush(self._worst, (-iou, -position))
            if len(self._worst) > _WORST:
                heapq.heappop(self._worst)

    def report(
        self,
        path: str | os.PathLike[str],
        kind: str,
        *,
        left_out: Sequence[tuple[int, str]],
        warnings: Sequence[str],
        rows_written: int | None = None,
    ) -> ExportReport:
        """Return what was measured as a report."""
        worst = sorted((-iou, -position) for iou, position in self._worst)
        return ExportReport(
            path=str(path),
            format=kind,
            rows_written=self.rows if rows_written is None else rows_written,
            rows_left_out=tuple(sorted(left_out)),
            iou_min=self._least if self.rows else None,
            iou_mean=self._sum / self.rows if self.rows else None,
            worst_rows=tuple((position, iou) for iou, position in worst),
            warnings=tuple(warnings),
        )


def likeness(mask: Mask, found: Mask) -> float:
    """Return the IoU of a mask with what was read back; 1.0 where both are empty and of one size."""
    if mask == found:
        return 1.0
    return mask.iou(found) if mask.size_hw == found.size_hw else 0.0
