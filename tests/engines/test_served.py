"""The server with a SAM behind it: one encode an image, jobs in turn, bounded memory, and its errors."""

import base64
import io
import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from pictures import png
from PIL import Image

torch = pytest.importorskip("torch")

from samframe.frame.call import OFFLINE_KEY  # noqa: E402
from samframe.server import LocalServer, ServerConfig  # noqa: E402
from samframe.server.engines.sam import load_sam  # noqa: E402

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def serve(sam2):
    """Start a server with the tiny SAM 2 behind it; return a plain HTTP client of it."""
    opened = []

    def start(engine=None, **options):
        engine = engine or load_sam(sam2[0], device="cpu", **options)
        server = LocalServer(ServerConfig(engine=engine, api_key=OFFLINE_KEY)).start()
        client = httpx.Client(base_url=server.base_url, verify=NO_CERTIFICATES, timeout=60)
        client.headers["x-api-key"] = OFFLINE_KEY
        client.server, client.engine = server, engine
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.close()
        client.server.stop()


def body(raw, point=(5, 5), **more):
    return {
        "image": base64.b64encode(raw).decode(),
        "coordinates": json.dumps(list(point)),
        "overlay_mask": False,
    } | more


def submit(client, raw, point=(5, 5), **more):
    answer = client.post("/v2/sam-v2-image", json=body(raw, point, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()["request_id"]


def test_eight_jobs_at_once_on_a_new_image_make_one_encode(serve, photo):
    """Eight connections at the same moment."""
    client, raw = serve(), png(photo())
    together = threading.Barrier(8)

    def ask(n):
        together.wait()
        return submit(client, raw, (10 + 20 * n, 40))

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(ask, range(8)))
    client.server.settle(60)

    metrics = [client.get(f"/v2/requests/{one}").json()["metrics"] for one in ids]
    assert client.engine.n_encodes == 1
    assert sorted(one["embedding_cached"] for one in metrics) == [False] + [True] * 7


def test_a_cache_of_no_bytes_still_encodes_a_waiting_group_once(serve, photo):
    """The image at hand is always at hand."""
    client = serve(cache_mb=0)
    images = [png(photo(seed=seed)) for seed in range(3)]

    for n in range(4):
        for raw in images:
            submit(client, raw, (10 + 20 * n, 40))
    client.server.settle(60)

    assert client.engine.cached_bytes == 0
    assert client.engine.n_encodes < 12


def test_prepare_makes_the_first_question_a_quick_one(serve, photo):
    """An image that is open in the annotator: no job, no charge, and the first click finds the encode done."""
    client, raw = serve(), png(photo())
    image = base64.b64encode(raw).decode()

    told = [client.post("/local/prepare", json={"image": image}) for _ in range(2)]
    deadline = time.monotonic() + 30
    while client.engine.n_encodes == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    one = submit(client, raw)
    client.server.settle(30)

    assert [(answer.status_code, answer.json()) for answer in told] == [(202, {"prepared": True})] * 2
    assert client.server.counters.accepted == 1
    assert client.engine.n_encodes == 1
    assert client.get(f"/v2/requests/{one}").json()["metrics"]["embedding_cached"] is True
    assert client.post("/local/prepare", json={}).status_code == 400
    # What is no image fails no one: the job that brings it will be told.
    assert client.post("/local/prepare", json={"image": "bm8="}).status_code == 202
    assert client.get("/v1/get-user-credits").status_code == 200


def test_memory_is_bounded_by_cache_mb_over_500_images(serve, photo):
    """The embeddings never hold more than they may, and no image is lost over it."""
    client = serve(cache_mb=1)
    small = photo((40, 60))
    most = 0
    for seed in range(500):
        rgb = small.copy()
        rgb[0, 0] = seed % 256, seed // 256, 7
        submit(client, png(rgb))
        if seed % 25 == 24:
            client.server.settle(60)
            most = max(most, client.engine.cached_bytes)

    assert client.engine.n_encodes == 500
    assert 0 < most <= 1 << 20
    assert all(job.state == "COMPLETED" for job in client.server.jobs)


def test_a_vast_image_is_refused_before_it_is_decoded(serve):
    """A PNG of 20,000 x 20,000 px is 50 kB of zeros: the header alone is read."""
    vast = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(vast, "PNG")
    client = serve()

    one = submit(client, vast.getvalue())
    client.server.settle(30)

    answer = client.get(f"/v2/requests/{one}/status")
    assert answer.status_code == 422
    assert "The image is too large (Image size (400000000 pixels)" in answer.json()["error"]
    assert client.engine.n_encodes == 0


def test_what_cannot_be_asked_is_a_failed_job(serve, photo):
    """422 with the reason, as the API's: words without a text model, points outside, points with several boxes."""
    client, raw = serve(), png(photo((60, 80)))
    asked = {
        "takes points and boxes, no words": {"prompt": "boy"},
        "lies outside of the image of 80 x 60 px": {"coordinates": "[81,5]"},
        "is empty: a box is left": {"boxes_input": "[[9,9,3,20]]", "coordinates": ""},
        "Points go with one box": {"boxes_input": "[[1,1,9,9],[3,3,20,20]]"},
        "boxes_input must be JSON text": {"boxes_input": "[[1,1,9]]", "coordinates": ""},
    }
    for words, fields in asked.items():
        one = submit(client, raw, **fields)
        client.server.settle(30)
        answer = client.get(f"/v2/requests/{one}/status")

        assert (answer.status_code, answer.json()["status"]) == (422, "FAILED")
        assert words in answer.json()["error"]


def test_no_memory_drops_what_is_kept_and_tries_again(serve, photo):
    """Once more with an empty cache; a second failure is told with the advice, and the server goes on."""
    client = serve()
    encode, fails = client.engine._points.encode, [0]

    def short_of_memory(rgb):
        if fails[0]:
            fails[0] -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return encode(rgb)

    client.engine._points.encode = short_of_memory
    states = []
    for n_fails, seed in ((0, 0), (1, 1), (9, 2), (0, 3)):
        fails[0] = n_fails
        one = submit(client, png(photo(seed=seed)))
        client.server.settle(30)
        states.append(client.get(f"/v2/requests/{one}/status").json())

    assert [state["status"] for state in states] == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED"]
    assert "take a smaller model" in states[2]["error"]


def test_waiting_images_are_encoded_in_one_pass(sam2, serve, photo):
    """As on a GPU: what waits is encoded together, each image once, and the masks are those of one by one."""
    from dataclasses import replace

    engine = load_sam(sam2[0], device="cpu")
    engine.facts = replace(engine.facts, n_batch=4)
    passes, encode_all = [], engine._points.encode_all
    engine._points.encode_all = lambda images: passes.append(len(images)) or encode_all(images)
    client, alone = serve(engine), load_sam(sam2[0], device="cpu")
    images = [photo((100, 120), seed=seed) for seed in range(9)]

    ids = [submit(client, png(rgb), (50, 40)) for rgb in images]
    ids.append(submit(client, b"no image", (50, 40)))
    client.server.settle(60)

    assert (sum(passes), engine.n_encodes) == (9, 9)
    assert max(passes) > 1
    for one, rgb in zip(ids[:9], images, strict=True):
        made = Image.open(io.BytesIO(client.get(client.get(f"/v2/requests/{one}").json()["output"]).content))
        expected = alone.segment(rgb, points=[(50, 40)]).mask
        assert (np.asarray(made) > 0).mean() == pytest.approx(expected.mean(), abs=0.02)
    assert client.get(f"/v2/requests/{ids[9]}/status").status_code == 422
