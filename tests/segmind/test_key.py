"""The key is in no repr, no pickle, no log and no traceback, and goes to no other host."""

from __future__ import annotations

import asyncio
import copy
import importlib
import io
import logging
import pickle
import socket

import pytest

from samframe.errors import AuthenticationError, OptionError
from samframe.segmind import ApiKey, CallError, Client, encode_body
from samframe.testing import Chaos

SECRET = "SG_feedfacecafebeef"  # noqa: S105 - a key of nobody
BODY = {"image": "https://x/a.png", "prompt": "boy", "overlay_mask": False, "base64": False}


@pytest.mark.parametrize("key", [SECRET, f" {SECRET}\n", "SG_ABCDEF0123456789", "SG_" + "a1" * 20])
def test_keys_of_segminds_form_are_taken(key):
    """SG_ and hex digits, longer ones too; white space from copying is dropped."""
    assert ApiKey(key, strict=True).reveal() == key.strip()


@pytest.mark.parametrize("key", ["", "  ", "\n"])
def test_no_key_says_how_to_get_one(key):
    """An empty key is none."""
    with pytest.raises(AuthenticationError, match=r"cloud\.segmind\.com.*offline"):
        ApiKey(key, strict=True)


def test_no_key_in_the_environment_says_how_to_get_one(monkeypatch):
    """A newcomer without a key learns how to try offline."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)

    with pytest.raises(AuthenticationError, match=r"SEGMIND_API_KEY.*offline"):
        Client()


BAD_KEYS = [
    "sk-feedfacecafebeef0123456789",
    "SG-feedfacecafebeef",
    "SG_feed",
    "Bearer SG_feedfacecafebeef",
    "SG_feedface\ncafebeef",
    "SG_feedface\r\nx-evil: 1",
    "SG_feedface\x00cafebeef",
    "SG_feedfacecafeb\u00e9ef",
    "SG_feedface cafebeef",
    "\u200bSG_feedfacecafebeef",
    "SG_" + "f" * 500,
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key, helpers):
    """Another vendor's key, or one that breaks a header, is not sent, and not printed either."""
    caught = refuse(key)

    assert isinstance(caught, OptionError)
    assert key not in helpers.everything_in(caught)
    assert "feedface" not in helpers.everything_in(caught)


def refuse(key):
    """Return the exception, raised from a frame that does not hold the key in a variable of its own."""
    holder = iter([key])
    del key
    try:
        Client(next(holder))
    except OptionError as error:
        # The frame of this test is the user's own, and not what is looked at.
        return error.with_traceback(error.__traceback__.tb_next)
    return None


@pytest.mark.parametrize("options", [{"base_url": "http://x"}, {"rate_limit": 0}, {"allowed_hosts": "x"}])
def test_another_wrong_option_does_not_show_the_key(options, helpers):
    """The frames of Client let go of the key whatever the exception."""
    holder = iter([SECRET])
    with pytest.raises(OptionError) as caught:
        Client(next(holder), **options)
    error = caught.value.with_traceback(caught.value.__traceback__.tb_next)

    assert SECRET not in helpers.everything_in(error)


@pytest.mark.parametrize("key", [b"SG_feedfacecafebeef", 17, object()])
def test_a_key_that_is_no_text_is_refused(key):
    """bytes, a number, anything."""
    with pytest.raises(OptionError, match="text"):
        Client(key)


def test_the_key_prints_as_stars():
    """repr, str and format of the key and of the client."""
    client = Client(SECRET)
    shown = f"{client.key} {client.key!r} {client} {client!r} {vars(client)} {[client]}"

    assert "feedface" not in shown
    assert "***" in shown


def test_the_key_is_not_pickled():
    """Neither alone nor within a client; a copy is a pickle in memory."""
    client = Client(SECRET)
    for value in (client, client.key):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="SEGMIND_API_KEY"):
                pickle.dumps(value, protocol)
        with pytest.raises(TypeError, match="SEGMIND_API_KEY"):
            copy.deepcopy(value)


def test_fingerprints_tell_keys_apart():
    """16 hex digits, salted, and not the key."""
    one, other = (ApiKey(key, strict=True).fingerprint(b"salt") for key in (SECRET, "SG_0123456789abcdef"))

    assert one != other
    assert (
        one
        == ApiKey(SECRET, strict=True).fingerprint(b"salt")
        != ApiKey(SECRET, strict=True).fingerprint(b"pepper")
    )
    assert len(one) == 16


@pytest.fixture(params=["httpx", "httpx2"])
def http_library(request):
    return importlib.import_module(request.param)


@pytest.fixture
def log():
    """Everything that any logger writes, at DEBUG, also through a handler of each HTTP library's own."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = ["", "httpx", "httpx2", "httpcore", "httpcore2", "httpcore.http11", "httpcore2.http11", "asyncio"]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield stream
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
        logger.removeHandler(handler)


def call(base_url, library, *, work):
    async def main():
        async with Client(SECRET, base_url=base_url).connect(library=library) as api:
            return await work(api)

    return asyncio.run(main())


def submit_error(base_url, library):
    """Return the error of a submit."""
    try:
        call(base_url, library, work=lambda api: api.submit(encode_body(BODY)))
    except CallError as error:
        return error
    return None


MOVES = [
    Chaos.RESET_AFTER_HEADERS,
    Chaos.RESET_AFTER_BODY,
    Chaos.HALF_HEADERS,
    Chaos.HALF_ANSWER,
    Chaos.LONG_LENGTH,
    Chaos.BROKEN_CHUNKS,
    Chaos.GARBAGE,
    Chaos.GZIP_BOMB,
    Chaos.HUGE_JSON,
    Chaos.BAD_GATEWAY,
    Chaos.HTML_OK,
    Chaos.WRONG_VERB,
    Chaos.DEEP_JSON,
    Chaos.REDIRECT,
    Chaos.ODD_ID,
    Chaos.RESET_ON_CONNECT,
]


@pytest.mark.parametrize("move", MOVES)
def test_no_failure_shows_the_key(chaos, http_library, helpers, log, move):
    """The variables of every frame of every exception, contexts included, and the log at DEBUG."""
    chaos.script(move, on="connection" if move is Chaos.RESET_ON_CONNECT else "submit")

    error = submit_error(chaos.base_url, http_library)

    assert error is not None
    assert "feedface" not in helpers.everything_in(error)
    assert "feedface" not in log.getvalue()


def test_a_failure_to_connect_shows_no_key(http_library, helpers, log):
    """Refused before anything was sent."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    error = submit_error(f"http://127.0.0.1:{port}", http_library)

    assert "feedface" not in helpers.everything_in(error) + log.getvalue()


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 406, 422, 500, 503])
def test_a_key_that_the_server_repeats_is_not_passed_on(serve, http_library, helpers, log, status):
    """Some servers quote the key in their 401, or in any header: neither reaches an error, a log or a ledger."""

    def answer(handler):
        key = handler.headers["x-api-key"]
        return helpers.answer_json({"error": f"Invalid API key {key}", "id": key}, status, **{"x-echo": key})

    server = serve(answer)
    error = submit_error(server.base_url, http_library)

    assert server.seen[0][1]["x-api-key"] == SECRET
    assert "feedface" not in helpers.everything_in(error)
    assert "feedface" not in log.getvalue()


def test_a_result_that_repeats_the_key_is_kept_without_it(serve, http_library, helpers):
    """The whole result goes to the ledger, the key does not."""
    server = serve(
        lambda handler: helpers.answer_json(
            {"status": "COMPLETED", "output": "u", "note": handler.headers["x-api-key"]}
        )
    )

    answer = call(
        server.base_url, http_library, work=lambda api: api.result("0f8b1f0e-6a3e-4c8e-9d3a-1b2c3d4e5f60")
    )

    assert "feedface" not in answer.raw
    assert "***" in answer.raw


def test_the_log_filter_keeps_other_records(log):
    """Only the key is replaced; a record without it goes through as it is."""
    from samframe.segmind.key import hide_in_logs  # noqa: PLC0415 - one test only

    hide_in_logs(ApiKey(SECRET, strict=True))
    hide_in_logs(ApiKey(SECRET, strict=True))
    logging.getLogger("httpcore").debug("sent %r to %s", SECRET, "host")
    logging.getLogger("httpx").info("GET %s", "https://host/a.png")

    assert "sent '***' to host" in log.getvalue()
    assert "GET https://host/a.png" in log.getvalue()


def test_the_key_goes_to_no_other_host(make_chaos, http_library):
    """An output, a status_url and a redirect of another host: the first is fetched without the key, the rest never."""
    other = make_chaos()
    chaos = make_chaos(elsewhere=other.base_url)
    chaos.script(Chaos.FOREIGN_URLS, on="submit")
    chaos.script(Chaos.FOREIGN_URLS, on="status")
    chaos.script(Chaos.FOREIGN_URLS, on="result")
    chaos.script(Chaos.REDIRECT, on="credits")

    async def work(api):
        request_id = await api.submit(encode_body(BODY))
        await api.status(request_id)
        output = (await api.result(request_id)).output
        data = await api.download(output)
        with pytest.raises(CallError):
            await api.credits()
        return data

    data = call(chaos.base_url, http_library, work=work)

    assert data[:4] == b"\x89PNG"
    assert [(call.endpoint, call.has_key) for call in other.calls] == [("output", False)]
    assert all(call.has_key for call in chaos.calls)
