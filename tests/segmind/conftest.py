"""Servers that misbehave, one transport a library, and a look into everything an exception holds."""

from __future__ import annotations

import asyncio
import http.server
import importlib
import json
import threading
import traceback
from contextlib import ExitStack, contextmanager

import pytest

from samframe.segmind import ApiKey, CallError, HttpTransport
from samframe.testing import ChaosServer

KEY = "SG_feedfacecafebeef"


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    """Both of the libraries that a connection may be made with."""
    return importlib.import_module(request.param)


@pytest.fixture
def make_chaos():
    """Start a raw-socket server with options of ChaosServer."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(ChaosServer(**{"drip_s": 0.05, "bomb_mib": 8} | options))


@pytest.fixture
def chaos(make_chaos):
    return make_chaos()


@pytest.fixture
def serve():
    """Serve fixed answers: a callable gets the handler, whose `seen` list keeps every request's path and headers."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(_serving(answer))


@contextmanager
def _serving(answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            self.server.seen.append((self.path, dict(self.headers), body))
            status, headers, content = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_CONNECT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []
    server.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer_json(content, status=200, **headers):
    """An answer for `serve`."""
    return status, {"content-type": "application/json", **headers}, json.dumps(content).encode()


def exchange(url, *, library, key=KEY, times=1, pause_s=0.0, method="POST", trust_env=False, **options):
    """Send and return the answers and errors, in order; the first alone if one was asked for. Pauses before each."""
    options = {
        "content": b'{"image": "x"}',
        "with_key": True,
        "deadline_s": 5.0,
        "max_bytes": 1 << 20,
    } | options
    if method == "GET":
        options["content"] = None

    async def main():
        transport = HttpTransport(ApiKey(key, strict=False), library=library, trust_env=trust_env)
        try:
            return [await _one(transport, method, url, options, pause_s) for _ in range(times)]
        finally:
            await transport.aclose()

    results = asyncio.run(main())
    return results[0] if times == 1 else results


async def _one(transport, method, url, options, pause_s):
    await asyncio.sleep(pause_s)
    try:
        return await transport.send(method, url, **options)
    except CallError as error:
        return error


def everything_in(error, seen=None):
    """Return all that a debugger can print of an exception: texts, variables of its frames, and of its contexts."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return ""
    seen.add(id(error))
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    inside = [everything_in(inner, seen) for inner in (error.__cause__, error.__context__)]
    return "\n".join([shown, repr(error), repr(error.args), repr(vars(error)), *inside])


@pytest.fixture
def helpers():
    """The functions above, for tests that cannot import this file."""

    class Helpers:
        pass

    Helpers.exchange = staticmethod(exchange)
    Helpers.everything_in = staticmethod(everything_in)
    Helpers.answer_json = staticmethod(answer_json)
    Helpers.KEY = KEY
    return Helpers
