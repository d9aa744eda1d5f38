"""A user's process: segments a frame of small images and says how it ended. Run by the tests, killed by some of them.

`python child_segment.py URL STORE ROWS [RETRY]`
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import samframe


def main() -> None:
    url, store, rows, *retry = sys.argv[1:]
    images = [np.full((16, 16, 3), number % 251, dtype=np.uint8) for number in range(int(rows))]
    frame = pd.DataFrame({"image": images, "prompt": [f"thing {number}" for number in range(int(rows))]})
    client = samframe.Client("SG_0123456789abcdef", base_url=url)
    _ = frame.sam  # imports are lazy: what is killed, or interrupted, is the run
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    out = frame.sam.segment(client=client, store=store, retry=retry, progress=False)
    sys.stdout.write(f"counts {out['status'].value_counts().to_dict()}\n")


if __name__ == "__main__":
    main()
