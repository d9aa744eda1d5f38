"""A user's process that exports, over and over, until it is killed. Run by the tests.

Reads lines ``FOLDER SEED`` from stdin, and for each forks a process of its own: it writes its number, then two frames
by turns into the folder. ``FOLDER SEED LIMIT`` exports one frame, no file larger than the limit, and says how it ended.
``FOLDER SEED FORMAT`` writes training sets by turns, of the pictures in ``photos`` beside the folder. An empty line is
answered by ``ready`` once the process of the line before has ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask


def make_frame(seed: int, rows: int = 120) -> pd.DataFrame:
    """Return a frame that its seed tells apart; half of its masks are those of every other seed."""
    common, own = np.random.default_rng(0), np.random.default_rng(seed)
    sources = [common if row % 2 else own for row in range(rows)]
    masks = [Mask.from_numpy(source.random((40, 50)) < 0.3) for source in sources]
    return pd.DataFrame(
        {
            "image": [f"photos/{row}.jpg" for row in range(rows)],
            "prompt": [f"thing {row}" for row in range(rows)],
            "mask": pd.array(masks, dtype="mask"),
            "seed": seed,
        }
    )


WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "huggingface": samframe.to_huggingface,
    "semantic": samframe.to_semantic,
}


def export(folder: str, seed: int, kind: str = "dataset") -> None:
    if kind == "dataset":
        samframe.to_parquet(make_frame(seed), folder, rows_per_file=16)
        return
    photos = Path(folder).with_name("photos")
    photos.mkdir(exist_ok=True)
    frame = make_frame(seed, rows=24)
    for row in range(6):
        if not (photos / f"{row}.png").exists():
            rs = np.random.RandomState(row)
            Image.fromarray(rs.randint(0, 255, (40, 50, 3), dtype=np.uint8)).save(photos / f"{row}.png")
    frame["image"] = [str(photos / f"{row % 6}.png") for row in range(len(frame))]
    WRITERS[kind](frame, folder, split={"train": 0.7, "val": 0.3}, **{"min_iou": 0} if kind == "yolo" else {})


def export_by_turns(folder: str, seed: int, kind: str = "dataset") -> None:
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    while True:
        for step in (0, 1):
            with contextlib.suppress(OptionError):  # another process writes there
                export(folder, seed + step, kind)


def export_limited(folder: str, seed: int, limit: int) -> None:
    import resource  # noqa: PLC0415 - not everywhere

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        export(folder, seed)
        words = "done"
    except OSError as error:
        words = f"{type(error).__name__} {error.errno}"
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        if not line.strip():  # read only when the last one has ended
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            continue
        folder, seed, *further = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                if further and further[0].isdigit():
                    export_limited(folder, int(seed), int(further[0]))
                else:
                    export_by_turns(folder, int(seed), *further)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
