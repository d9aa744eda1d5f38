"""The suite's own rules: what SAMFRAME_REQUIRE_ALL does, and what tests find in their environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def run_suite(tmp_path):
    """Run a one-file suite under this suite's conftest and return its exit status."""

    def run(body: str, **environment: str) -> int:
        shutil.copy(Path(__file__).parent / "conftest.py", tmp_path)
        (tmp_path / "test_one.py").write_text(f"import pytest\n{body}\n")
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
        env = {name: value for name, value in os.environ.items() if name != "SAMFRAME_REQUIRE_ALL"}
        return subprocess.run(command, env=env | environment, capture_output=True, check=False).returncode

    return run


def test_skip_passes_on_a_bare_machine(run_suite):
    """Without SAMFRAME_REQUIRE_ALL a skipped test does no harm."""
    status = run_suite("def test_it(): pytest.skip('no such program')\ndef test_other(): pass")

    assert status == 0


def test_skip_fails_where_everything_is_required(run_suite):
    """With SAMFRAME_REQUIRE_ALL=1 a skipped test fails the run."""
    status = run_suite("def test_it(): pytest.skip('no such program')", SAMFRAME_REQUIRE_ALL="1")

    assert status == 1


def test_skipped_module_fails_where_everything_is_required(run_suite):
    """A module that skips itself as a whole fails the run too."""
    body = "pytest.importorskip('no_such_module')\ndef test_it(): pass"
    status = run_suite(f"{body}\n", SAMFRAME_REQUIRE_ALL="1")

    assert status == 1


def test_no_key_reaches_the_tests(run_suite):
    """A key or store of the user's is not there while tests run."""
    body = (
        "import os\ndef test_it():\n    assert 'SEGMIND_API_KEY' not in os.environ\n"
        "    assert os.environ['SAMFRAME_STORE'] != '/home/me/store'"
    )
    status = run_suite(body, SEGMIND_API_KEY="SG_0123456789abcdef", SAMFRAME_STORE="/home/me/store")

    assert status == 0


PLANTED = [
    "(tmp_path / 'run.log').write_text('a key: ' + KEY)",
    "(tmp_path / 'deep').mkdir(); (tmp_path / 'deep' / 'ledger.sqlite3').write_bytes(b'x' * 2_000_000 + KEY.encode())",
    "import pandas as pd; pd.DataFrame({'a': [KEY] * 9}).to_parquet(tmp_path / 'a.parquet', compression='zstd')",
    "print(KEY)",
    "import logging; logging.getLogger('httpx').warning('x-api-key: %s', KEY)",
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_key_in_any_output_fails_the_run(run_suite, plant):
    """A file, the end of a large one, a compressed table, printed text, a log: each is found."""
    key = "KEY = 'SG_' + '0123456789abcdef'"

    assert run_suite(f"{key}\ndef test_it(tmp_path): {plant}") == 1


def test_a_run_without_a_key_passes_the_scan(run_suite):
    """Another text of the same length is no key."""
    assert (
        run_suite("def test_it(tmp_path): (tmp_path / 'a.txt').write_text('SG_' + '0123456789abcdee')") == 0
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send there")
def test_programs_can_be_interrupted_where_the_suite_is_a_background_job(run_suite):
    """A shell starts its background jobs with SIGINT ignored, and that is inherited."""
    body = (
        "import signal, subprocess, sys\ndef test_it():\n    program = 'import signal; print(signal.getsignal(2))'\n"
        "    told = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True).stdout\n"
        "    assert 'default_int_handler' in told"
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = run_suite(body)
    finally:
        signal.signal(signal.SIGINT, before)

    assert status == 0
