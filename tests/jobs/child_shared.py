"""One of several processes of a shared run: `python child_shared.py URL STORE FIRST LAST NAME [RATE [MAX_COST]]`."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import samframe


def main() -> None:
    url, store, first, last, name, *limits = sys.argv[1:]
    numbers = range(int(first), int(last))
    images = [np.full((16, 16, 3), number % 251, dtype=np.uint8) for number in numbers]
    frame = pd.DataFrame({"image": images, "prompt": [f"thing {number}" for number in numbers]})
    options = dict(zip(("rate_limit", "max_cost"), map(float, limits), strict=False))
    client = samframe.Client("SG_0123456789abcdef", base_url=url)
    out = frame.sam.segment(client=client, store=store, shared=name, progress=False, **options)
    sys.stdout.write(f"counts {out['status'].value_counts().to_dict()}\n")


if __name__ == "__main__":
    main()
