"""How many of pandas' own tests of an extension array the mask dtype passes, for each pandas.

``python tests/benchmarks/count_extension_suite.py [python ...]`` runs `tests/masks/test_extension_suite.py` with each
interpreter, by default this one and that of `.venv-pandas22`, and prints a Markdown table.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = "tests/masks/test_extension_suite.py"


def count(python: str) -> list[str]:
    """Return an interpreter's version of pandas, and how many tests passed, were skipped, xfailed and failed."""
    version = subprocess.run(
        [python, "-c", "import pandas; print(pandas.__version__)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", SUITE]
    last = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()[
        -1
    ]
    found = {name: number for number, name in re.findall(r"(\d+) (\w+)", last)}
    return [version, *(found.get(name, "0") for name in ("passed", "skipped", "xfailed", "failed"))]


def main() -> None:
    """Run the suite with all interpreters and print the table."""
    pythons = sys.argv[1:] or [sys.executable, str(ROOT / ".venv-pandas22/bin/python")]
    print("\n| pandas | passed | skipped | expected to fail | failed |\n| --- | --- | --- | --- | --- |")
    for python in pythons:
        print("| " + " | ".join(count(python)) + " |")


if __name__ == "__main__":
    main()
