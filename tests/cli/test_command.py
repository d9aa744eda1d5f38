"""The command around its parts: help, version, credits, and how it is started and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import samframe as package
from samframe import read_parquet
from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig

KEY = "SG_0123456789abcdef"


def test_version(samframe):
    """``--version`` prints the package's version."""
    assert samframe("--version").out == f"samframe {package.__version__}\n"


def test_no_command_is_wrong_usage(samframe):
    """Without a command the status is 2."""
    assert samframe().status == 2


@pytest.mark.parametrize("command", ["demo", "segment", "serve", "credits", "ledger"])
def test_every_command_has_help(samframe, command):
    """Every command says what it does and with what status it ends, or how it is stopped."""
    ran = samframe(command, "--help")

    assert ran.status == 0
    assert "exit status" in ran.out or "Ctrl-C" in ran.out


def test_help_fits_a_terminal(samframe):
    """No line of the help's own text is wider than 120 characters."""
    text = samframe("--help").out + samframe("segment", "--help").out

    assert max(map(len, text.splitlines())) <= 120


def test_there_is_no_option_for_the_key(samframe):
    """A key on the command line would be in the list of processes."""
    assert samframe("segment", "t.csv", "--out", "o", "--api-key", KEY).status == 2


def test_credits(samframe, service):
    """``credits`` prints the balance."""
    ran = samframe("credits")

    assert ran.status == 0
    assert "$1.50" in ran.out


def test_credits_without_a_key(samframe):
    """Without a key, ``credits`` ends with 3 and says what is missing."""
    ran = samframe("credits")

    assert ran.status == 3
    assert "SEGMIND_API_KEY" in ran.err


def test_credits_with_a_refused_key(samframe, service):
    """A refused key ends with 3 and one line."""
    service.script(Fault.UNAUTHORIZED_401, on="credits", times=None)
    ran = samframe("credits")

    assert (ran.status, ran.err.count("\n")) == (3, 1)


def test_serve_needs_a_key_where_others_can_reach_it(samframe):
    """An address beyond loopback is not bound without SAMFRAME_SERVE_KEY."""
    ran = samframe("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - that is what is refused

    assert ran.status == 2
    assert "SAMFRAME_SERVE_KEY" in ran.err


@pytest.mark.parametrize(
    "arguments", [("--port", "70000"), ("--workers", "0"), ("--latency", "-1"), ("--price", "x")]
)
def test_serve_refuses_nonsense(samframe, arguments):
    """Ports, counts and amounts out of range are wrong usage."""
    assert samframe("serve", *arguments).status == 2


def test_module_is_the_command():
    """``python -m samframe`` is the same command."""
    done = subprocess.run(
        [sys.executable, "-m", "samframe", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"samframe {package.__version__}\n"


def test_serve_serves_until_interrupted(tmp_path):
    """``serve`` prints where it listens, answers there, and ends with 0 on Ctrl-C."""
    command = [sys.executable, "-m", "samframe", "serve", "--port", "0", "--credits", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().split()[-1]
            env = os.environ | {"SEGMIND_API_KEY": KEY, "SEGMIND_BASE_URL": base_url}
            asked = subprocess.run(
                [sys.executable, "-m", "samframe", "credits"],
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            server.send_signal(signal.SIGINT)

    assert "$3.00" in asked.stdout, asked.stderr
    assert server.returncode == 0


def test_interrupt_keeps_rows_and_goes_on(photos, tmp_path):
    """Ctrl-C ends with 130, writes the rows so far, and the same command again pays for no job twice."""
    table, out = photos / "table.csv", tmp_path / "masks.parquet"
    pd.DataFrame({"image": ["a.png"] * 6, "prompt": list("uvwxyz")}).to_csv(table, index=False)
    with LocalServer(ServerConfig(engine=DrawnEngine(), workers=1, latency_s=0.4)) as server:
        env = os.environ | {"SEGMIND_API_KEY": KEY, "SEGMIND_BASE_URL": server.base_url}
        command = [
            sys.executable, "-m", "samframe", "segment", str(table), "--out", str(out), "--store", str(tmp_path / "s"),
        ]  # fmt: skip
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as first:
            deadline = time.monotonic() + 30
            while server.counters.accepted < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            first.send_signal(signal.SIGINT)
            said = first.stderr.read() if first.stderr is not None else ""
        partial = read_parquet(out)
        second = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        accepted = server.counters.accepted

    assert (first.returncode, len(partial)) == (130, 6), said
    assert "Traceback" not in said
    assert (second.returncode, accepted) == (0, 6), second.stderr


def test_output_of_a_poor_encoding_is_no_trouble(tmp_path):
    """Where the terminal's encoding lacks a letter, its escape is printed: the run ends as it should."""
    ran = subprocess.run(
        [sys.executable, "-m", "samframe", "demo", "--rows", "1", "--out", str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert b"\\u201c" in ran.stdout
