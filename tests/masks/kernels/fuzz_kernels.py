"""Feeds strings of any kind to all that reads a mask, in a process of its own: ``fuzz_kernels.py [COUNT [SEED]]``."""

import contextlib
import sys

import numpy as np

from samframe import Mask
from samframe.errors import MaskError
from samframe.masks import MaskArray, decode, decode_batch
from samframe.masks.kernels import in_use

SIZES = [
    (0, 0),
    (0, 7),
    (1, 1),
    (3, 5),
    (16, 9),
    (200, 300),
    (2**16, 2**15),
    (2**16, 2**16),
    (2**31 - 1, 2**17),
]


def strings(rng: np.random.Generator, n: int) -> list[bytes]:
    """Return strings: any bytes, COCO's characters, whole numbers, sound masks, and sound masks spoilt."""
    made = []
    for kind in rng.integers(0, 6, n).tolist():
        length = int(rng.integers(0, 24))
        if kind == 0:
            text = rng.integers(0, 256, length, dtype=np.uint8)
        elif kind == 1:
            text = rng.integers(48, 112, length, dtype=np.uint8)
        elif kind == 2:
            text = np.append(rng.integers(80, 112, length, dtype=np.uint8), 48)
        else:
            text = np.frombuffer(SOUND[int(rng.integers(len(SOUND)))], dtype=np.uint8).copy()
            if kind > 3 and len(text):
                text[rng.integers(len(text))] = rng.integers(0, 256)
            if kind > 4:
                text = text[: rng.integers(len(text) + 1)] if length % 2 else np.tile(text, 2)
        made.append(text.tobytes())
    return made


def use(counts: bytes, size_hw: tuple[int, int]) -> bool:
    """Read a mask and ask all of it that a small one can be asked; say whether it was one."""
    try:
        mask = Mask(counts, size_hw)
    except MaskError:
        return False
    assert mask == Mask(mask.counts, size_hw)
    if mask.size_hw[0] * mask.size_hw[1] <= 1 << 16:
        assert int(mask.to_numpy().sum()) == mask.area == int(decode(counts, size_hw).sum())
        assert sum(part.area for part in mask.components()) == mask.area
        assert Mask.from_numpy(mask.to_numpy()) == mask
        assert decode_batch([counts], size_hw)[0].sum() == mask.area
    return True


def use_column(some: list[bytes], size_hw: tuple[int, int]) -> None:
    """Read masks as a column, which refuses them all where one is none."""
    with contextlib.suppress(MaskError):
        MaskArray._from_sequence([{"size": list(size_hw), "counts": text} for text in some])


SOUND = [
    Mask.from_numpy(np.random.default_rng(seed).random(size) < share).counts
    for seed, size in enumerate([(3, 5), (16, 9), (1, 1), (200, 300)])
    for share in (0.0, 0.02, 0.5, 1.0)
]


def main() -> None:
    """Run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    sound = 0
    for done in range(0, count, 1000):
        texts = strings(rng, min(1000, count - done))
        places = rng.integers(0, len(SIZES), len(texts)).tolist()
        sound += sum(use(text, SIZES[at]) for text, at in zip(texts, places, strict=True))
        use_column(texts[:50], SIZES[places[0]])
    sys.stdout.write(f"{count} strings, {sound} of them masks, kernels: {in_use()}\n")


if __name__ == "__main__":
    main()
