"""The official SDK, as installed, against the local server: it must not notice the difference.

It reaches storage and history at fixed hosts: those two addresses are pointed at the server, nothing else is.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from samframe.server import DrawnEngine

segmind = pytest.importorskip("segmind")
from segmind.exceptions import SegmindError  # noqa: E402 - after the check that it is there
from segmind.files import Files  # noqa: E402
from segmind.v2 import AsyncJob, InferenceFailed  # noqa: E402

KEY = "SG_0123456789abcdef"


@pytest.fixture
def sdk(make_peer, monkeypatch):
    """Return a peer and the SDK's client, made as its documentation says."""
    peer = make_peer(price_usd=0.002, credits_usd=1.0)
    base_url = peer.server.base_url
    monkeypatch.setattr(Files, "STORAGE_BASE_URL", base_url)
    # The package hides this module behind an object of the same name.
    generations = importlib.import_module("segmind.generations")
    monkeypatch.setattr(generations, "REQUEST_HISTORY_URL", f"{base_url}/inference-request/request-history")
    client = segmind.SegmindClient(api_key=KEY, base_url=f"{base_url}/v1")
    yield peer, client
    client._client.close()


def job(client, **fields):
    """Submit by the SDK and wait with its own loop, a little faster than once a second."""
    return client.submit_async("sam-v2-image", **{"overlay_mask": False} | fields).wait(
        timeout=10, interval=0.05
    )


def mask_of(peer, result):
    raw = peer.anonymous.get(result["output"]).content
    return np.asarray(Image.open(io.BytesIO(raw))) > 127


def test_run_gives_the_mask(sdk):
    """``run`` submits, polls and returns the result: the mask is the engine's, pixel by pixel."""
    peer, client = sdk
    image = base64.b64encode(peer.photo).decode()
    result = client.run("sam-v2-image", image=image, prompt="boy", overlay_mask=False)
    truth = (
        DrawnEngine().draw((48, 64), image_sha256=hashlib.sha256(peer.photo).hexdigest(), prompt="boy").mask
    )

    assert result["metrics"]["cost"] == 0.002
    assert np.array_equal(mask_of(peer, result), truth)


def test_points_by_the_sdk(sdk):
    """Coordinates travel as JSON text."""
    peer, client = sdk
    image = base64.b64encode(peer.photo).decode()
    result = job(client, image=image, coordinates=json.dumps([[3, 4]]))

    assert mask_of(peer, result).shape == (48, 64)
    assert peer.server.jobs[0].coordinates == "[[3, 4]]"


def test_failed_raises_inference_failed(sdk):
    """A refused prompt raises the SDK's own error with the server's words."""
    peer, client = sdk
    image = base64.b64encode(peer.photo).decode()

    with pytest.raises(InferenceFailed) as caught:
        job(client, image=image, prompt="nothing")
    assert caught.value.detail == "Nothing in the image matches 'nothing'"
    assert caught.value.status_body["status"] == "FAILED"


def test_unknown_id_raises(sdk):
    """An id that the server never gave is a 404 in the SDK's words."""
    peer, client = sdk
    url = f"{peer.server.base_url}/v2/requests/6a1f4a34-0000-4000-8000-000000000000"
    lost = AsyncJob("6a1f4a34-0000-4000-8000-000000000000", url + "/status", url, {}, client)

    with pytest.raises(SegmindError) as caught:
        lost.status()
    assert caught.value.status == 404
    assert "not found" in caught.value.detail


def test_refused_key_raises(sdk):
    """A key of the wrong form is a 401."""
    peer, _ = sdk
    client = segmind.SegmindClient(api_key="wrong", base_url=f"{peer.server.base_url}/v1")

    with pytest.raises(SegmindError) as caught:
        client.run("sam-v2-image", image="x", prompt="boy")
    client._client.close()
    assert (caught.value.status, caught.value.detail) == (401, "Invalid API key")


def test_upload_by_the_sdk(sdk, tmp_path):
    """A file goes to storage and its URL is a job's image."""
    peer, client = sdk
    path = tmp_path / "photo.png"
    path.write_bytes(peer.photo)
    uploaded = client.files.upload(path)
    result = job(client, image=uploaded["file_urls"][0], prompt="boy")

    assert result["status"] == "COMPLETED"
    assert peer.server.jobs[0].image_sha256 == hashlib.sha256(peer.photo).hexdigest()


def test_credits_by_the_sdk(sdk):
    """The SDK has no method for the balance; its client reaches it."""
    _, client = sdk

    assert client._request("GET", "/get-user-credits").json()["credits"] == 1.0


def test_history_by_the_sdk(sdk):
    """Rows of the history and one row by its id."""
    peer, client = sdk
    image = base64.b64encode(peer.photo).decode()
    result = job(client, image=image, prompt="boy")
    listed = client.generations.history(model_name="sam-v2-image", status="COMPLETED", per_page=100)
    row = client.generations.get(result["request_id"])

    assert [r["request_id"] for r in listed["data"]] == [result["request_id"]]
    assert row["generation_url"] == result["output"]
    assert row["credits_deduction"] == 0.002
