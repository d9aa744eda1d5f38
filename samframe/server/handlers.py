"""What each endpoint does once its caller has been let in."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from samframe.ground.id_form import make_id
from samframe.server.wire import (
    Refusal,
    error_answer,
    html_answer,
    is_json_type,
    json_answer,
    read_data_uri,
    read_json,
)
from samframe.server.work import CONTENT_TYPES, Job, JobBook, JobState, history_page, history_row

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from samframe.server.config import ServerConfig
    from samframe.server.work import Purse, Tally, WorkerPool

__all__ = ["Call", "Handlers"]

_HOST = re.compile(rb"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?")
_UPLOADS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One request on its way: what its path names, who sends it, and how to read the rest of it."""

    argument: str
    headers: dict[bytes, bytes]
    key: str
    scope: Scope
    receive: Receive
    doomed: str | None = None

    @property
    def owner(self) -> str:
        """The account: a hash, so that no key is kept."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    @property
    def base_url(self) -> str:
        """The address by which the caller reached the server."""
        host = self.headers.get(b"host", b"")
        if _HOST.fullmatch(host):
            return f"http://{host.decode()}"
        address = self.scope["server"]
        return f"http://{address[0]}:{address[1]}"

    async def read_object(self, max_bytes: int) -> dict[str, Any]:
        """Read the body, which must be a JSON object of at most `max_bytes`.

        Raises
        ------
        Refusal
            406 for another content type, 413 for a larger body, 400 for anything that is no object.
        """
        if not is_json_type(self.headers.get(b"content-type", b"").decode("latin-1")):
            raise Refusal(406, "Invalid content type")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                # A request that came in half: nothing may come of it.
                raise Refusal(400, "Incomplete request body")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > max_bytes:
                raise Refusal(413, f"The request body is larger than {max_bytes} bytes")
            if not message.get("more_body"):
                return read_json(b"".join(parts))


class Handlers:
    """The endpoints. Each method is named like its endpoint, takes a `Call`, and may raise `Refusal`.

    Parameters
    ----------
    config : ServerConfig
        Options.
    book, purse, pool, tally
        The server's state.
    engine_name : str
        Goes into each result.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        book: JobBook,
        purse: Purse,
        pool: WorkerPool,
        tally: Tally,
        engine_name: str,
    ) -> None:
        self._config = config
        self._book = book
        self._purse = purse
        self._pool = pool
        self._tally = tally
        self._engine_name = engine_name
        self._ids = random.SystemRandom()

    async def submit(self, call: Call) -> Response:
        """Accept a job."""
        config, model = self._config, call.argument
        if model in config.refused_models:
            return _refused_model(model, config.refused_models[model])
        if model not in config.models:
            raise Refusal(404, f"Model {model} not found")
        body = await call.read_object(config.max_body_bytes)
        if not isinstance(body.get("image"), str) or not body["image"]:
            raise Refusal(400, "image is required and must be string")
        if not self._purse.reserve():
            raise Refusal(406, "Insufficient credits")
        job = Job(
            request_id=make_id(config.id_form, self._ids),
            model=model,
            owner=call.owner,
            body=body,
            created_at=config.clock(),
            submitted_s=time.monotonic(),
            service_s=config.latency_s() if callable(config.latency_s) else config.latency_s,
            base_url=call.base_url,
            doomed=call.doomed,
            output_base=f"https://{config.output_host}" if config.output_host is not None else None,
        )
        self._tally.accepted += 1
        self._book.add(job)
        self._pool.submit(job)
        poll_url = f"{job.base_url}/v1/requests/{job.request_id}"
        return json_answer(
            {"request_id": job.request_id, "status": "QUEUED", "poll_url": poll_url, **job.api_urls()}
        )

    async def prepare(self, call: Call) -> Response:
        """Let the engine look at an image that somebody has open: no job, no charge. Not in Segmind's contract."""
        image = (await call.read_object(self._config.max_body_bytes)).get("image")
        if not isinstance(image, str) or not image:
            raise Refusal(400, "image is required and must be string")
        return json_answer({"prepared": self._pool.prepare(image)}, 202)

    async def status(self, call: Call) -> Response:
        """Tell how far a job is: HTTP 422 where it FAILED."""
        return self._status_of(self._find(call.argument))

    async def result(self, call: Call) -> Response:
        """Tell what came of a job."""
        job = self._find(call.argument)
        if job.state is not JobState.COMPLETED:
            if not job.state.is_final and self._config.early_result == "refuse":
                raise Refusal(400, f"Request {job.request_id} is not completed")
            return self._status_of(job)
        content: dict[str, Any] = {"status": "COMPLETED", "request_id": job.request_id}
        if job.parts or job.file_name is None:
            content |= self._several(job)
        elif job.body.get("base64") is True or self._config.output.always_inline:
            content["output"] = self._inline(job)
        else:
            content |= {"output": job.output_url, "images": [job.image_entry()]}
        content |= {"metrics": self._metrics(job), "engine": self._engine_name}
        return json_answer({name: value for name, value in content.items() if name not in self._config.omit})

    def _several(self, job: Job) -> dict[str, Any]:
        entries = job.part_entries()
        urls = [entry["url"] for entry in entries]
        if self._config.output.several == "mapping":
            facts = {
                name + ("s" if name == "score" else "es"): [entry[name] for entry in entries]
                for name in ("score", "box")
            }
            return {"output": {"masks": urls, **facts}}
        return {"output": urls, "images": entries}

    async def output(self, call: Call) -> Response:
        """Give an output file; no key is needed."""
        return _file(self._book.outputs.get(call.argument, now=self._config.clock()), call.argument)

    async def asset(self, call: Call) -> Response:
        """Give an uploaded file; no key is needed."""
        return _file(self._book.assets.get(call.argument, now=self._config.clock()), call.argument)

    async def upload(self, call: Call) -> Response:
        """Keep files that are sent as data URIs."""
        data_urls = (await call.read_object(self._config.max_body_bytes)).get("data_urls")
        if not isinstance(data_urls, list) or not data_urls:
            raise Refusal(400, "data_urls is required and must be a list of data URIs")
        files = [_uploaded(data_url) for data_url in data_urls]
        for name, raw in files:
            self._book.assets.put(name, raw, now=self._config.clock())
        urls = [f"{call.base_url}/assets/{name}" for name, _ in files]
        return json_answer({self._config.upload_key: urls, "message": "Files uploaded successfully"})

    async def credits(self, call: Call) -> Response:  # noqa: ARG002 - all endpoints are called alike
        """Tell the balance."""
        balance = self._purse.balance_usd
        content: dict[str, Any] = {"credits": round(balance or 0.0, 6), "free-credits": 0.0}
        if balance is None:
            content["note"] = f"engine {self._engine_name}: no credits are counted here"
        return json_answer(content)

    async def history(self, call: Call) -> Response:
        """List the account's jobs."""
        jobs = (job for job in self._book if self._is_in_history(job, call.owner))
        query = dict(parse_qsl(call.scope["query_string"].decode("latin-1")))
        page = history_page(jobs, query, now=self._config.clock())
        return json_answer({self._config.history_key: page.pop("rows"), **page})

    async def history_item(self, call: Call) -> Response:
        """Tell one of the account's jobs, of any age."""
        job = self._book.recall(call.argument)
        if job is None or not self._is_in_history(job, call.owner):
            raise Refusal(404, f"Request {call.argument} not found")
        return json_answer(history_row(job))

    def _find(self, request_id: str) -> Job:
        job = self._book.find(request_id)
        if job is None:
            raise Refusal(404, f"Request {request_id} not found")
        return job

    def _status_of(self, job: Job) -> Response:
        content: dict[str, Any] = {"status": job.state.value, "request_id": job.request_id, **job.api_urls()}
        if job.state is JobState.FAILED:
            content["error"] = job.error
        content["metrics"] = self._metrics(job)
        return json_answer(content, 422 if job.state is JobState.FAILED else 200)

    def _metrics(self, job: Job) -> dict[str, float]:
        return {name: value for name, value in job.metrics().items() if name not in self._config.omit}

    def _inline(self, job: Job) -> str:
        raw = self._book.outputs.get(job.file_name or "", now=self._config.clock())
        if raw is None:
            raise Refusal(404, f"Request {job.request_id} not found")
        text = base64.b64encode(raw).decode()
        return text if self._config.output.inline == "base64" else f"data:{job.file_type};base64,{text}"

    def _is_in_history(self, job: Job, owner: str) -> bool:
        return job.owner == owner and job.created_at <= self._config.clock() - self._config.history_lag_s


def _refused_model(model: str, status_code: int) -> Response:
    if status_code == 405:  # noqa: PLR2004 - HTTP's number
        return html_answer(405)
    texts = {403: f"Model {model} is not allowed for this account", 410: f"Model {model} is retired"}
    return error_answer(status_code, texts.get(status_code, f"Model {model} is not available"))


def _uploaded(data_url: Any) -> tuple[str, bytes]:
    try:
        media_type, raw = read_data_uri(data_url)
        return f"{uuid.uuid4()}{_UPLOADS[media_type]}", raw
    except (AttributeError, ValueError, KeyError):
        raise Refusal(400, "data_urls must hold base64 data URIs of PNG, JPG, GIF or WebP images") from None


def _file(raw: bytes | None, name: str) -> Response:
    if raw is None:
        raise Refusal(404, "File not found")
    return Response(raw, media_type=CONTENT_TYPES["." + name.rpartition(".")[2]])
