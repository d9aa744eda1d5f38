"""The API as one ASGI application: routes, lets in, answers, and plays the scripted faults in between."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING

from samframe.ground.contract import API_KEY_HEADER, RESET_HEADER
from samframe.server.engines import make_engine
from samframe.server.handlers import Call, Handlers
from samframe.server.play import play
from samframe.server.wire import (
    VERBS,
    Fault,
    FaultPlan,
    Refusal,
    check_key,
    error_answer,
    find_endpoint,
    html_answer,
    make_limiter,
    write_reset,
)
from samframe.server.work import JobBook, Purse, Tally, WorkerPool

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from samframe.server.config import ServerConfig

__all__ = ["Application"]

_KEY = API_KEY_HEADER.encode()
_PUBLIC = frozenset({"output", "asset"})
_POLLS = frozenset({"status", "result"})
_TOO_MANY = 429


class Application:
    """An ASGI application that answers like the API. No middleware: benchmarks measure clients against it.

    Parameters
    ----------
    config : ServerConfig
        Engine, pace, limits and money.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.engine = engine = make_engine(config)
        self.engine_name = engine.name
        self.config = config
        self.plan = FaultPlan()
        self.tally = Tally()
        self.book = JobBook(config)
        purse = Purse(config.price_usd, config.credits_usd)
        self.pool = WorkerPool(config, engine, book=self.book, purse=purse, tally=self.tally)
        self._handlers = Handlers(
            config,
            book=self.book,
            purse=purse,
            pool=self.pool,
            tally=self.tally,
            engine_name=self.engine_name,
        )
        self._limiter = make_limiter(config)
        self._counted = {"submit"} | (_POLLS if config.polls_count else frozenset())
        self._date = (0, b"")
        self._extra = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in config.answer_headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._serve(scope, receive, send)
        except asyncio.CancelledError:
            # Only a stopping server cancels requests; uvicorn would log each as an error of the application.
            return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint, argument = find_endpoint(scope["path"])
        self.tally.count(endpoint)
        rule = self.plan.take(endpoint)
        headers = dict(scope["headers"])
        call = Call(
            argument=argument,
            headers=headers,
            key=headers.get(_KEY, b"").decode("latin-1"),
            scope=scope,
            receive=receive,
        )
        if rule is None:
            answer: Response | None = await self._answer(endpoint, call)
        else:
            call.doomed = "The job failed on the server" if rule.fault is Fault.JOB_FAILS else None
            answer = await play(
                rule,
                lambda: self._answer(endpoint, call),
                call=call,
                send=send,
                now=self.config.clock(),
                reset_format=self.config.reset_format,
            )
        if answer is None:
            return
        if answer.status_code == _TOO_MANY:
            self.tally.refused_429 += 1
        answer.raw_headers.append((b"date", self._http_date()))
        if endpoint not in _PUBLIC:
            answer.raw_headers.extend(self._extra)
        await answer(scope, receive, send)

    async def _answer(self, endpoint: str, call: Call) -> Response:
        if not endpoint or endpoint in self.config.closed:
            return error_answer(404, "Not found")
        verb = VERBS.get(endpoint, "GET")
        if call.scope["method"] != verb:
            return html_answer(405, {"allow": verb})
        try:
            if endpoint not in _PUBLIC:
                check_key(call.key, only=self.config.api_key)
                self._admit(endpoint)
            handle = getattr(self._handlers, endpoint)
            answer: Response = await handle(call)
        except Refusal as refusal:
            return error_answer(refusal.status_code, refusal.error, refusal.headers)
        return answer

    def _admit(self, endpoint: str) -> None:
        if self._limiter is None or endpoint not in self._counted:
            return
        reset_at = self._limiter.admit(self.config.clock())
        if reset_at is not None:
            reset = write_reset(reset_at, reset_format=self.config.reset_format)
            raise Refusal(_TOO_MANY, "Rate limit exceeded", headers={RESET_HEADER: reset})

    def _http_date(self) -> bytes:
        # From the server's own clock, since clients read a reset against it.
        second = int(self.config.clock())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]
