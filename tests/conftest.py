"""For every test: no key, no store of the user's, no display; no key left anywhere; and where asked for, no skip."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: pandas' own suite skips what does not apply to a dtype: that is no lack of this machine.
_SKIPS_BY_NATURE = ("tests/masks/test_extension_suite.py",)

#: The keys that tests use, in two parts, as this file is itself copied about.
_KEYS = tuple("SG_" + digits for digits in ("0123456789abcdef", "feedfacecafebeef"))
#: Sources hold the keys by nature; everything else that a test leaves is an output.
_SOURCES = frozenset({".py", ".pyc"})
_SMALL_TABLE = 5 * 2**20

_store = ""
_leaks: list[str] = []

# `--hypothesis-profile=full`: for the tests that look for more examples where they are given the time.
settings.register_profile("full", deadline=None)
# The same, content with the first failure as it is found.
settings.register_profile("hunt", deadline=None, phases=[Phase.explicit, Phase.generate])
# An example has no deadline of its own, which a machine with other work would miss. A test has one, pytest-timeout's.
if settings.get_current_profile_name() == "default":
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before any module is imported; programs that tests start inherit it."""
    global _store  # noqa: PLW0603 - pytest's hooks share nothing else
    # A worker's store lies in the controller's, which scans and removes both.
    _store = tempfile.mkdtemp(
        prefix="samframe-tests-", dir=os.environ.get("SAMFRAME_STORE") if _is_worker(config) else None
    )
    os.environ["SAMFRAME_STORE"] = _store
    os.environ["MPLBACKEND"] = "Agg"
    for name in ("SEGMIND_API_KEY", "SEGMIND_BASE_URL"):
        os.environ.pop(name, None)
    # A shell's background job ignores Ctrl-C, and so would the programs that tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if not _is_worker(config):
        shutil.rmtree(_store, ignore_errors=True)


def _is_worker(config: pytest.Config) -> bool:
    """Say whether this is a process of pytest-xdist that runs tests for another."""
    return hasattr(config, "workerinput")


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Undo what a test, or a library it imports, does to the environment that samframe reads."""
    names = ("SAMFRAME_STORE", "SEGMIND_API_KEY", "SEGMIND_BASE_URL")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look for a key in what a test printed and logged."""
    for name, text in report.sections:
        if any(key in text for key in _KEYS):
            _leaks.append(f"{report.nodeid}: {name}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A key in any output, and with SAMFRAME_REQUIRE_ALL=1 a test that was skipped, is a failure."""
    if _is_worker(session.config):
        return
    _fail_for_keys(session)
    _fail_for_skips(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell where the time went: seconds of all workers together, by folder."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds["/".join(report.nodeid.split("::")[0].split("/")[:2])] += report.duration
    told = [f"{folder} {spent:.0f} s" for folder, spent in seconds.most_common(12) if spent >= 1]
    if told:
        terminalreporter.write_line(f"\nwhere the time went: {', '.join(told)}")


def _fail_for_keys(session: pytest.Session) -> None:
    """Scan the ledgers, artifacts, tables, notebooks and logs that the tests have left, and fail for any hit."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    folders = [Path(_store), *([factory.getbasetemp()] if factory is not None else [])]
    files = [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    _leaks.extend(str(path) for path in files if path.suffix not in _SOURCES and _has_key(path))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and _leaks:
        reporter.write_line("")
        reporter.write_line(f"the key is in {len(_leaks)} outputs:", red=True)
        for leak in _leaks:
            reporter.write_line(f"  {leak}", red=True)
    elif reporter is not None:
        reporter.write_line(f"\n{len(files):,} files and all printed output scanned for the key: 0 hits")
    if _leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _has_key(path: Path) -> bool:
    keys = [key.encode() for key in _KEYS]
    tail = b""
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                if any(key in tail + part for key in keys):
                    return True
                tail = part[-64:]
    except OSError:  # a test took the right to read it away
        return False
    return path.suffix == ".parquet" and _has_key_inside(path)


def _has_key_inside(path: Path) -> bool:
    """Return whether a key is in a Parquet file's cells, which are compressed, or its metadata."""
    import pyarrow as pa  # noqa: PLC0415 - only where there is such a file
    import pyarrow.parquet as pq  # noqa: PLC0415

    if path.stat().st_size > _SMALL_TABLE:
        return False
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError):  # a test spoilt it
        return False
    text = f"{table.schema.metadata} {table.to_pydict()}"
    return any(key in text for key in _KEYS)


def _fail_for_skips(session: pytest.Session) -> None:
    if os.environ.get("SAMFRAME_REQUIRE_ALL") != "1":
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [
        report.nodeid
        for report in (reporter.stats.get("skipped", []) if reporter is not None else [])
        if not report.nodeid.startswith(_SKIPS_BY_NATURE)
    ]
    if skipped and reporter is not None:
        reporter.write_line("")
        reporter.write_line(f"SAMFRAME_REQUIRE_ALL=1, and {len(skipped)} skipped:", red=True)
        for nodeid in skipped:
            reporter.write_line(f"  {nodeid}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
