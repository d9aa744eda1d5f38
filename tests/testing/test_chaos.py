"""The chaos server does below HTTP what it is scripted to, and knows whom it billed."""

from __future__ import annotations

import errno
import gzip
import io
import socket
import ssl
import threading
import time

import httpx
import pytest
from PIL import Image

from samframe.testing import Chaos, ChaosServer

BODY = {"image": "aGVsbG8=", "prompt": "boy"}


@pytest.fixture
def chaos():
    with ChaosServer(drip_s=0.01, bomb_mib=64) as server:
        yield server


@pytest.fixture
def http(chaos):
    # An empty context in place of the machine's certificates: loading them takes longer than a test.
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"x-api-key": "SG_0123456789abcdef"}
    with httpx.Client(base_url=chaos.base_url, headers=headers, timeout=2, verify=plain) as client:
        yield client


def post(http):
    return http.post("/v2/sam-v2-image", json=BODY)


def talk(chaos, request):
    """Send raw bytes and return what comes until the end, and the error number that ended it."""
    port = int(chaos.base_url.rpartition(":")[2])
    seen = bytearray()
    try:  # a reset may come before the connection is made
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(request)
            while part := sock.recv(65_536):
                seen += part
    except OSError as error:
        return bytes(seen), error.errno
    return bytes(seen), None


def raw_post(body=b'{"image": "x"}', *, length=None):
    head = f"POST /v2/sam-v2-image HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


def test_a_whole_job_without_chaos(chaos, http):
    """Submit, status, result, output, credits, history and upload answer as the API would."""
    submitted = post(http).json()
    status = http.get(submitted["status_url"]).json()
    result = http.get(submitted["response_url"]).json()
    mask = Image.open(io.BytesIO(http.get(result["output"]).content))
    row = http.get("/inference-request/request-history").json()["data"][0]

    assert (status["status"], result["status"], mask.size) == ("COMPLETED", "COMPLETED", (32, 32))
    assert (
        http.get(f"/inference-request/request-history/{submitted['request_id']}").json()["request_body"]
        == BODY
    )
    assert (row["request_id"], row["generation_url"]) == (submitted["request_id"], result["output"])
    assert http.get("/v1/get-user-credits").json()["credits"] == 1.0
    assert len(http.post("/upload-asset", json={"data_urls": ["x"]}).json()["file_urls"]) == 1
    assert chaos.billed == (submitted["request_id"],)


def test_unknown_id_is_404(http):
    """An id that was never billed is not found."""
    assert http.get("/v2/requests/x/status").status_code == 404


@pytest.mark.parametrize("move", [Chaos.RESET_AFTER_BODY, Chaos.RESET_AFTER_HEADERS])
def test_resets_are_resets(chaos, move):
    """The client sees ECONNRESET, not an end of file."""
    chaos.script(move)
    seen, error = talk(chaos, raw_post(length=None if move is Chaos.RESET_AFTER_BODY else 10_000))

    assert (seen, error) == (b"", errno.ECONNRESET)
    assert len(chaos.billed) == (move is Chaos.RESET_AFTER_BODY)


def test_reset_on_connect(chaos):
    """A new connection is reset before a byte is read, and nothing is billed."""
    chaos.script(Chaos.RESET_ON_CONNECT, on="connection", call=1)
    seen, error = talk(chaos, raw_post())

    assert seen == b""
    assert error in (errno.ECONNRESET, errno.EPIPE)
    assert (chaos.billed, chaos.calls) == ((), ())


@pytest.mark.parametrize(
    ("move", "seen"), [(Chaos.CLOSE_AFTER_BODY, b""), (Chaos.HALF_HEADERS, b"HTTP/1.1 20")]
)
def test_closed_in_good_order(chaos, move, seen):
    """The client sees the end of the stream and no error; the job was billed."""
    chaos.script(move)

    assert talk(chaos, raw_post()) == (seen, None)
    assert len(chaos.billed) == 1


@pytest.mark.parametrize(
    "move",
    [
        Chaos.RESET_AFTER_BODY,
        Chaos.CLOSE_AFTER_BODY,
        Chaos.HANG,
        Chaos.HALF_HEADERS,
        Chaos.HALF_ANSWER,
        Chaos.HALF_ANSWER_RESET,
        Chaos.LONG_LENGTH,
        Chaos.BROKEN_CHUNKS,
        Chaos.GARBAGE,
    ],
)
def test_lost_answers_are_billed_first(chaos, http, move):
    """No usable answer comes, and the job was accepted and billed all the same."""
    http.timeout = 0.3
    chaos.script(move)

    with pytest.raises(httpx.TransportError):
        post(http)
    assert len(chaos.billed) == 1
    assert next(iter(chaos.jobs.values())) == BODY


@pytest.mark.parametrize(
    ("move", "status_code"), [(Chaos.BAD_GATEWAY, 502), (Chaos.HTML_OK, 200), (Chaos.WRONG_VERB, 405)]
)
def test_pages(chaos, http, move, status_code):
    """HTML with any status; a wrong verb is a refusal and bills nothing."""
    chaos.script(move)
    answer = post(http)

    assert (answer.status_code, answer.headers["content-type"]) == (status_code, "text/html")
    assert len(chaos.billed) == (status_code != 405)


def test_answer_longer_than_its_length(chaos):
    """Content-Length is less than what is sent."""
    chaos.script(Chaos.SHORT_LENGTH)
    seen, _ = talk(chaos, raw_post())
    head, _, body = seen.partition(b"\r\n\r\n")

    assert int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) == len(body) // 2


def test_slow_drip_outlasts_read_timeouts(chaos, http):
    """Each byte comes in time, the whole takes long: only a total deadline helps."""
    chaos.script(Chaos.SLOW_DRIP, on="credits")
    start = time.monotonic()
    answer = http.get("/v1/get-user-credits", timeout=0.5)

    assert time.monotonic() - start > 0.01 * len(answer.content) * 0.9
    assert answer.json()["credits"] == 1.0


def test_gzip_bomb_inflates(chaos, http):
    """A few hundred kB on the wire are a sound gzip stream of 64 MiB."""
    chaos.script(Chaos.GZIP_BOMB, on="output")
    with http.stream("GET", "/outputs/x.png") as answer:
        packed = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 200_000
    with gzip.open(io.BytesIO(packed)) as inflated:
        size = sum(len(part) for part in iter(lambda: inflated.read(1 << 20), b""))
    assert size == 64 << 20


def test_deep_and_huge_json(chaos, http):
    """JSON that exhausts a parser's stack, and JSON that fills memory."""
    chaos.script(Chaos.DEEP_JSON, on="status", call=1)
    chaos.script(Chaos.HUGE_JSON, on="status", call=2)
    deep, huge = http.get("/v2/requests/x/status"), http.get("/v2/requests/x/status")

    with pytest.raises(RecursionError):
        deep.json()
    assert len(huge.content) > 32 << 20


def test_other_host_sees_what_is_sent_there(chaos, http):
    """A redirect and foreign URLs name a second server, which tells whether a key came along."""
    with ChaosServer() as collector:
        chaos.elsewhere = collector.base_url
        chaos.script(Chaos.REDIRECT, call=1)
        chaos.script(Chaos.FOREIGN_URLS, call=2)
        redirect, foreign = post(http), post(http).json()
        http.get(redirect.headers["location"].replace("sam-v2-image", "requests/x/status"))

        assert foreign["status_url"].startswith(collector.base_url + "/v2/requests/")
        assert [(call.endpoint, call.has_key) for call in collector.calls] == [("status", True)]
    assert len(chaos.billed) == 1


def test_odd_id(chaos, http):
    """The id is a path; the job is billed under its true one."""
    chaos.script(Chaos.ODD_ID)

    assert post(http).json()["request_id"] == "../../x"
    assert "../../x" not in chaos.billed


def test_script_by_call_number(chaos, http):
    """The n-th call meets its own move, the others that of every call."""
    chaos.script(Chaos.BAD_GATEWAY, on="submit")
    chaos.script(Chaos.HTML_OK, on="submit", call=2)
    codes = [post(http).status_code for _ in range(3)]
    chaos.heal()

    assert [*codes, post(http).status_code] == [502, 200, 502, 200]
    assert [(call.number, call.move) for call in chaos.calls] == [
        (1, Chaos.BAD_GATEWAY),
        (2, Chaos.HTML_OK),
        (3, Chaos.BAD_GATEWAY),
        (4, None),
    ]


def test_kept_connections_and_stale_ones(chaos, http):
    """Connections are kept between calls, and one that was closed unasked is replaced by the client."""
    post(http)
    post(http)
    kept = chaos.count("connection")
    chaos.script(Chaos.CLOSE_AFTER_ANSWER, call=3)
    post(http)
    time.sleep(0.05)
    post(http)

    assert (kept, chaos.count("connection"), len(chaos.billed)) == (1, 2, 4)


def test_half_a_request_bills_nothing(chaos):
    """A body that never came whole is no job."""
    port = int(chaos.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(raw_post(length=1_000))
        sock.shutdown(socket.SHUT_WR)

        assert sock.recv(1) == b""
    assert (chaos.count("submit"), chaos.billed) == (1, ())


def test_stop_leaves_no_thread():
    """Hanging and dripping connections end with the server."""
    with ChaosServer(drip_s=60.0) as chaos:
        chaos.script(Chaos.HANG)
        chaos.script(Chaos.SLOW_DRIP, on="credits")
        port = int(chaos.base_url.rpartition(":")[2])
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        socks[0].sendall(raw_post())
        socks[1].sendall(b"GET /v1/get-user-credits HTTP/1.1\r\n\r\n")
        while len(chaos.calls) < 2:
            time.sleep(0.005)
        start = time.monotonic()
    for sock in socks:
        sock.close()

    assert time.monotonic() - start < 1
    assert "samframe-chaos" not in {thread.name for thread in threading.enumerate()}
