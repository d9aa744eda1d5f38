"""What the annotator's page is told: one small dict for the row that is shown, and a byte for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.masks import Mask
    from samframe.widgets.annotator.ask import Quote
    from samframe.widgets.annotator.desk import Desk

__all__ = ["marks_of", "view_of"]

#: A row's mark in the strip of rows, the first that holds.
WAITING, QUEUED, FAILED, ACCEPTED, REJECTED, CHANGED, UNTOUCHED = b"wqfarc."

_LONGEST_LABEL = 200


def view_of(desk: Desk, labels: Sequence[str]) -> dict[str, Any]:
    """Return what is shown of a desk; JSON holds it."""
    common = {
        "n_rows": len(desk.rows),
        "message": desk.message,
        "undo": desk.edits.can_undo,
        "redo": desk.edits.can_redo,
        "queue": {
            "rows": list(desk.edits.queue),
            **_price(desk.quote(desk.batch()) if desk.batch() else None),
        },
    }
    if not desk.rows:
        return {**common, "row": None}
    row = desk.row
    state, given = desk.edits.state(row), desk.edits.given(row)
    return {
        **common,
        "at": desk.at,
        "row": row,
        "label": labels[row][:_LONGEST_LABEL],
        "prompt": state.prompt or "",
        "note": state.note,
        "points": [[point.x, point.y, point.include] for point in state.points],
        "mask": _rle(state.mask),
        "before": _rle(given.mask),
        "edited": state.provenance.words,
        "review": None if state.decision is None else state.decision.word,
        "is_changed": state.decision is not None
        and state.decision.mask is not None
        and state.decision.mask != state.mask,
        "is_waiting": desk.edits.is_waiting(row),
        "error": desk.edits.error(row),
        "price": _price(desk.quote(desk.ask()) if desk.ask() else None),
        "most": _price(desk.at_most()),
        "next": desk.rows[desk.at + 1] if desk.at + 1 < len(desk.rows) else None,
        "by": "points" if state.include else "prompt",
    }


def _price(quote: Quote | str | None) -> dict[str, Any]:
    if isinstance(quote, str):
        return {"usd": None, "text": quote}
    if quote is None:
        return {"usd": None, "text": ""}
    return {"usd": quote.usd, "text": quote.text}


def _rle(mask: Mask | None) -> dict[str, Any] | None:
    return None if mask is None else mask.to_coco()


def marks_of(desk: Desk) -> bytes:
    """Return a byte for each row: w waiting, q queued, f failed, a accepted, r rejected, c changed, or a dot."""
    edits = desk.edits
    touched = edits.touched.keys() | {sent.row for sent in edits.waiting.values()} | set(edits.queue)
    touched |= edits.failed
    return bytes(_mark(desk, row) if row in touched else UNTOUCHED for row in desk.rows)


def _mark(desk: Desk, row: int) -> int:
    edits, state = desk.edits, desk.edits.state(row)
    marks = (
        (edits.is_waiting(row), WAITING),
        (row in edits.queue, QUEUED),
        (edits.error(row) is not None, FAILED),
        (state.decision is not None and state.decision.word == "accepted", ACCEPTED),
        (state.decision is not None, REJECTED),
        (state != edits.given(row), CHANGED),
    )
    return next((mark for holds, mark in marks if holds), UNTOUCHED)
