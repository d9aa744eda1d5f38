"""Moving bytes: what was provably not sent, what is lost, and what is never read."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time

import pytest

from samframe.jobs.model.policy import Action, decide
from samframe.segmind import Call, CallError, Failure
from samframe.segmind.http import Response, load_library
from samframe.testing import Chaos

SUBMIT = "/v2/sam-v2-image"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_an_answer_comes_whole(chaos, library, helpers):
    """Status, headers and body of one exchange."""
    answer = helpers.exchange(chaos.base_url + SUBMIT, library=library)

    assert isinstance(answer, Response)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body.startswith(b"{")


def test_a_refused_port_means_not_sent(library, helpers):
    """Nobody listens: nothing left this machine."""
    error = helpers.exchange(f"http://127.0.0.1:{free_port()}{SUBMIT}", library=library)

    assert error.kind is Failure.NOT_SENT


def test_a_dead_name_means_not_sent(library, helpers):
    """No such host (the top-level domain `invalid` never resolves, RFC 2606)."""
    error = helpers.exchange(f"https://api.segmind.invalid{SUBMIT}", library=library)

    assert error.kind is Failure.NOT_SENT


def test_tls_to_a_port_of_plain_text_means_not_sent(serve, library, helpers):
    """The handshake fails before anything of the request is sent, and the key does not leave."""
    server = serve(lambda handler: (200, {}, b""))

    error = helpers.exchange(server.base_url.replace("http", "https") + SUBMIT, library=library)

    assert (error.kind, server.seen) == (Failure.NOT_SENT, [])


def test_a_certificate_of_nobody_means_not_sent(library, helpers, tmp_path):
    """A certificate that no authority signed is refused, whatever the environment."""
    context = make_self_signed(tmp_path)
    if context is None:
        pytest.skip("no openssl program to make a certificate with")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = []
        thread = threading.Thread(target=accept_tls, args=(listener, context, seen))
        thread.start()
        error = helpers.exchange(f"https://127.0.0.1:{listener.getsockname()[1]}{SUBMIT}", library=library)
        thread.join()

    assert error.kind is Failure.NOT_SENT
    assert seen == [b""]


def make_self_signed(folder):
    import shutil  # noqa: PLC0415 - one test only
    import subprocess  # noqa: PLC0415 - one test only

    if shutil.which("openssl") is None:
        return None
    paths = [str(folder / "key.pem"), str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", paths[0], "-out", paths[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1], paths[0])
    return context


def accept_tls(listener, context, seen):
    sock, _ = listener.accept()
    with sock:
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                seen.append(tls.recv(100))
        except OSError:
            seen.append(b"")


@pytest.mark.parametrize(
    "move",
    [
        Chaos.RESET_AFTER_BODY,
        Chaos.CLOSE_AFTER_BODY,
        Chaos.HALF_HEADERS,
        Chaos.HALF_ANSWER,
        Chaos.HALF_ANSWER_RESET,
        Chaos.LONG_LENGTH,
        Chaos.BROKEN_CHUNKS,
        Chaos.GARBAGE,
        Chaos.GZIP_BOMB,
    ],
)
def test_a_submit_that_was_read_is_never_told_as_not_sent(chaos, library, helpers, move):
    """The job is billed: whatever comes back, the submit is in doubt, and never repeated."""
    chaos.script(move)

    error = helpers.exchange(chaos.base_url + SUBMIT, library=library)

    assert isinstance(error, CallError)
    assert decide(Call.SUBMIT, error.kind, tries=1) is Action.DOUBT
    assert len(chaos.billed) == 1


def test_a_reset_before_the_body_is_read_is_told_with_care(chaos, library, helpers):
    """A small body may be on its way when the reset comes: both readings are right, an answer is not."""
    chaos.script(Chaos.RESET_AFTER_HEADERS)

    error = helpers.exchange(chaos.base_url + SUBMIT, library=library)

    assert error.kind in {Failure.LOST, Failure.NOT_SENT}
    assert chaos.billed == ()


def test_a_connection_cut_in_the_middle_of_a_large_body_is_not_taken_for_an_answer(library, helpers):
    """The server reads half of 32 MB and resets: it never had the job."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=read_some_then_reset, args=(listener, 1 << 20))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{SUBMIT}"
        error = helpers.exchange(url, library=library, content=b"x" * (32 << 20))
        thread.join()

    assert error.kind in {Failure.LOST, Failure.NOT_SENT}


def test_a_body_that_is_never_read_is_not_sent(library, helpers):
    """The server takes the connection and reads nothing: at the deadline the body has not left whole."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{SUBMIT}"
        error = helpers.exchange(url, library=library, content=b"x" * (32 << 20), deadline_s=0.5)

    assert error.kind is Failure.NOT_SENT


def read_some_then_reset(listener, length):
    import struct  # noqa: PLC0415 - one test only

    sock, _ = listener.accept()
    with sock:
        while length > 0 and (part := sock.recv(65_536)):
            length -= len(part)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_short_content_length_gives_half_a_body(chaos, library, helpers):
    """What is beyond the length is not read, and the next call is not answered by the rest of this one."""
    chaos.script(Chaos.SHORT_LENGTH, call=1)

    first, second = helpers.exchange(chaos.base_url + SUBMIT, library=library, times=2)

    assert isinstance(first, CallError) or not first.body.endswith(b"}")
    assert isinstance(second, CallError) or (second.status == 200 and second.body.endswith(b"}"))


def test_a_dripping_body_ends_at_the_total_deadline(chaos, library, helpers):
    """Each byte comes in time, the whole does not."""
    chaos.script(Chaos.SLOW_DRIP)
    start = time.monotonic()

    error = helpers.exchange(chaos.base_url + SUBMIT, library=library, deadline_s=2.0)

    assert error.kind is Failure.LOST
    assert time.monotonic() - start < 20


def test_silence_ends_at_the_deadline(chaos, library, helpers):
    """The request was read, and nothing ever comes."""
    chaos.script(Chaos.HANG)

    error = helpers.exchange(chaos.base_url + SUBMIT, library=library, deadline_s=3.0)

    assert error.kind is Failure.LOST


def test_a_call_after_one_that_was_cut_off_goes_through(chaos, library, helpers):
    """A deadline in the middle of an exchange takes no place that a later call needs."""
    for call in (1, 2, 3):
        chaos.script(Chaos.HANG, on="credits", call=call)
    url = chaos.base_url + "/v1/get-user-credits"

    results = helpers.exchange(url, library=library, method="GET", times=5, deadline_s=2.0)

    assert [isinstance(result, Response) for result in results] == [False] * 3 + [True] * 2


def test_a_gzip_answer_is_refused(serve, library, helpers):
    """None was asked for, so none can swell."""
    server = serve(lambda handler: (200, {"content-encoding": "gzip"}, gzip.compress(b"{}")))

    error = helpers.exchange(server.base_url, library=library, method="GET")

    assert (error.kind, "compressed" in str(error)) == (Failure.ENCODED, True)
    assert server.seen[0][1]["accept-encoding"] == "identity"


def test_a_long_answer_is_cut(chaos, library, helpers):
    """A body beyond the limit is not read to its end."""
    chaos.script(Chaos.HUGE_JSON)

    error = helpers.exchange(chaos.base_url + SUBMIT, library=library, max_bytes=1 << 20)

    assert (error.kind, "longer" in str(error)) == (Failure.REFUSED_BYTES, True)


def test_a_redirect_is_told_and_not_followed(make_chaos, library, helpers):
    """The key stays with the host it was meant for."""
    elsewhere = make_chaos()
    chaos = make_chaos(elsewhere=elsewhere.base_url)
    chaos.script(Chaos.REDIRECT)

    answer = helpers.exchange(chaos.base_url + SUBMIT, library=library)

    assert answer.status == 307
    assert elsewhere.calls == ()


def test_a_call_without_the_key_sends_none(chaos, library, helpers):
    """Outputs are public: the key is added where it is asked for only."""
    url = chaos.base_url + "/v1/get-user-credits"
    helpers.exchange(url, library=library, method="GET", with_key=True)
    helpers.exchange(url, library=library, method="GET", with_key=False)

    assert [call.has_key for call in chaos.calls] == [True, False]


def test_a_key_is_not_left_on_a_connection(chaos, library, helpers):
    """A client that was used with the key sends none on a call that does not ask for it."""
    import asyncio  # noqa: PLC0415 - one test only

    from samframe.segmind import ApiKey, HttpTransport  # noqa: PLC0415 - one test only

    async def main():
        transport = HttpTransport(ApiKey(helpers.KEY, strict=False), library=library, trust_env=False)
        url = chaos.base_url + "/v1/get-user-credits"
        for with_key in (True, False, True):
            await transport.send("GET", url, with_key=with_key, deadline_s=5, max_bytes=1 << 20)
        await transport.aclose()

    asyncio.run(main())

    assert [call.has_key for call in chaos.calls] == [True, False, True]
    assert chaos.count("connection") == 1


def test_a_closed_idle_connection_is_not_a_lost_submit(chaos, library, helpers):
    """A server that closes after its answer: the next submit goes over a new connection, and is billed once."""
    chaos.script(Chaos.CLOSE_AFTER_ANSWER, call=1)

    # A POST that crosses the news of the close is lost, whoever sends it: the news has the time to come.
    results = helpers.exchange(chaos.base_url + SUBMIT, library=library, times=2, pause_s=0.5)

    assert [type(result) for result in results] == [Response, Response]
    assert len(chaos.billed) == 2


def test_a_proxy_that_refuses_has_not_sent_the_job(serve, library, helpers, monkeypatch):
    """A proxy answers 403 to CONNECT: that was a request of its own, without the job in it and without the key."""
    proxy = serve(lambda handler: (403, {}, b"no"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy.base_url)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    error = helpers.exchange(f"https://api.segmind.invalid{SUBMIT}", library=library, trust_env=True)

    assert error.kind is Failure.NOT_SENT
    assert [path for path, _, _ in proxy.seen] == ["api.segmind.invalid:443"]
    assert "x-api-key" not in {name.lower() for name in proxy.seen[0][1]}


def test_a_proxy_is_told_the_whole_url(serve, library, helpers, monkeypatch):
    """A call in plain text goes through the proxy of the environment, unless its host is excepted."""
    proxy, server = (serve(lambda handler: (200, {}, b"{}")) for _ in range(2))
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy.base_url)
    url = server.base_url + "/v2/requests/x?page=1"

    through = helpers.exchange(url, library=library, method="GET", trust_env=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    past = helpers.exchange(url, library=library, method="GET", trust_env=True)

    assert (through.status, past.status) == (200, 200)
    assert [path for path, _, _ in proxy.seen] == [url]
    assert [path for path, _, _ in server.seen] == ["/v2/requests/x?page=1"]


@pytest.mark.parametrize(
    "rest",
    [
        "/v2/requests/0f8b1f0e-6a3e/status",
        "/a.png?x=1&y=%2F",
        "/a b.png",
        "/%zz?x=%",
        "/bücher/ü.png?q=ä",
        "/a/../b/./c",
        "/a#part",
        '/"<>^`{|}',
        "?x=1",
        "",
    ],
)
def test_a_url_arrives_as_a_client_of_the_library_sends_it(serve, library, helpers, rest):
    """Paths and queries that are given as they are, and those that must be escaped or cut."""
    server = serve(lambda handler: (200, {}, b"{}"))

    with library.Client(trust_env=False) as client:
        client.get(server.base_url + rest)
    helpers.exchange(server.base_url + rest, library=library, method="GET")

    (expected, sent), hosts = zip(*((path, headers["Host"]) for path, headers, _ in server.seen), strict=True)
    assert sent == expected
    assert hosts[0] == hosts[1]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://[::1", "http://a b/", "http:///x", "", "nonsense"]
)
def test_a_url_that_is_none_is_a_call_error(library, helpers, url):
    """Whatever reaches the transport, it raises CallError alone, and never tells a job as sent."""
    error = helpers.exchange(url, library=library)

    assert error.kind is Failure.NOT_SENT


def test_the_quicker_library_is_taken_where_it_is():
    """httpx2 is preferred, httpx is what is always there."""
    assert load_library().__name__ == "httpx2"
    assert load_library("httpx").__name__ == "httpx"
