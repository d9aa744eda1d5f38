"""Reads what clients send: keys, JSON bodies, parameters. Shares no parser with samframe's own client."""

from __future__ import annotations

import hmac
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samframe.ground.contract import DEFAULT_MODEL
from samframe.server.protocol import Question
from samframe.server.wire.sam3 import SAM3_SLUG, check_fields, read_labelled, read_range

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JobRequest", "Refusal", "check_key", "is_json_type", "read_boxes", "read_json", "read_points"]

_KEY = re.compile(r"SG_[0-9a-fA-F]{16}")


class Refusal(Exception):  # noqa: N818 - an answer on its way out, not a fault of the server
    """A request that is answered with an error before any job exists.

    Parameters
    ----------
    status_code : int
        HTTP status of the answer.
    error : str
        Text of its ``error`` field.
    headers : mapping of str to str, optional
        Further headers of the answer.
    """

    def __init__(self, status_code: int, error: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status_code = status_code
        self.error = error
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """The parameters of one job, of the right types.

    Parameters
    ----------
    image : str
        A URL, a data URI or base64 text.
    prompt : str, optional
        None where points are given instead.
    points, remove_points : tuple of (float, float)
        x before y, pixels of the image as sent; empty where a prompt is given.
    boxes : tuple of (float, float, float, float)
        Left, top, right, bottom, pixels of the image as sent; empty where a prompt is given.
    overlay_mask, inline : bool
        The API's ``overlay_mask`` and ``base64``.
    is_several : bool
        Whether each object's mask is wanted by itself.
    """

    image: str
    prompt: str | None
    points: tuple[tuple[float, float], ...]
    remove_points: tuple[tuple[float, float], ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    overlay_mask: bool
    inline: bool
    is_several: bool = False

    @property
    def question(self) -> Question:
        """What is asked of the image."""
        return Question(
            prompt=self.prompt, points=self.points, remove_points=self.remove_points, boxes=self.boxes
        )

    @classmethod
    def read(cls, body: dict[str, Any], model: str = DEFAULT_MODEL) -> JobRequest:
        """Check the fields of an accepted body, those of its model.

        Raises
        ------
        ValueError
            With the text that the FAILED job carries.
        """
        check_fields(model, body)
        if model == SAM3_SLUG:
            return cls._read_sam3(body)
        prompt = body.get("prompt")
        if prompt is not None and not isinstance(prompt, str):
            raise ValueError("Prompt is Mandatory and must be string")
        flags = {
            name: body.get(name, default) for name, default in (("overlay_mask", True), ("base64", False))
        }
        for name, value in flags.items():
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be boolean")  # noqa: TRY004 - the text of a FAILED job
        points: tuple[tuple[float, float], ...] = ()
        removed: tuple[tuple[float, float], ...] = ()
        boxes: tuple[tuple[float, float, float, float], ...] = ()
        if prompt is None or not prompt.strip():
            if not body.get("coordinates") and not body.get("boxes_input"):
                raise ValueError("Prompt is Mandatory and must be string")
            prompt = None
            points = read_points(body.get("coordinates"), name="coordinates")
            boxes = read_boxes(body.get("boxes_input"), name="boxes_input")
            removed = read_points(body.get("remove_coordinates"), name="remove_coordinates")
        return cls(
            image=body["image"],
            prompt=prompt,
            points=points,
            remove_points=removed,
            boxes=boxes,
            overlay_mask=flags["overlay_mask"],
            inline=flags["base64"],
        )

    @classmethod
    def _read_sam3(cls, body: dict[str, Any]) -> JobRequest:
        prompt = body.get("text_prompt")
        if prompt is not None and not isinstance(prompt, str):
            raise ValueError("text_prompt must be string")
        defaults = {"return_preview": True, "return_overlay": False, "return_masks": False}
        flags = {name: body.get(name, default) for name, default in defaults.items()}
        for name, value in flags.items():
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be boolean")  # noqa: TRY004 - the text of a FAILED job
        read_range(body)
        points = read_points(body.get("points_input"), name="points_input")
        included, removed = read_labelled(points, body.get("point_labels_input")) if points else ((), ())
        boxes = read_boxes(body.get("boxes_input"), name="boxes_input")
        text = prompt if prompt is not None and prompt.strip() else None
        if text is None and not included and not boxes:
            raise ValueError(
                "Masks of everything are not made here: give text_prompt, points_input or boxes_input"
            )
        return cls(
            image=body["image"],
            prompt=text,
            points=included,
            remove_points=removed,
            boxes=boxes,
            overlay_mask=flags["return_overlay"],
            inline=False,
            is_several=flags["return_masks"] and not flags["return_overlay"],
        )


def read_points(text: Any, *, name: str) -> tuple[tuple[float, float], ...]:
    """Read JSON text of one point or of a list of points.

    Parameters
    ----------
    text : str or None
        ``"[834,74]"`` or ``"[[839,74],[844,20]]"``: x before y.
    name : str
        The field's name, for the message.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if text is None or text == "":
        return ()
    wrong = ValueError(f'{name} must be JSON text such as "[834,74]" or "[[839,74],[844,20]]"')
    if not isinstance(text, str):
        raise wrong
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(value, list):
        raise wrong
    pairs = value if any(isinstance(item, list) for item in value) else [value] if value else []
    return tuple(_pair(pair, wrong) for pair in pairs)


def read_boxes(text: Any, *, name: str) -> tuple[tuple[float, float, float, float], ...]:
    """Read JSON text of one box or of a list of boxes.

    Parameters
    ----------
    text : str or None
        ``"[10,20,90,80]"`` or ``"[[10,20,90,80],[0,0,30,30]]"``: left, top, right, bottom.
    name : str
        The field's name, for the message.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if text is None or text == "":
        return ()
    wrong = ValueError(f'{name} must be JSON text such as "[[10,20,90,80]]": left, top, right, bottom')
    if not isinstance(text, str):
        raise wrong
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(value, list):
        raise wrong
    boxes = value if any(isinstance(item, list) for item in value) else [value] if value else []
    corners = (_numbers(box, 4, wrong) for box in boxes)
    return tuple((left, top, right, bottom) for left, top, right, bottom in corners)


def _pair(pair: Any, wrong: ValueError) -> tuple[float, float]:
    x, y = _numbers(pair, 2, wrong)
    return x, y


def _numbers(values: Any, count: int, wrong: ValueError) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise wrong
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in values):
        raise wrong
    return [float(v) for v in values]


def check_key(key: str | None, *, only: str | None) -> None:
    """Let a key in, or refuse it.

    Parameters
    ----------
    key : str, optional
        The header as sent, None where there was none.
    only : str, optional
        The one key that is let in; None: every well formed one.

    Raises
    ------
    Refusal
        401, with one text for a missing key and another for a refused one.
    """
    if not key:
        raise Refusal(401, "API key is missing. Send it in the x-api-key header")
    allowed = (
        _KEY.fullmatch(key) is not None if only is None else hmac.compare_digest(key.encode(), only.encode())
    )
    if not allowed:
        raise Refusal(401, "Invalid API key")


def is_json_type(content_type: str | None) -> bool:
    """Tell whether a Content-Type header says JSON, whatever its parameters."""
    return content_type is not None and content_type.partition(";")[0].strip().lower() == "application/json"


def read_json(raw: bytes) -> dict[str, Any]:
    """Read a body that must be a JSON object.

    Raises
    ------
    Refusal
        400 for anything else.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(400, "Malformed request body: it is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "Malformed request body: it must be a JSON object")
    return body
