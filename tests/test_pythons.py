"""Which Pythons are supported is said alike everywhere, and make takes the newest of them that works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKE = shutil.which("make")
#: What stands for a Python: it answers as this one does, and makes no environment but a folder.
PYTHON = f"""#!/bin/sh
case "$1" in -m) mkdir -p "$3/bin"; exit ;; esac
exec {sys.executable} "$@"
"""
#: What pyenv leaves for a version that is installed and not chosen.
SHIM = """#!/bin/sh
echo "pyenv: command not found" >&2
exit 127
"""
#: A Python that lacks a module which an environment needs, as Debian's may.
LACKS_VENV = """#!/bin/sh
echo "ModuleNotFoundError: No module named 'ensurepip'" >&2
exit 1
"""


def supported() -> list[str]:
    """Return what the Makefile lists, newest first."""
    found = re.search(r"^SUPPORTED := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].split()


def test_the_pythons_are_the_same_everywhere():
    """Makefile, classifiers, the oldest that pip takes, the types' and the linter's target, the workflow's lanes."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, versions = settings["project"], sorted(supported(), key=_number)
    prefix = "Programming Language :: Python :: 3."
    classified = [name.rpartition(" ")[2] for name in project["classifiers"] if name.startswith(prefix)]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")

    assert classified == versions
    assert project["requires-python"] == f">={versions[0]}"
    assert settings["tool"]["mypy"]["python_version"] == versions[0]
    assert settings["tool"]["ruff"]["target-version"] == f"py{versions[0].replace('.', '')}"
    assert f"python: {versions}".replace("'", '"') in workflow


@pytest.fixture
def make(tmp_path):
    """Run ``make .venv`` where only these Pythons can be found; return its exit status and what it said."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "mkdir"):
        (folder / name).symlink_to(shutil.which(name))

    def run(pythons, *options):
        for name, text in pythons.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        target = tmp_path / "venv"
        done = subprocess.run(
            [MAKE, f"VENV={target}", *options, f"{target}/bin/python"],
            cwd=ROOT,
            env={**_without_make(), "PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


needs_make = pytest.mark.skipif(MAKE is None or sys.platform == "win32", reason="make and sh are not there")


@needs_make
@pytest.mark.parametrize("broken", [SHIM, LACKS_VENV])
def test_make_takes_the_newest_that_works(make, broken):
    """Names that do not run, or cannot make an environment, are passed over; the one that is taken is named."""
    code, told = make({"python3.14": broken, "python3.13": PYTHON, "python3.12": PYTHON, "python3": PYTHON})

    assert code == 0
    assert f"with python3.13, Python {sys.version.split()[0]}" in told


@needs_make
def test_make_passes_over_what_is_too_new(make):
    """A python3 of a version that is not supported yet is not taken; what is needed is said."""
    code, told = make({"python3": PYTHON}, "SUPPORTED=3.9 3.8")

    assert code != 0
    assert "samframe needs Python 3.8 to 3.9" in told


@needs_make
def test_make_takes_what_it_is_told(make):
    """PYTHON= is taken whatever else there is."""
    code, told = make({"python3.14": PYTHON, "mine": PYTHON}, "PYTHON=mine")

    assert code == 0
    assert "with mine, Python" in told


@needs_make
def test_an_environment_that_is_there_stays(make, tmp_path):
    """It is neither made anew nor looked for a Python again."""
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").write_text("")

    code, told = make({})

    assert code == 0
    assert "making" not in told


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _without_make() -> dict[str, str]:
    """Return the environment without what an outer make has told its children."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))
    }
