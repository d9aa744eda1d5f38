"""The well-meaning half of the chaos server: right answers, and the list of who was billed for what."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image

from samframe.ground.contract import JOB_PRICE_USD
from samframe.testing.chaos.moves import Reply

__all__ = ["PaidDesk", "find_endpoint"]

_PATHS = re.compile(
    r"GET /v2/requests/(?P<status>[^/]+)/status"
    r"|GET /v2/requests/(?P<result>[^/]+)"
    r"|POST /v2/(?P<submit>[^/]+)"
    r"|GET /outputs/(?P<output>[^/]+)"
    r"|POST /upload-asset(?P<upload>)"
    r"|GET /v1/get-user-credits(?P<credits>)"
    r"|GET /inference-request/request-history(?P<history>)"
    r"|GET /inference-request/request-history/(?P<history_item>[^/]+)"
)


def find_endpoint(method: str, path: str) -> tuple[str, str]:
    """Return the endpoint of a request, ``""`` for none, and the id or name in its path."""
    match = _PATHS.fullmatch(f"{method} {path}")
    if match is None or match.lastgroup is None:
        return "", ""
    return match.lastgroup, match[match.lastgroup]


class PaidDesk:
    """Accepts jobs, bills them at once and answers rightly about them.

    Parameters
    ----------
    mask_hw : (int, int)
        Height and width of the mask that every job answers with.
    """

    def __init__(self, mask_hw: tuple[int, int]) -> None:
        self.base_url = ""
        #: Bodies of the billed submits by request id, in order of arrival.
        self.jobs: dict[str, dict[str, Any]] = {}
        self._mask = _middle_png(mask_hw)

    def reply(self, endpoint: str, argument: str, body: bytes) -> Reply:
        """Return the right answer; a submit is accepted and billed by this.

        Parameters
        ----------
        endpoint, argument : str
            From `find_endpoint`.
        body : bytes
            Of a submit, a JSON object.
        """
        match endpoint:
            case "submit":
                return self._accept_job(body)
            case "output":
                return Reply(body=self._mask, content_type="image/png")
            case "upload":
                return Reply.of_json({"file_urls": [f"{self.base_url}/assets/{uuid.uuid4()}.png"]})
            case "credits":
                return Reply.of_json({"credits": 1.0, "free-credits": 0.0})
            case "history":
                return Reply.of_json(
                    {"data": [self._row(request_id) for request_id in reversed(list(self.jobs))]}
                )
            case _:
                return self._job_reply(endpoint, argument)

    def _accept_job(self, body: bytes) -> Reply:
        request_id = str(uuid.uuid4())
        self.jobs[request_id] = json.loads(body)
        return Reply.of_json({"request_id": request_id, "status": "QUEUED", **self._urls(request_id)})

    def _job_reply(self, endpoint: str, request_id: str) -> Reply:
        if request_id not in self.jobs:
            return Reply.of_json({"error": f"Request {request_id} not found"}, 404)
        if endpoint == "history_item":
            return Reply.of_json(self._row(request_id))
        times = {"inference_time": 0.01, "queue_time": 0.0, "total_time": 0.01, "cost": JOB_PRICE_USD}
        state = {"status": "COMPLETED", "request_id": request_id, **self._urls(request_id), "metrics": times}
        return Reply.of_json(
            state | ({"output": self._output_url(request_id)} if endpoint == "result" else {})
        )

    def _urls(self, request_id: str) -> dict[str, str]:
        response_url = f"{self.base_url}/v2/requests/{request_id}"
        return {"status_url": response_url + "/status", "response_url": response_url}

    def _output_url(self, request_id: str) -> str:
        return f"{self.base_url}/outputs/{request_id}.png"

    def _row(self, request_id: str) -> dict[str, Any]:
        return {
            "request_id": request_id,
            "model_name": "sam-v2-image",
            "model_status": "COMPLETED",
            "credits_deduction": JOB_PRICE_USD,
            "request_body": self.jobs[request_id],
            "generation_url": self._output_url(request_id),
            "latency_ms": 10,
            "model_created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }


def _middle_png(size_hw: tuple[int, int]) -> bytes:
    """Return a PNG whose middle half is white."""
    height, width = size_hw
    mask = np.zeros(size_hw, np.uint8)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = 255
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return out.getvalue()
