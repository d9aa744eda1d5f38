"""Plays a fault: spoils or replaces an answer, slows it down, or closes the connection in place of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from samframe.ground.contract import RESET_HEADER
from samframe.server.wire import Fault, error_answer, html_answer, json_answer, write_reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Send

    from samframe.server.handlers import Call
    from samframe.server.wire import Rule

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
_LEFT_OUT = {Fault.NO_REQUEST_ID: "request_id"}
_UNSPOILT = {Fault.SLOW_BODY, Fault.HALF_ANSWER, Fault.JOB_FAILS}
_LOST = {Fault.DROP_BEFORE, Fault.DROP_ANSWER, Fault.HANG}
_ACCEPTING = {Fault.DROP_ANSWER}


async def play(
    rule: Rule,
    handle: Callable[[], Awaitable[Response]],
    *,
    call: Call,
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
    call : Call
        The request; its scope's state holds the connection's transport.
    send : callable
        ASGI's.
    now : float
        The server's clock, in seconds.
    reset_format : str
        How a 429 writes its reset.
    """
    replacement = _replacement(rule, call, now, reset_format)
    if replacement is not None or rule.fault in _LOST:
        if rule.accepted or rule.fault in _ACCEPTING:
            await handle()
        if replacement is not None:
            return replacement
        await _lose(rule, call)
        return None
    answer = _spoilt(rule.fault, await handle())
    answer.headers.update(rule.headers)
    if rule.fault not in (Fault.SLOW_BODY, Fault.HALF_ANSWER):
        return answer
    await _drip(rule, answer, call, send)
    return None


def _replacement(rule: Rule, call: Call, now: float, reset_format: str) -> Response | None:
    fault = rule.fault
    if fault in _PAGES:
        return html_answer(_PAGES[fault], rule.headers)
    if fault in _ERRORS:
        return error_answer(*_ERRORS[fault], rule.headers)
    if fault is Fault.RATE_LIMITED:
        reset = {RESET_HEADER: write_reset(now + rule.reset_in_s, reset_format=reset_format)}
        return error_answer(429, "Rate limit exceeded", reset | dict(rule.headers))
    if fault is Fault.EXPIRED:
        return error_answer(404, f"Request {call.argument} not found", rule.headers)
    if fault is Fault.REDIRECT_307:
        return html_answer(307, {"location": _OTHER_HOST + call.scope["path"]} | dict(rule.headers))
    return None


async def _lose(rule: Rule, call: Call) -> None:
    if rule.fault is not Fault.HANG:
        call.scope["state"]["transport"].abort()
    await _until_disconnected(call)


async def _until_disconnected(call: Call) -> None:
    """Wait for the end of the connection: uvicorn complains of an application that leaves before."""
    while (await call.receive())["type"] != "http.disconnect":
        pass


async def _drip(rule: Rule, answer: Response, call: Call, send: Send) -> None:
    """Send the body in ten drops over `delay_s`, or half of it and then nothing."""
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    if rule.fault is Fault.HALF_ANSWER:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        # close() lets what was written leave first; abort() might take it back.
        call.scope["state"]["transport"].close()
        await _until_disconnected(call)
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
        case Fault.CORRUPT_OUTPUT if body:
            spot = len(body) // 2
            flipped = body[:spot] + bytes([body[spot] ^ 0x10]) + body[spot + 1 :]
            return Response(flipped, media_type=media_type)
        case Fault.EMPTY_OUTPUT:
            return Response(b"", media_type=media_type)
        case Fault.HTML_OUTPUT:
            return html_answer(200)
        case _ if fault in _UNSPOILT or media_type != "application/json":
            return answer
        case _:
            return json_answer(*_altered(fault, json.loads(body), answer.status_code))


def _altered(fault: Fault, content: dict[str, Any], status_code: int) -> tuple[dict[str, Any], int]:
    """Return JSON that is well formed and not what one waits for, and its status."""
    if fault in (Fault.STUCK_QUEUED, Fault.STUCK_PROCESSING):
        kept = {k: v for k, v in content.items() if k in ("request_id", "status_url", "response_url")}
        return {"status": fault.name.removeprefix("STUCK_"), **kept, "metrics": {}}, 200
    changed, without = _changes(fault, content), _LEFT_OUT.get(fault)
    altered = {name: value for name, value in (content | changed).items() if name != without}
    return altered, status_code


def _changes(fault: Fault, content: dict[str, Any]) -> dict[str, Any]:
    output, metrics = content.get("output"), content.get("metrics", {})
    elsewhere = f"{_OTHER_HOST}/v2/requests/{content.get('request_id')}"
    changes: dict[Fault, dict[str, Any]] = {
        Fault.ODD_REQUEST_ID: {"request_id": "../../x"},
        Fault.FOREIGN_URLS: dict.fromkeys(("status_url", "response_url", "poll_url"), elsewhere),
        Fault.OUTPUT_NULL: {"output": None},
        Fault.OUTPUT_LIST: {"output": [output]},
        Fault.OUTPUT_DICT: {"output": {"url": output}},
        Fault.NO_COST: {"metrics": {name: value for name, value in metrics.items() if name != "cost"}},
        Fault.NAN_COST: {"metrics": metrics | {"cost": float("nan")}},
    }
    return changes.get(fault, {})
