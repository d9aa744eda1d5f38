"""The API's routes as one ASGI application, kept lean: benchmarks measure clients against it."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import time
import uuid
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from samframe._contract import API_KEY_HEADER, RESET_HEADER
from samframe.server._answers import error_answer, html_answer, json_answer
from samframe.server._engines import make_engine
from samframe.server._faults import Fault, FaultPlan
from samframe.server._history import history_page, history_row
from samframe.server._images import read_data_uri
from samframe.server._jobs import Job, JobBook, JobState
from samframe.server._limits import make_limiter, write_reset
from samframe.server._money import Purse
from samframe.server._outputs import CONTENT_TYPES
from samframe.server._play import play
from samframe.server._requests import Refusal, check_key, is_json_type, read_json
from samframe.server._workers import WorkerPool

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from samframe.server._config import ServerConfig

__all__ = ["Application", "Tally"]

logger = logging.getLogger(__name__)

_KEY = API_KEY_HEADER.encode()
_HOST = re.compile(rb"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?")
_UPLOADS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
_LIMITED = {"status", "result"}


@dataclass(slots=True)
class Tally:
    """Running counts of requests; `Counters` is its frozen copy."""

    requests: int = 0
    submits: int = 0
    accepted: int = 0
    failed: int = 0
    polls: int = 0
    results: int = 0
    downloads: int = 0
    uploads: int = 0
    credits: int = 0
    history: int = 0
    refused_429: int = 0


class Application:
    """An ASGI application that answers like the API.

    Parameters
    ----------
    config : ServerConfig
        Engine, pace, limits and money.
    """

    def __init__(self, config: ServerConfig) -> None:
        engine, self.engine_name = make_engine(config)
        self.config = config
        self.book = JobBook(config)
        self.purse = Purse(config.price_usd, config.credits_usd)
        self.pool = WorkerPool(config, engine, self.book, self.purse)
        self.plan = FaultPlan()
        self.tally = Tally()
        self._limiter = make_limiter(config)
        self._date = (0, b"")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint, argument = _route(scope["path"])
        self._count(endpoint)
        rule = self.plan.take(endpoint) if endpoint else None
        answer: Response | None
        if rule is None:
            answer = await self._answer(endpoint, argument, scope, receive)
        else:
            doomed = "The job failed on the server" if rule.fault is Fault.JOB_FAILS else None
            answer = await play(
                rule,
                lambda: self._answer(endpoint, argument, scope, receive, doomed=doomed),
                scope=scope,
                receive=receive,
                send=send,
                now=self.config.clock(),
                reset_format=self.config.reset_format,
            )
        if answer is None:
            return
        if answer.status_code == 429:  # noqa: PLR2004 - HTTP's number
            self.tally.refused_429 += 1
        answer.raw_headers.append((b"date", self._http_date()))
        await answer(scope, receive, send)

    async def _answer(
        self, endpoint: str, argument: str, scope: Scope, receive: Receive, *, doomed: str | None = None
    ) -> Response:
        if not endpoint:
            return error_answer(404, "Not found")
        verb = "POST" if endpoint in ("submit", "upload") else "GET"
        if scope["method"] != verb:
            return html_answer(405, {"allow": verb})
        try:
            if endpoint == "output":
                return self._file(self.book.outputs.get(argument, now=self.config.clock()), argument)
            if endpoint == "asset":
                return self._file(self.book.assets.get(argument, now=self.config.clock()), argument)
            headers = dict(scope["headers"])
            key = headers.get(_KEY, b"").decode("latin-1")
            check_key(key, only=self.config.api_key)
            self._admit(endpoint)
            match endpoint:
                case "status":
                    return self._status(argument)
                case "result":
                    return self._result(argument)
                case "submit":
                    return await self._submit(argument, key, headers, scope, receive, doomed=doomed)
                case "upload":
                    return await self._upload(headers, scope, receive)
                case "credits":
                    return self._credits()
                case "history":
                    return self._history(key, scope)
                case _:
                    return self._history_item(argument, key)
        except Refusal as refusal:
            return error_answer(refusal.status_code, refusal.error)
        except _TooSoon as refusal:
            reset = write_reset(refusal.reset_at, reset_format=self.config.reset_format)
            return error_answer(429, "Rate limit exceeded", {RESET_HEADER: reset})

    def _admit(self, endpoint: str) -> None:
        if self._limiter is None or not (
            endpoint == "submit" or (self.config.polls_count and endpoint in _LIMITED)
        ):
            return
        reset_at = self._limiter.admit(self.config.clock())
        if reset_at is not None:
            raise _TooSoon(reset_at)

    async def _submit(
        self,
        model: str,
        key: str,
        headers: dict[bytes, bytes],
        scope: Scope,
        receive: Receive,
        *,
        doomed: str | None,
    ) -> Response:
        config = self.config
        if not is_json_type(headers.get(b"content-type", b"").decode("latin-1")):
            raise Refusal(406, "Invalid content type")
        if model in config.refused_models:
            return _refused_model(model, config.refused_models[model])
        if model not in config.models:
            raise Refusal(404, f"Model {model} not found")
        body = read_json(await _read_body(receive, config.max_body_bytes))
        if not isinstance(body.get("image"), str) or not body["image"]:
            raise Refusal(400, "image is required and must be string")
        if not self.purse.reserve():
            raise Refusal(406, "Insufficient credits")
        latency = config.latency_s
        job = Job(
            request_id=str(uuid.uuid4()),
            model=model,
            owner=_owner(key),
            body=body,
            created_at=config.clock(),
            submitted_s=time.monotonic(),
            service_s=latency() if callable(latency) else latency,
            base_url=_base_url(headers, scope),
            doomed=doomed,
        )
        self.tally.accepted += 1
        self.book.add(job)
        self.pool.submit(job)
        urls = _urls(job)
        return json_answer(
            {
                "request_id": job.request_id,
                "status": "QUEUED",
                "poll_url": f"{job.base_url}/v1/requests/{job.request_id}",
                **urls,
            }
        )

    def _status(self, request_id: str) -> Response:
        job = self._find(request_id)
        content: dict[str, Any] = {"status": job.state.value, "request_id": job.request_id, **_urls(job)}
        if job.state is JobState.FAILED:
            content["error"] = job.error
        content["metrics"] = self._metrics(job)
        return json_answer(content, 422 if job.state is JobState.FAILED else 200)

    def _result(self, request_id: str) -> Response:
        job = self._find(request_id)
        if job.state is not JobState.COMPLETED or job.file_name is None:
            if not job.state.is_final and self.config.early_result == "refuse":
                raise Refusal(400, f"Request {request_id} is not completed")
            return self._status(request_id)
        url = f"{job.base_url}/outputs/{job.file_name}"
        content: dict[str, Any] = {"status": "COMPLETED", "request_id": job.request_id}
        if job.body.get("base64") is True or self.config.output.always_inline:
            content["output"] = self._inline(job)
        else:
            image = {
                "url": url,
                "content_type": job.file_type,
                "file_name": job.file_name,
                "file_size": job.file_size,
            }
            content |= {"output": url, "images": [image]}
        content |= {"metrics": self._metrics(job), "engine": self.engine_name}
        return json_answer({name: value for name, value in content.items() if name not in self.config.omit})

    def _inline(self, job: Job) -> str:
        raw = self.book.outputs.get(job.file_name or "", now=self.config.clock())
        if raw is None:
            raise Refusal(404, f"Request {job.request_id} not found")
        text = base64.b64encode(raw).decode()
        return text if self.config.output.inline == "base64" else f"data:{job.file_type};base64,{text}"

    def _find(self, request_id: str) -> Job:
        job = self.book.find(request_id)
        if job is None:
            raise Refusal(404, f"Request {request_id} not found")
        return job

    def _metrics(self, job: Job) -> dict[str, float]:
        return {name: value for name, value in job.metrics().items() if name not in self.config.omit}

    def _file(self, raw: bytes | None, name: str) -> Response:
        if raw is None:
            raise Refusal(404, "File not found")
        return Response(raw, media_type=CONTENT_TYPES["." + name.rpartition(".")[2]])

    async def _upload(self, headers: dict[bytes, bytes], scope: Scope, receive: Receive) -> Response:
        if not is_json_type(headers.get(b"content-type", b"").decode("latin-1")):
            raise Refusal(406, "Invalid content type")
        body = read_json(await _read_body(receive, self.config.max_body_bytes))
        data_urls = body.get("data_urls")
        if not isinstance(data_urls, list) or not data_urls:
            raise Refusal(400, "data_urls is required and must be a list of data URIs")
        base_url, names = _base_url(headers, scope), []
        for data_url in data_urls:
            try:
                media_type, raw = read_data_uri(str(data_url))
                names.append(f"{uuid.uuid4()}{_UPLOADS[media_type]}")
            except (ValueError, KeyError):
                raise Refusal(
                    400, "data_urls must hold base64 data URIs of PNG, JPG, GIF or WebP images"
                ) from None
            self.book.assets.put(names[-1], raw, now=self.config.clock())
        urls = [f"{base_url}/assets/{name}" for name in names]
        return json_answer({self.config.upload_key: urls, "message": "Files uploaded successfully"})

    def _credits(self) -> Response:
        balance = self.purse.balance_usd
        content: dict[str, Any] = {"credits": round(balance or 0.0, 6), "free-credits": 0.0}
        if balance is None:
            content["note"] = f"engine {self.engine_name}: jobs cost nothing, no credits are counted"
        return json_answer(content)

    def _history(self, key: str, scope: Scope) -> Response:
        owner, known_by = _owner(key), self.config.clock() - self.config.history_lag_s
        jobs = (job for job in self.book if job.owner == owner and job.created_at <= known_by)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        page = history_page(jobs, query, now=self.config.clock())
        rows = page.pop("rows")
        return json_answer({self.config.history_key: rows, **page})

    def _history_item(self, request_id: str, key: str) -> Response:
        job = self.book.recall(request_id)
        known_by = self.config.clock() - self.config.history_lag_s
        if job is None or job.owner != _owner(key) or job.created_at > known_by:
            raise Refusal(404, f"Request {request_id} not found")
        return json_answer(history_row(job))

    def _count(self, endpoint: str) -> None:
        tally = self.tally
        tally.requests += 1
        match endpoint:
            case "status":
                tally.polls += 1
            case "result":
                tally.results += 1
            case "submit":
                tally.submits += 1
            case "output":
                tally.downloads += 1
            case "upload":
                tally.uploads += 1
            case "credits":
                tally.credits += 1
            case "history" | "history_item":
                tally.history += 1

    def _http_date(self) -> bytes:
        second = int(self.config.clock())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


class _TooSoon(Exception):  # noqa: N818 - an answer on its way out
    def __init__(self, reset_at: float) -> None:
        super().__init__(reset_at)
        self.reset_at = reset_at


def _route(path: str) -> tuple[str, str]:
    """Return the endpoint of a path and its id or name; an empty endpoint for a path that is none."""
    match path.split("/"):
        case ["", "v2", "requests", request_id, "status"] | ["", "v1", "requests", request_id]:
            return "status", request_id
        case ["", "v2", "requests", request_id]:
            return "result", request_id
        case ["", "outputs", name]:
            return "output", name
        case ["", "v2", model] if model:
            return "submit", model
        case ["", "assets", name]:
            return "asset", name
        case ["", "upload-asset"]:
            return "upload", ""
        case ["", "v1", "get-user-credits"]:
            return "credits", ""
        case ["", "inference-request", "request-history"]:
            return "history", ""
        case ["", "inference-request", "request-history", request_id]:
            return "history_item", request_id
        case _:
            return "", ""


async def _read_body(receive: Receive, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Half a request was never received: nothing may come of it.
            raise Refusal(400, "Incomplete request body")
        part = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise Refusal(413, f"The request body is larger than {max_bytes} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _refused_model(model: str, status_code: int) -> Response:
    if status_code == 405:  # noqa: PLR2004 - HTTP's number
        return html_answer(405)
    texts = {403: f"Model {model} is not allowed for this account", 410: f"Model {model} is retired"}
    return error_answer(status_code, texts.get(status_code, f"Model {model} is not available"))


def _owner(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _base_url(headers: dict[bytes, bytes], scope: Scope) -> str:
    host = headers.get(b"host", b"")
    if _HOST.fullmatch(host):
        return f"http://{host.decode()}"
    address = scope["server"]
    return f"http://{address[0]}:{address[1]}"


def _urls(job: Job) -> dict[str, str]:
    response_url = f"{job.base_url}/v2/requests/{job.request_id}"
    return {"status_url": response_url + "/status", "response_url": response_url}
