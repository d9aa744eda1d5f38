"""Each answer of the API's contract, asked for by plain HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid

import numpy as np
import pytest
from PIL import Image

from samframe.server import DrawnEngine


def test_submit_answers_with_an_id_and_three_urls(peer):
    """A submit answers QUEUED, a UUID, and the URLs under the address it was sent to."""
    answer = peer.post()
    body = answer.json()
    request_id = str(uuid.UUID(body["request_id"]))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert body == {
        "request_id": request_id,
        "status": "QUEUED",
        "poll_url": f"{peer.server.base_url}/v1/requests/{request_id}",
        "status_url": f"{peer.server.base_url}/v2/requests/{request_id}/status",
        "response_url": f"{peer.server.base_url}/v2/requests/{request_id}",
    }


def test_equal_submits_are_two_billed_jobs(peer):
    """There is no idempotency key: each accepted POST is a job of its own."""
    first, second = peer.submit(), peer.submit()
    peer.server.settle()

    assert first != second
    assert (peer.server.counters.accepted, peer.server.counters.billed) == (2, 2)


def test_result_carries_url_images_metrics_and_engine(make_peer):
    """A result names the file in two places, tells times, cost and balance, and the engine."""
    peer = make_peer(price_usd=0.002, credits_usd=1.0)
    result = peer.run()
    metrics = result["metrics"]
    file = peer.http.get(result["output"])

    assert result["status"] == "COMPLETED"
    assert result["engine"] == "drawn/1"
    assert result["images"] == [
        {
            "url": result["output"],
            "content_type": "image/png",
            "file_name": f"{result['request_id']}.png",
            "file_size": len(file.content),
        }
    ]
    assert set(metrics) == {"inference_time", "queue_time", "total_time", "cost", "remaining_credits"}
    assert (metrics["cost"], metrics["remaining_credits"]) == (0.002, 0.998)


def test_output_is_the_mask_of_the_engine(peer):
    """The file holds the engine's mask, pixel by pixel, and needs no key."""
    result = peer.run(prompt="red car")
    file = peer.anonymous.get(result["output"])
    seen = np.asarray(Image.open(io.BytesIO(file.content))) > 127
    sha256 = hashlib.sha256(peer.photo).hexdigest()
    truth = DrawnEngine().draw((48, 64), image_sha256=sha256, prompt="red car").mask

    assert file.headers["content-type"] == "image/png"
    assert np.array_equal(seen, truth)


def test_poll_url_of_the_first_version_answers_like_the_status(peer):
    """The poll_url of a submit is the status by an older path."""
    answer = peer.post().json()
    peer.server.settle()

    assert peer.http.get(answer["poll_url"]).json() == peer.http.get(answer["status_url"]).json()


def test_free_jobs_report_no_balance(peer):
    """Without credits set, nothing is counted: the cost is 0 and no balance is told."""
    metrics = peer.run()["metrics"]

    assert metrics["cost"] == 0.0
    assert "remaining_credits" not in metrics


def test_failed_is_http_422_with_its_body(peer):
    """A job that FAILED answers 422 on both routes, with the engine's words and without a cost."""
    request_id = peer.submit(prompt="nothing")
    peer.server.settle()
    status = peer.status(request_id)

    assert status.status_code == 422
    assert status.json()["status"] == "FAILED"
    assert status.json()["error"] == "Nothing in the image matches 'nothing'"
    assert set(status.json()["metrics"]) == {"inference_time", "queue_time", "total_time"}
    assert peer.result(request_id).status_code == 422


def test_failed_is_never_billed(make_peer):
    """A job that FAILED costs nothing and gives back what was set aside for it."""
    peer = make_peer(price_usd=0.5, credits_usd=0.5)
    peer.submit(prompt="nothing")
    peer.server.settle()
    peer.run()

    assert (peer.server.counters.failed, peer.server.counters.billed) == (1, 1)
    assert [job.billed for job in peer.server.jobs] == [False, True]


@pytest.mark.parametrize("path", ["/v2/requests/{}/status", "/v2/requests/{}", "/v1/requests/{}"])
def test_unknown_request_is_404_json(peer, path):
    """An id that was never given is answered with 404 and the id."""
    request_id = "6a1f4a34-0000-4000-8000-000000000000"
    answer = peer.http.get(path.format(request_id))

    assert answer.status_code == 404
    assert answer.json() == {"error": f"Request {request_id} not found"}


def test_missing_and_refused_key_have_two_texts(make_peer):
    """401 tells a key that was not sent from one that is not let in."""
    missing = make_peer(key=None).post()
    malformed = make_peer(key="sk-0123").post()
    other = make_peer(api_key="SG_ffffffffffffffff").post()

    assert [answer.status_code for answer in (missing, malformed, other)] == [401, 401, 401]
    assert "missing" in missing.json()["error"]
    assert malformed.json() == other.json() == {"error": "Invalid API key"}


def test_key_that_is_set_is_let_in(make_peer):
    """With a key set, that key works, even on polls."""
    peer = make_peer(api_key="my own key", key="my own key")

    assert peer.run()["status"] == "COMPLETED"


def test_bearer_token_is_no_key(make_peer):
    """A bearer token is not looked at: the key counts as missing."""
    peer = make_peer(key=None)
    answer = peer.http.post(
        "/v2/sam-v2-image", json=peer.body(), headers={"authorization": "Bearer SG_0123456789abcdef"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/v2/sam-v2-image", "/upload-asset"])
def test_wrong_content_type_is_406(peer, path, content_type):
    """A body that is not declared as JSON is refused."""
    headers = {} if content_type is None else {"content-type": content_type}
    answer = peer.http.post(path, content=b"{}", headers=headers)

    assert (answer.status_code, answer.json()) == (406, {"error": "Invalid content type"})


def test_content_type_may_have_parameters(peer):
    """``application/json; charset=utf-8`` is JSON."""
    answer = peer.http.post(
        "/v2/sam-v2-image", json=peer.body(), headers={"content-type": "Application/JSON; charset=utf-8"}
    )

    assert answer.status_code == 200


def test_no_credits_is_406(make_peer):
    """A submit that the balance does not cover, running jobs included, is refused and not billed."""
    peer = make_peer(price_usd=0.4, credits_usd=1.0, latency_s=0.05)
    answers = [peer.post() for _ in range(3)]
    peer.server.settle()

    assert [answer.status_code for answer in answers] == [200, 200, 406]
    assert answers[2].json() == {"error": "Insufficient credits"}
    assert peer.server.counters.billed == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/sam-v2-image"),
        ("POST", "/v2/requests/x/status"),
        ("PUT", "/upload-asset"),
        ("DELETE", "/outputs/x.png"),
    ],
)
def test_wrong_verb_is_405_html(peer, method, path):
    """A wrong verb is answered with a page, not with JSON."""
    answer = peer.http.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize(("status_code", "is_json"), [(403, True), (405, False), (410, True)])
def test_refused_models(make_peer, status_code, is_json):
    """A model may be forbidden, wrong or retired."""
    answer = make_peer(refused_models={"sam-v2-image": status_code}).post()

    assert answer.status_code == status_code
    assert answer.headers["content-type"].startswith("application/json") is is_json


def test_unknown_model_and_path_are_404_json(peer):
    """Another model, or a path that is none, is answered with a JSON error."""
    model, path = peer.http.post("/v2/sam-v9", json=peer.body()), peer.http.get("/nowhere")

    assert (model.status_code, model.json()) == (404, {"error": "Model sam-v9 not found"})
    assert (path.status_code, path.json()) == (404, {"error": "Not found"})


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"null", b"{}", b'{"image": 7}', b'{"image": ""}', b"\xff"]
)
def test_malformed_body_is_400(peer, raw):
    """What is no JSON object with an image is refused before there is a job."""
    answer = peer.http.post("/v2/sam-v2-image", content=raw, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert "error" in answer.json()
    assert peer.server.counters.accepted == 0


def test_deep_json_is_400(peer):
    """A body nested deeper than a parser goes is refused, not a crash."""
    answer = peer.http.post(
        "/v2/sam-v2-image", content=b"[" * 200_000, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400


def test_large_body_is_413(make_peer):
    """A body beyond the limit is refused."""
    peer = make_peer(max_body_bytes=1_000)
    answer = peer.post()

    assert answer.status_code == 413


def test_credits(make_peer):
    """The balance is told free of charge, and goes down with each completed job."""
    peer = make_peer(price_usd=0.25, credits_usd=2.0)
    peer.run()
    answer = peer.http.get("/v1/get-user-credits")

    assert answer.json() == {"credits": 1.75, "free-credits": 0.0}


def test_uploaded_file_is_an_image_for_a_job(peer):
    """An upload answers with URLs that can be fetched without a key and used as a job's image."""
    data_url = "data:image/png;base64," + base64.b64encode(peer.photo).decode()
    answer = peer.http.post("/upload-asset", json={"data_urls": [data_url, data_url]}).json()
    first, second = answer["file_urls"]
    result = peer.run(image=first)

    assert first != second
    assert peer.anonymous.get(first).content == peer.photo
    assert result["status"] == "COMPLETED"
    assert peer.server.jobs[0].image_sha256 == hashlib.sha256(peer.photo).hexdigest()


def test_upload_may_answer_with_urls(make_peer):
    """The API's docs page shows another name for the list."""
    peer = make_peer(upload_key="urls")
    data_url = "data:image/png;base64," + base64.b64encode(peer.photo).decode()

    assert len(peer.http.post("/upload-asset", json={"data_urls": [data_url]}).json()["urls"]) == 1


@pytest.mark.parametrize(
    "data_urls", [None, [], "x", ["x"], [7], ["data:text/html;base64,PGI+"], ["data:image/png;base64,"]]
)
def test_broken_upload_is_400(peer, data_urls):
    """Only base64 data URIs of images are kept."""
    answer = peer.http.post("/upload-asset", json={"data_urls": data_urls})

    assert answer.status_code == 400


def test_unknown_files_are_404(peer):
    """A file that was never written is a JSON error, whatever its name."""
    answers = [
        peer.http.get(path) for path in ("/outputs/x.png", "/assets/x.exe", "/outputs/..%2f..%2fetc%2fpasswd")
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_date_header_is_the_servers_clock(make_peer):
    """Clients read a reset against the Date header, so it follows the clock that is set."""
    answer = make_peer(clock=lambda: 1_000_000_000.0).http.get("/v1/get-user-credits")

    assert answer.headers["date"] == "Sun, 09 Sep 2001 01:46:40 GMT"


def test_omitted_fields(make_peer):
    """Results may lack what the contract does not promise."""
    result = make_peer(omit=frozenset({"images", "cost", "queue_time"})).run()

    assert "images" not in result
    assert set(result["metrics"]) == {"inference_time", "total_time"}
