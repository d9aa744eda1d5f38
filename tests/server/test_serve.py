"""The server in the foreground, as the command line runs it."""

from __future__ import annotations

import signal
import subprocess
import sys

import httpx
import pytest

from samframe.errors import OptionError
from samframe.server import DrawnEngine, LocalServer, ServerConfig, serve

PROGRAM = (
    "from samframe.server import *\n"
    "serve(ServerConfig(engine=DrawnEngine()), port=0, announce=lambda text: print(text, flush=True))\n"
    "print('ended', flush=True)\n"
)


def test_serves_until_ctrl_c():
    """The banner names address, engine and what it is not; Ctrl-C ends it quietly."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        lines = [child.stdout.readline() for _ in range(4)]
        url = lines[0].split()[-1]
        status_code = httpx.get(f"{url}/v2/requests/x").status_code
        child.send_signal(signal.SIGINT)
        rest, errors = child.communicate(timeout=10)

    assert url.startswith("http://127.0.0.1:")
    assert "drawn/1: NOT SAM 2" in lines[1]
    assert f"SEGMIND_BASE_URL={url}" in lines[3]
    assert status_code == 401
    assert (rest, errors, child.returncode) == ("ended\n", "", 0)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - to be refused
        "::",
        "192.168.1.7",
        "example.org",
    ],
)
def test_address_for_others_asks_for_a_key(host):
    """Nothing but loopback is bound without a key."""
    with pytest.raises(OptionError, match="set an API key"):
        serve(ServerConfig(engine=DrawnEngine()), host=host, port=0)


def test_taken_port_is_told():
    """A taken port is an option that is wrong, with what to do."""
    with LocalServer(ServerConfig(engine=DrawnEngine())) as server:
        port = int(server.base_url.rpartition(":")[2])

        with pytest.raises(OptionError, match="choose another port"):
            serve(ServerConfig(engine=DrawnEngine()), port=port)
