"""Small pictures and masks of their size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from PIL import Image

from samframe.masks import Mask

H, W = 60, 80


def disk(x, y, radius, size_hw=(H, W)):
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    return Mask.from_numpy((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def picture(path, seed=0, size_hw=(H, W), exif=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8))
    options = {} if exif is None else {"exif": exif}
    coarse.resize(size_hw[::-1], Image.Resampling.NEAREST).save(path, **options)
    return path


def size_of(path):
    with Image.open(path) as opened:
        return opened.size


def frame_of(folder, given):
    """A frame of disks with holes and parts; some rows are empty."""
    paths = [str(picture(folder / "pictures" / f"{at}.png", at)) for at in range(3)]
    records = []
    for image, prompt, shapes in given:
        mask = Mask.from_numpy(np.zeros((H, W)))
        for x, y, radius, hole in shapes:
            mask |= disk(x, y, radius) - disk(x, y, radius // 2 if hole else 0)
        records.append((paths[image], prompt, mask))
    df = pd.DataFrame(records, columns=["image", "prompt", "mask"])
    return df.astype({"mask": "mask"})


def positives(frame, label="label"):
    """What a frame says of each image, as a set: image stem, label, mask."""
    found = frame[frame["mask"].sam.area > 0]
    stems = found["image"].map(lambda cell: str(cell).replace("\\", "/").rsplit("/", 1)[-1].split(".")[0])
    return sorted(zip(stems, found[label].astype(str), found["mask"].map(str), strict=True))
