"""Run lengths of one mask and of many small ones, from and to C order, beside pycocotools.

``python tests/benchmarks/bench_codec.py`` prints a Markdown table. pycocotools works on Fortran order, so what its
users do with an image in C order is counted: `np.asfortranarray` before, `np.ascontiguousarray` after.
"""

from __future__ import annotations

import warnings

import numpy as np
import pycocotools.mask as coco
import skimage.data
import skimage.transform
from _measure import Row, one_thread, side_by_side, table

from samframe.masks import decode, decode_batch, encode, encode_batch

one_thread()
warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' __array__ on numpy 2


def blob(side: int, seed: int = 0) -> np.ndarray:
    """Return one object with a wavy edge and a hole, about a fifth of a square picture, bool in C order."""
    random = np.random.default_rng(seed)
    y, x = (np.mgrid[:side, :side] - side / 2) / side
    angle, away = np.arctan2(y, x), np.hypot(x, y)
    edge = 0.27 + sum(
        random.uniform(-0.02, 0.02) * np.sin(k * angle + random.uniform(0, 6)) for k in (2, 3, 5, 8)
    )
    return (away < edge) & (np.hypot(x - 0.05, y) > 0.05)


def photograph(name: str, side: int) -> np.ndarray:
    """Return a photograph's pixels above its mean: large areas, ragged edges and specks."""
    picture = skimage.transform.resize(getattr(skimage.data, name)(), (side, side))
    gray = picture.reshape(side, side, -1).mean(axis=2)
    return gray > gray.mean()


def singles() -> list[tuple[str, np.ndarray, str, str]]:
    """Return (name, pixels, encode to reach, decode to reach)."""
    random = np.random.default_rng(0)
    return [
        ("256 x 256 object", blob(256), "", ""),
        ("1024 x 1024 object", blob(1024), ">= 6x", ">= 6x"),
        ("2048 x 2048 object", blob(2048), ">= 25x", ""),
        ("1024 x 1024 photograph (cat)", photograph("cat", 1024), ">= 0.8x", ">= 0.8x"),
        ("1024 x 1024 photograph (page)", photograph("page", 1024), ">= 0.8x", ">= 0.8x"),
        ("1024 x 1024 noise, half set", random.random((1024, 1024)) < 0.5, ">= 0.8x", ">= 0.8x"),
        ("1024 x 1024 noise, 2 % set", random.random((1024, 1024)) < 0.02, ">= 0.8x", ">= 0.8x"),
        (
            "1024 x 1024 rows on and off",
            np.arange(1024)[:, None] % 2 + np.zeros((1, 1024)) > 0,
            ">= 0.8x",
            ">= 0.8x",
        ),
        ("256 x 256 noise, half set", random.random((256, 256)) < 0.5, ">= 0.8x", ">= 0.8x"),
    ]


def coco_encode(pixels: np.ndarray) -> bytes:
    """Return pycocotools' counts of C-ordered pixels."""
    return coco.encode(np.asfortranarray(pixels))["counts"]


def coco_decode(rle: dict) -> np.ndarray:
    """Return pycocotools' pixels in C order."""
    return np.ascontiguousarray(coco.decode(rle))


def bench_single() -> tuple[list[Row], list[Row]]:
    """Encode and decode one mask at a time."""
    encoded, decoded = [], []
    for name, mask, encode_goal, decode_goal in singles():
        pixels = mask.view(np.uint8)
        counts = encode(pixels)
        rle = {"size": list(pixels.shape), "counts": counts}
        assert counts == coco_encode(pixels)
        assert np.array_equal(decode(counts, pixels.shape), coco_decode(rle))
        encoded.append(
            (name, *side_by_side(lambda p=pixels: encode(p), lambda p=pixels: coco_encode(p)), encode_goal)
        )
        decoded.append(
            (
                name,
                *side_by_side(
                    lambda r=rle, p=pixels: decode(r["counts"], p.shape), lambda r=rle: coco_decode(r)
                ),
                decode_goal,
            )
        )
    return encoded, decoded


def bench_batches() -> list[Row]:
    """Encode and decode stacks of small masks, an (n, H, W) array at a time."""
    rows: list[Row] = []
    for side, count, goal in ((64, 500, ""), (256, 100, ">= 1x")):
        stack = np.stack([blob(side, seed) for seed in range(count)]).view(np.uint8)
        counts = encode_batch(stack)
        dicts = [{"size": [side, side], "counts": one} for one in counts]

        def theirs_in(stack: np.ndarray = stack) -> list:
            return coco.encode(np.asfortranarray(np.moveaxis(stack, 0, 2)))

        def theirs_out(dicts: list = dicts) -> np.ndarray:
            return np.ascontiguousarray(np.moveaxis(coco.decode(dicts), 2, 0))

        what = f"{count} of {side} x {side}"
        rows.append((f"encode, {what}", *side_by_side(lambda s=stack: encode_batch(s), theirs_in), goal))
        rows.append(
            (
                f"decode, {what}",
                *side_by_side(lambda c=counts, n=side: decode_batch(c, (n, n)), theirs_out),
                "",
            )
        )
    return rows


def main() -> None:
    """Run all and print the tables."""
    encoded, decoded = bench_single()
    table("encode one mask, beside pycocotools", encoded)
    table("decode one mask, beside pycocotools", decoded)
    table("many small masks, beside pycocotools", bench_batches())


if __name__ == "__main__":
    main()
