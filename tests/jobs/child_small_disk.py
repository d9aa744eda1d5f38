"""A user's process on a disk that is full beyond so many bytes a file, or on one it may not write to.

`python child_small_disk.py URL STORE BYTES`: 0 bytes stands for a user who may not write. Run by the tests.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

import numpy as np
import pandas as pd

import samframe


def main() -> None:
    url, store, limit = sys.argv[1:]
    images = [np.full((16, 16, 3), number, dtype=np.uint8) for number in range(6)]
    frame = pd.DataFrame({"image": images, "prompt": [f"thing {number}" for number in range(6)]})
    _ = frame.sam  # imported now: another user may not read this one's Python
    client = samframe.Client("SG_0123456789abcdef", base_url=url)
    if int(limit):
        # Without the signal a write beyond the limit fails with EFBIG, as it does with ENOSPC on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    elif os.getuid() == 0:
        os.setuid(65534)
    try:
        out = frame.sam.segment(client=client, store=store, progress=False)
    except samframe.SamframeError as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        out = error.frame
    sys.stdout.write(f"statuses {out['status'].tolist()}\n")


if __name__ == "__main__":
    main()
