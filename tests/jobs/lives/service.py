"""The API of a state machine: a service that remembers what it accepted, and calls with faults drawn for them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture

from samframe.segmind import ApiKey, CallError, Failure, HistoryRow, JobAnswer, Metrics, RemoteState

if TYPE_CHECKING:
    from lives.death import Process

HOUR = 3600.0

SUBMIT_FAULTS = (
    "ok",
    "ok",
    "ok",
    "not sent",
    "refused 400",
    "429",
    "500",
    "lost before",
    "lost after",
    "502 before",
    "502 after",
    "401",
)
GET_FAULTS = ("ok", "ok", "ok", "queued", "lost", "404 once", "failed")
FETCH_FAULTS = ("ok", "ok", "ok", "lost", "corrupt", "gone", "cut-out", "no host")

ACCOUNTS = ("SG_0123456789abcdef", "SG_fedcba9876543210")


@dataclass
class RemoteJob:
    """A job as the service has it."""

    request_id: str
    inputs: tuple
    accepted_at: float
    account: str = ACCOUNTS[0]
    state: RemoteState = RemoteState.COMPLETED
    expired: bool = False
    hiccups: list[str] = field(default_factory=list)


class Service:
    """The API, with a memory of everything that was accepted. It survives the client's deaths."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.jobs: dict[str, RemoteJob] = {}
        self.posts = 0
        self.history_lag = 0.0

    def accept(self, body: dict, account: str) -> str:
        request_id = str(uuid.uuid4())
        self.jobs[request_id] = RemoteJob(request_id, inputs_of(body), self.now, account)
        return request_id

    def accepted(self, inputs: tuple) -> int:
        return sum(job.inputs == inputs for job in self.jobs.values())


class Api:
    """The calls of a connection, with faults drawn by Hypothesis."""

    most_output_bytes = 1 << 20

    def __init__(
        self,
        service: Service,
        process: Process,
        faults: dict[str, list[str]],
        account: str = ACCOUNTS[0],
    ) -> None:
        self.account = account
        self._service = service
        self._process = process
        self._faults = faults
        self.on_call = None

    def _fault(self, call: str) -> str:
        return self._faults[call].pop(0) if self._faults[call] else "ok"

    async def submit(self, content: bytes, *, model: str) -> str:
        self._process.point()
        self._service.posts += 1
        fault = self._fault("submit")
        await asyncio.sleep(0)
        match fault:
            case "not sent":
                raise CallError("connection refused", kind=Failure.NOT_SENT)
            case "refused 400":
                raise CallError("bad", kind=Failure.BAD_INPUT, status_code=400)
            case "429":
                raise CallError("slow down", kind=Failure.RATE_LIMITED, status_code=429, wait_s=0.001)
            case "500":
                raise CallError("oops", kind=Failure.SERVER_ERROR, status_code=500)
            case "401":
                raise CallError("bad key", kind=Failure.UNAUTHENTICATED, status_code=401)
            case "lost before" | "502 before":
                raise CallError("no answer", kind=Failure.LOST, status_code=502 if "502" in fault else None)
        request_id = self._service.accept(json.loads(content), self.account)
        self._process.point()
        if fault in {"lost after", "502 after"}:
            raise CallError("no answer", kind=Failure.LOST, status_code=502 if "502" in fault else None)
        return request_id

    async def result(self, request_id: str) -> JobAnswer:
        self._process.point()
        await asyncio.sleep(0)
        job = self._service.jobs.get(request_id)
        if (
            job is None
            or job.account != self.account
            or job.expired
            or self._service.now - job.accepted_at > HOUR
        ):
            raise CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
        match self._fault("result"):
            case "queued":
                return JobAnswer(state=RemoteState.QUEUED)
            case "lost":
                raise CallError("reset", kind=Failure.LOST)
            case "404 once" if not job.hiccups:
                job.hiccups.append("404")
                raise CallError("not found", kind=Failure.NOT_FOUND, status_code=404)
            case "failed":
                job.state = RemoteState.FAILED
        if job.state is RemoteState.FAILED:
            return JobAnswer(state=RemoteState.FAILED, error="blocked")
        output = f"https://images.segmind.com/{request_id}.png"
        metrics = Metrics(inference_time=0.001, queue_time=0.0, cost=0.002)
        return JobAnswer(
            state=RemoteState.COMPLETED, output=output, raw=f'{{"output": "{output}"}}', metrics=metrics
        )

    async def status(self, request_id: str) -> JobAnswer:
        answer = await self.result(request_id)
        return JobAnswer(state=answer.state, error=answer.error, metrics=answer.metrics)

    async def download(self, url: str) -> bytes:
        self._process.point()
        await asyncio.sleep(0)
        match self._fault("fetch"):
            case "lost":
                raise CallError("reset", kind=Failure.LOST)
            case "corrupt":
                return _mask_of(url)[:-20]
            case "gone":
                raise CallError("gone", kind=Failure.NOT_FOUND, status_code=404)
            case "no host":
                raise CallError("not allowed", kind=Failure.REFUSED_HOST)
            case "cut-out":
                return _cut_out_of(url)
        return _mask_of(url)

    async def history(self, **_: object) -> list[HistoryRow]:
        self._process.point()
        visible = [
            job
            for job in self._service.jobs.values()
            if job.account == self.account
            and self._service.now - job.accepted_at >= self._service.history_lag
        ]
        return [_history_row(job) for job in visible]

    async def history_of(self, request_id: str) -> HistoryRow | None:
        self._process.point()
        job = self._service.jobs.get(request_id)
        return _history_row(job) if job is not None and job.account == self.account else None

    async def credits(self):
        raise CallError("none", kind=Failure.LOST)


class FakeClient:
    """What a session needs of a client."""

    identity = "https://api.segmind.com"
    is_free = False
    rate_limit = None

    def __init__(self, api: Api) -> None:
        self._api = api
        self.key = ApiKey(api.account, strict=True)

    @asynccontextmanager
    async def connect(self):
        yield self._api


def inputs_of(body: dict) -> tuple:
    return (body["image"], body.get("prompt"), body["overlay_mask"])


def _history_row(job: RemoteJob) -> HistoryRow:
    image, prompt, overlay = job.inputs
    return HistoryRow(
        request_id=job.request_id,
        state=job.state,
        inputs={"image": image, "prompt": prompt, "overlay_mask": overlay},
        output=f"https://images.segmind.com/{job.request_id}.png"
        if job.state is RemoteState.COMPLETED
        else None,
        model="sam-v2-image",
    )


def _mask_of(url: str) -> bytes:
    """Return a PNG of 8 x 8 px that no other job has."""
    mask = np.unpackbits(np.frombuffer(hashlib.sha256(url.encode()).digest()[:8], np.uint8)).reshape(8, 8)
    out = io.BytesIO()
    Picture.fromarray(mask.astype(np.uint8) * 255).save(out, "PNG")
    return out.getvalue()


def _cut_out_of(url: str) -> bytes:
    """Return the same mask as a colourful picture with all else cut out, which takes reader="alpha"."""
    with Picture.open(io.BytesIO(_mask_of(url))) as picture:
        mask = np.asarray(picture)
    colours = np.arange(mask.size * 3, dtype=np.uint8).reshape(*mask.shape, 3)
    out = io.BytesIO()
    Picture.fromarray(np.dstack([colours, mask])).save(out, "PNG")
    return out.getvalue()
