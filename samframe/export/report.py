"""What an export did, measured by reading its own output back: rows, what was left out and why, fidelity."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ExportReport"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExportReport:
    """What an export wrote, and how well it says what the frame says.

    Attributes
    ----------
    path : str
        Where it was written.
    format : str
        ``"dataset"``, ``"coco"``, ...
    rows_written : int
        Rows with a mask in the output.
    rows_left_out : tuple of (int, str)
        Position of each other row, and the reason in words.
    iou_min, iou_mean : float or None
        Intersection over union of what was read back with what the frame holds; None where nothing was compared.
    worst_rows : tuple of (int, float)
        Position and IoU of the rows with the least IoU, where it is below 1, worst first.
    warnings : tuple of str
        What the reader of the output should know.
    """

    path: str
    format: str
    rows_written: int
    rows_left_out: tuple[tuple[int, str], ...] = ()
    iou_min: float | None = None
    iou_mean: float | None = None
    worst_rows: tuple[tuple[int, float], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        """Return one line, however many rows were left out: a notebook shows this below a cell."""
        return f"<ExportReport {self}>"

    def __str__(self) -> str:
        if not self.warnings:
            return self.headline
        texts = [" ".join(text.split()) for text in self.warnings]
        if len(texts) > 1:
            texts = [f"({number}) {text}" for number, text in enumerate(texts, start=1)]
        return f"{self.headline}: {'; '.join(texts)}"

    @property
    def headline(self) -> str:
        """The figures in a few words, with the number of warnings and without their texts."""
        parts = [f"{self.format}: {self.rows_written:,} rows with masks written"]
        if self.rows_left_out:
            parts.append(f"{len(self.rows_left_out):,} without")
        if self.iou_min is not None and self.iou_mean is not None:
            parts.append(f"IoU read back {self.iou_mean:.4f} (least {self.iou_min:.4f})")
        if self.warnings:
            parts.append(f"{len(self.warnings)} warning{'s' if len(self.warnings) > 1 else ''}")
        return ", ".join(parts)

    def to_json(self, shown: Callable[[Any], Any] = lambda facts: facts) -> str:
        """Return the report as JSON text, as ``fidelity.json`` keeps it; where it was written is not in it.

        Parameters
        ----------
        shown : callable
            What the facts are put through before they become text.
        """
        facts: dict[str, Any] = {
            "format": self.format,
            "rows_written": self.rows_written,
            "rows_left_out": [{"row": row, "reason": reason} for row, reason in self.rows_left_out],
            "iou_min": self.iou_min,
            "iou_mean": self.iou_mean,
            "worst_rows": [{"row": row, "iou": iou} for row, iou in self.worst_rows],
            "warnings": list(self.warnings),
        }
        return json.dumps(shown(facts), indent=1, ensure_ascii=True) + "\n"
