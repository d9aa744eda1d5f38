"""A user's process that segments a dataset: `python child_dataset.py URL STORE SOURCE OUT BATCH_ROWS`."""

from __future__ import annotations

import sys

import samframe


def main() -> None:
    url, store, source, out, batch_rows = sys.argv[1:]
    client = samframe.Client("SG_0123456789abcdef", base_url=url)
    run = samframe.segment_dataset(
        source, out=out, batch_rows=int(batch_rows), client=client, store=store, progress=False
    )
    sys.stdout.write(f"parts {run.parts_written} {run.parts_kept}\n")


if __name__ == "__main__":
    main()
