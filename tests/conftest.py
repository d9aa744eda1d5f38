"""For every test: no key, no store of the user's, no display; and where everything is there, no skip."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: pandas' own suite skips what does not apply to a dtype: that is no lack of this machine.
_SKIPS_BY_NATURE = ("tests/masks/test_extension_suite.py",)

_store = ""

# `--hypothesis-profile=full`: for the tests that look for more examples where they are given the time.
settings.register_profile("full", deadline=None)
# The same, content with the first failure as it is found.
settings.register_profile("hunt", deadline=None, phases=[Phase.explicit, Phase.generate])


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before any module is imported; programs that tests start inherit it."""
    global _store  # noqa: PLW0603 - pytest's hooks share nothing else
    _store = tempfile.mkdtemp(prefix="samframe-tests-")
    os.environ["SAMFRAME_STORE"] = _store
    os.environ["MPLBACKEND"] = "Agg"
    for name in ("SEGMIND_API_KEY", "SEGMIND_BASE_URL"):
        os.environ.pop(name, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_store, ignore_errors=True)


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


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With SAMFRAME_REQUIRE_ALL=1, a test that was skipped is a failure."""
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
