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
    """Run a one-file suite under this suite's conftest and return how it ended."""

    def run(body: str, **environment: str) -> subprocess.CompletedProcess[str]:
        shutil.copy(Path(__file__).parent / "conftest.py", tmp_path)
        (tmp_path / "test_one.py").write_text(f"import pytest\n{body}\n")
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
        env = {name: value for name, value in os.environ.items() if name != "SAMFRAME_REQUIRE_ALL"}
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to start than the suite to run
        return subprocess.run(command, env=env | environment, capture_output=True, text=True, check=False)

    return run


def test_skip_passes_on_a_bare_machine(run_suite):
    """Without SAMFRAME_REQUIRE_ALL a skipped test does no harm."""
    ended = run_suite("def test_it(): pytest.skip('no such program')\ndef test_other(): pass")

    assert ended.returncode == 0


def test_skip_fails_where_everything_is_required(run_suite):
    """With SAMFRAME_REQUIRE_ALL=1 a skipped test fails the run."""
    ended = run_suite("def test_it(): pytest.skip('no such program')", SAMFRAME_REQUIRE_ALL="1")

    assert ended.returncode == 1


def test_skipped_module_fails_where_everything_is_required(run_suite):
    """A module that skips itself as a whole fails the run too."""
    body = "pytest.importorskip('no_such_module')\ndef test_it(): pass"
    ended = run_suite(f"{body}\n", SAMFRAME_REQUIRE_ALL="1")

    assert ended.returncode == 1


def test_no_key_reaches_the_tests(run_suite):
    """A key or store of the user's is not there while tests run."""
    body = (
        "import os\ndef test_it():\n    assert 'SEGMIND_API_KEY' not in os.environ\n"
        "    assert os.environ['SAMFRAME_STORE'] != '/home/me/store'"
    )
    ended = run_suite(body, SEGMIND_API_KEY="SG_0123456789abcdef", SAMFRAME_STORE="/home/me/store")

    assert ended.returncode == 0


def test_a_key_in_any_output_fails_the_run(run_suite):
    """A file, the end of a large one, a compressed table, printed text, a log: each is found, and named."""
    ended = run_suite("""
KEY = 'SG_' + '0123456789abcdef'
def test_file(tmp_path):
    (tmp_path / 'run.log').write_text('a key: ' + KEY)
def test_deep(tmp_path):
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'ledger.sqlite3').write_bytes(b'x' * 2_000_000 + KEY.encode())
def test_table(tmp_path):
    import pandas as pd
    pd.DataFrame({'a': [KEY] * 9}).to_parquet(tmp_path / 'a.parquet', compression='zstd')
def test_printed():
    print(KEY)
def test_logged():
    import logging
    logging.getLogger('httpx').warning('x-api-key: %s', KEY)
""")

    assert ended.returncode == 1
    assert "5 passed" in ended.stdout
    assert "the key is in" in ended.stdout
    for place in ("run.log", "ledger.sqlite3", "a.parquet", "test_printed: ", "test_logged: "):
        assert place in ended.stdout


def test_a_run_without_a_key_passes_the_scan(run_suite):
    """Another text of the same length is no key."""
    ended = run_suite("def test_it(tmp_path): (tmp_path / 'a.txt').write_text('SG_' + '0123456789abcdee')")

    assert ended.returncode == 0


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
        ended = run_suite(body)
    finally:
        signal.signal(signal.SIGINT, before)

    assert ended.returncode == 0
