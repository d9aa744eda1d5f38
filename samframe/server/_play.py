"""Plays a fault: spoils or replaces an answer, slows it down, or closes the connection in place of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from samframe._contract import RESET_HEADER
from samframe.server._answers import error_answer, html_answer, json_answer
from samframe.server._faults import Fault, Rule
from samframe.server._limits import write_reset

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["play"]

_OTHER_HOST = "https://collector.example"
_ERRORS = {
    Fault.UNAUTHORIZED_401: (401, "Invalid API key"),
    Fault.FORBIDDEN_403: (403, "This model is not allowed for this account"),
    Fault.MODEL_UNKNOWN_404: (404, "Model not found"),
    Fault.NO_CREDITS_406: (406, "Insufficient credits"),
    Fault.RETIRED_410: (410, "This model is retired"),
    Fault.REFUSED_BODY_422: (422, "Unprocessable parameters"),
    Fault.SERVER_ERROR_500: (500, "Internal server error"),
    Fault.UNAVAILABLE_503: (503, "Service unavailable"),
    Fault.GONE_OUTPUT: (404, "File not found"),
}
_PAGES = {Fault.WRONG_VERB_405: 405, Fault.BAD_GATEWAY_502: 502, Fault.GATEWAY_TIMEOUT_504: 504}
_LOST = {Fault.DROP_BEFORE, Fault.DROP_ANSWER, Fault.HANG}
_ACCEPTING = {Fault.DROP_ANSWER}


async def play(
    rule: Rule,
    handle: Callable[[], Awaitable[Response]],
    *,
    scope: Scope,
    receive: Receive,
    send: Send,
    now: float,
    reset_format: str,
) -> Response | None:
    """Return what this request is answered with under a fault, or None where it gets no answer.

    Parameters
    ----------
    rule : Rule
        The fault.
    handle : callable
        Carries the request out and returns the right answer; not called where the fault comes first.
    scope, receive, send : ASGI
        The request. ``scope["state"]["transport"]`` is its connection.
    now : float
        The server's clock, in seconds.
    reset_format : str
        How a 429 writes its reset.
    """
    replacement = _replacement(rule, scope["path"], now, reset_format)
    if replacement is not None or rule.fault in _LOST:
        if rule.accepted or rule.fault in _ACCEPTING:
            await handle()
        if replacement is not None:
            return replacement
        await _lose(rule, scope, receive)
        return None
    answer = _spoilt(rule.fault, await handle())
    answer.headers.update(rule.headers)
    if rule.fault not in (Fault.SLOW_BODY, Fault.HALF_ANSWER):
        return answer
    await _drip(rule, answer, scope, send)
    return None


def _replacement(rule: Rule, path: str, now: float, reset_format: str) -> Response | None:
    fault = rule.fault
    if fault in _PAGES:
        return html_answer(_PAGES[fault], rule.headers)
    if fault in _ERRORS:
        return error_answer(*_ERRORS[fault], rule.headers)
    if fault is Fault.RATE_LIMITED:
        reset = {RESET_HEADER: write_reset(now + rule.reset_in_s, reset_format=reset_format)}
        return error_answer(429, "Rate limit exceeded", reset | dict(rule.headers))
    if fault is Fault.EXPIRED:
        return error_answer(404, f"Request {path.split('/')[3]} not found", rule.headers)
    if fault is Fault.REDIRECT_307:
        return html_answer(307, {"location": _OTHER_HOST + path} | dict(rule.headers))
    return None


async def _lose(rule: Rule, scope: Scope, receive: Receive) -> None:
    if rule.fault is Fault.HANG:
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    scope["state"]["transport"].abort()


async def _drip(rule: Rule, answer: Response, scope: Scope, send: Send) -> None:
    """Send the body in ten drops over `delay_s`, or half of it and then nothing."""
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    if rule.fault is Fault.HALF_ANSWER:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        # close() lets what was written leave first; abort() might take it back.
        scope["state"]["transport"].close()
        return
    step = max(1, -(-len(body) // 10))
    for start in range(0, len(body), step):
        await asyncio.sleep(rule.delay_s / 10)
        await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _spoilt(fault: Fault, answer: Response) -> Response:
    """Return the answer as the fault leaves it."""
    body = bytes(answer.body)
    media_type = answer.headers.get("content-type")
    match fault:
        case Fault.TRUNCATED_JSON | Fault.TRUNCATED_OUTPUT:
            return Response(body[: len(body) // 2], answer.status_code, media_type=media_type)
        case Fault.CORRUPT_OUTPUT:
            spot = len(body) // 2
            return Response(
                body[:spot] + bytes([body[spot] ^ 0x10]) + body[spot + 1 :], media_type=media_type
            )
        case Fault.EMPTY_OUTPUT:
            return Response(b"", media_type=media_type)
        case Fault.HTML_OUTPUT:
            return html_answer(200)
        case Fault.SLOW_BODY | Fault.HALF_ANSWER | Fault.JOB_FAILS:
            return answer
        case _:
            content = json.loads(body)
            return json_answer(*_altered(fault, content, answer.status_code))


def _altered(fault: Fault, content: dict[str, Any], status_code: int) -> tuple[dict[str, Any], int]:
    match fault:
        case Fault.NO_REQUEST_ID:
            content.pop("request_id", None)
        case Fault.ODD_REQUEST_ID:
            content["request_id"] = "../../x"
        case Fault.FOREIGN_URLS:
            for name in ("status_url", "response_url", "poll_url"):
                content[name] = f"{_OTHER_HOST}/v2/requests/{content.get('request_id')}"
        case Fault.OUTPUT_NULL:
            content["output"] = None
        case Fault.OUTPUT_LIST:
            content["output"] = [content.get("output")]
        case Fault.OUTPUT_DICT:
            content["output"] = {"url": content.get("output")}
        case Fault.NO_COST:
            content.get("metrics", {}).pop("cost", None)
        case Fault.NAN_COST:
            content.setdefault("metrics", {})["cost"] = float("nan")
        case Fault.STUCK_QUEUED | Fault.STUCK_PROCESSING:
            state = fault.name.removeprefix("STUCK_")
            kept = {k: v for k, v in content.items() if k in ("request_id", "status_url", "response_url")}
            return {"status": state, **kept, "metrics": {}}, 200
        case _:
            raise AssertionError(f"{fault} is played elsewhere")
    return content, status_code
