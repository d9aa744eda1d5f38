"""What ``import samframe`` costs beside ``import pandas, pyarrow``: CPU seconds of fresh processes, in turn."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

STATEMENTS = (
    "import pandas, pyarrow",
    "import samframe",
    "import samframe, pandas as pd; pd.DataFrame().sam",
)


def cpu_s(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int = 9) -> None:
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for statement in STATEMENTS:  # bytecode is written
        cpu_s(statement)
    for _ in range(rounds):
        for statement in STATEMENTS:
            times[statement].append(cpu_s(statement))
    medians = {statement: statistics.median(found) for statement, found in times.items()}
    base = medians[STATEMENTS[0]]
    print("| statement | CPU s, median of 9 | beside pandas and pyarrow |\n| --- | --- | --- |")
    for statement, median in medians.items():
        print(f"| `{statement}` | {median:.2f} | {median / base:.2f} |")


if __name__ == "__main__":
    main()
