"""Eight seeded mistakes in a copy of the engine: the state machine must find each of them, and nothing in the original.

`python tests/mutants/run.py`: up to 400 examples of 15 steps for each, until the first that fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _patches import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]


def make_copy(folder: Path, mutant: Mutant | None) -> None:
    """Copy the package and its state machine, and put the mistake in.

    Raises
    ------
    ValueError
        If a text to replace does not stand exactly once in its file: the mutant must be brought up to date.
    """
    shutil.copytree(ROOT / "samframe", folder / "samframe", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "jobs", folder / "tests" / "jobs")
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for swap in mutant.swaps if mutant is not None else ():
        path = folder / swap.file
        text = path.read_text(encoding="utf-8")
        if text.count(swap.old) != 1:
            raise ValueError(f"{mutant.name}: {swap.file} has {text.count(swap.old)} of\n{swap.old}")
        path.write_text(text.replace(swap.old, swap.new), encoding="utf-8")


def machine_fails(folder: Path) -> tuple[bool, str]:
    """Run the state machine on the copy; return whether it failed, and what it said last."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
        "tests/jobs/engine/test_state_machine.py", "--hypothesis-profile=hunt",
    ]  # fmt: skip
    # Ahead of the installed package, so that the copy is what is imported.
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    where = "import samframe; print(samframe.__file__)"
    imported = subprocess.run(
        [sys.executable, "-c", where], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
    if not imported.startswith(str(folder)):
        raise RuntimeError(f"the copy is not what is imported, but {imported}")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
    words = re.findall(r"^E +(\w+: .+)$", done.stdout, flags=re.MULTILINE)
    return done.returncode == 1, words[0][:90] if words else ""


def main() -> int:
    """Return 0 where every mistake was found and the original passed."""
    wrong = 0
    print("| mutant | caught | seconds | by |\n| --- | --- | --- | --- |")
    for mutant in (None, *MUTANTS):
        with tempfile.TemporaryDirectory() as name:
            make_copy(Path(name), mutant)
            started = time.monotonic()
            failed, words = machine_fails(Path(name))
        wrong += failed is (mutant is None)
        label = mutant.name if mutant is not None else "none: the engine as it is"
        print(
            f"| {label} | {'yes' if failed else 'no'} | {time.monotonic() - started:.0f} | {words} |",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
