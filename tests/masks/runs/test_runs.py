"""Arithmetic on many masks at once, against dense numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.masks import runs as _runs
from samframe.masks.rle.codec import toggles_from_array
from samframe.masks.rle.paint import paint_toggles
from samframe.masks.runs import matrix as _matrix
from samframe.masks.runs import toggles as _toggles


def draw_masks(random: np.random.Generator, n_masks: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Return masks of mixed kinds, (n, H, W): boxes, discs with holes, noise, none, all."""
    y, x = np.ogrid[: size_hw[0], : size_hw[1]]
    out = np.zeros((n_masks, *size_hw), dtype=bool)
    for mask in out:
        middle = random.random(2) * size_hw
        away = np.hypot(y - middle[0], x - middle[1])
        match int(random.integers(0, 6)):
            case 0:
                mask[:] = random.random(size_hw) < random.choice([0.02, 0.5, 0.98])
            case 1:
                mask[:] = random.random() < 0.5
            case 2:
                mask[:, random.random(size_hw[1]) < 0.5] = True
            case _:
                mask[:] = (away < random.uniform(1, 20)) & (away > random.uniform(-10, 10))
    return out


def pool_of(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return toggles of many masks and their offsets."""
    parts = [toggles_from_array(mask) for mask in masks]
    return np.concatenate([np.empty(0, np.int32), *parts]), np.cumsum([0, *(part.size for part in parts)])


@pytest.fixture(params=["whole", "in small parts"])
def _chunked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in small parts":
        monkeypatch.setattr(_toggles, "_CHUNK", 24)
        monkeypatch.setattr(_matrix, "_BLOCK_CELLS", 40)
        monkeypatch.setattr(_matrix, "_TABLE_CELLS", 90)


@pytest.mark.usefixtures("_chunked")
@pytest.mark.parametrize("seed", range(30))
def test_measures_of_many_masks_are_those_of_each(seed):
    """Areas, boxes and centroids of a pool, empty masks among them."""
    random = np.random.default_rng(seed)
    size = tuple(random.integers(1, 50, 2))
    masks = draw_masks(random, int(random.integers(0, 12)), size)
    pool, offsets = pool_of(masks)
    boxes = _runs.bboxes(pool, offsets, size)
    centres = _runs.centroids(pool, offsets, size)

    assert _runs.areas(pool, offsets).tolist() == masks.sum(axis=(1, 2)).tolist()
    for mask, box, centre in zip(masks, boxes.tolist(), centres, strict=True):
        ys, xs = np.nonzero(mask)
        assert box == ([xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1] if xs.size else [0] * 4)
        assert np.allclose(centre, (xs.mean(), ys.mean()) if xs.size else np.nan, equal_nan=True)


@pytest.mark.usefixtures("_chunked")
@pytest.mark.parametrize("seed", range(30))
def test_shared_pixels_are_those_of_dense_products(seed):
    """The matrix and the pairs agree with the product of flattened masks; noise takes another road to the same."""
    random = np.random.default_rng(seed)
    size = tuple(random.integers(1, 50, 2).tolist())
    a, b = draw_masks(random, 9, size), draw_masks(random, 9, size)
    dense = a.reshape(9, -1).astype(int) @ b.reshape(9, -1).astype(int).T

    assert np.array_equal(_runs.intersection_matrix(*pool_of(a), *pool_of(b), size), dense)
    assert np.array_equal(_runs.paired_intersection(*pool_of(a), *pool_of(b)), np.diag(dense))


@given(st.integers(0, 2**32), st.integers(1, 20))
@settings(deadline=None)
def test_unions_and_intersections_of_many(seed, n_masks):
    """Any number of masks at once, touching spans joined."""
    masks = draw_masks(np.random.default_rng(seed), n_masks, (17, 13))
    toggles = [toggles_from_array(mask) for mask in masks]
    union, common, odd = _runs.union_runs(toggles), _runs.intersection_runs(toggles), _runs.xor_runs(toggles)

    assert np.array_equal(union, toggles_from_array(masks.any(axis=0)))
    assert np.array_equal(common, toggles_from_array(masks.all(axis=0)))
    assert np.array_equal(paint_toggles(odd, (17, 13)), masks.sum(axis=0) % 2 == 1)


def test_boxes_of_masks_of_several_sizes():
    """Each mask is measured by its own height."""
    masks = [np.eye(size, size + 3, 2, dtype=bool) for size in (3, 8, 5)]
    parts = [toggles_from_array(mask) for mask in masks]
    pool, offsets = np.concatenate(parts), np.cumsum([0, *(part.size for part in parts)])
    boxes = _runs.bboxes(pool, offsets, [mask.shape for mask in masks])

    assert boxes.tolist() == [[2, 0, 3, 3], [2, 0, 8, 8], [2, 0, 5, 5]]


def test_gathering_takes_masks_in_any_order():
    """Repeats and reorderings keep each mask's toggles together."""
    pool, offsets = pool_of(draw_masks(np.random.default_rng(3), 6, (20, 20)))
    taken, bounds = _runs.gather(pool, offsets, np.array([5, 0, 5]))

    assert [taken[a:b].tolist() for a, b in itertools.pairwise(bounds)] == [
        pool[offsets[i] : offsets[i + 1]].tolist() for i in (5, 0, 5)
    ]
