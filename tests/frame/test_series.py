"""Series.sam: measures, comparisons and conversions of mask columns against numpy and pycocotools."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from samframe.errors import MaskError
from samframe.frame.groups import combine_groups
from samframe.frame.series import SeriesSam
from samframe.masks import Mask

coco = pytest.importorskip("pycocotools.mask")

SIZE_HW = (24, 17)
STACKS = hnp.arrays(bool, st.tuples(st.integers(1, 8), st.just(SIZE_HW[0]), st.just(SIZE_HW[1])))


def _series(stack, **kwargs):
    return pd.Series([Mask.from_numpy(plane) for plane in stack], dtype="mask", **kwargs)


def _rle(stack):
    return [coco.encode(np.asfortranarray(plane, dtype=np.uint8)) for plane in stack]


@pytest.fixture
def stack():
    rng = np.random.default_rng(0)
    planes = [rng.random(SIZE_HW) < density for density in (0.02, 0.3, 0.5, 0.97)]
    return np.stack([*planes, np.zeros(SIZE_HW, dtype=bool), np.ones(SIZE_HW, dtype=bool)])


@pytest.fixture
def series(stack):
    """Six masks under text labels, then a missing one."""
    masks = _series(stack, index=list("abcdef"), name="mask")
    return pd.concat([masks, pd.Series([None], index=["g"], dtype="mask", name="mask")])


def test_accessor_is_for_masks_only():
    """On other columns the attribute does not exist, as pandas asks of accessors."""
    assert not hasattr(pd.Series([1, 2]), "sam")
    assert isinstance(pd.Series([None], dtype="mask").sam, SeriesSam)


@settings(max_examples=50)
@given(STACKS)
def test_area_and_box_match_pycocotools(stack):
    """Areas and boxes are those of pycocotools, pixel for pixel."""
    sam = _series(stack).sam

    assert sam.area.tolist() == coco.area(_rle(stack)).tolist()
    filled = sam.area > 0
    assert (
        sam.bbox_xywh[filled].to_numpy(int).tolist() == coco.toBbox(_rle(stack)).astype(int)[filled].tolist()
    )


@settings(max_examples=50)
@given(STACKS, st.randoms(use_true_random=False))
def test_iou_matches_pycocotools(stack, random):
    """IoU by pair and of all with all is that of pycocotools."""
    order = list(range(len(stack)))
    random.shuffle(order)
    left, right = _series(stack), _series(stack[order])
    expected = coco.iou(_rle(stack), _rle(stack[order]), [0] * len(stack))

    assert np.allclose(left.sam.iou(right.array).to_numpy(float), np.diag(expected), atol=1e-12)
    assert np.allclose(left.sam.iou_matrix(right).to_numpy(), expected, atol=1e-12)


@settings(max_examples=50)
@given(STACKS)
def test_union_intersection_and_centroid_match_numpy(stack):
    """Union, intersection and centroid are what numpy finds in the pixels."""
    sam = _series(stack).sam

    assert (sam.union().to_numpy() == stack.any(axis=0)).all()
    assert (sam.intersection().to_numpy() == stack.all(axis=0)).all()
    for plane, (x, y) in zip(stack, sam.centroid.to_numpy(dtype=float, na_value=np.nan), strict=True):
        rows, columns = np.nonzero(plane)
        expected = (columns.mean(), rows.mean()) if len(rows) else (np.nan, np.nan)
        assert np.allclose((x, y), expected, equal_nan=True)


def test_measures_are_nullable_and_keep_the_index(series):
    """Where a mask is missing, so are its measures; labels and names stay."""
    sam = series.sam

    for result, dtype in ((sam.area, "Int64"), (sam.is_empty, "boolean"), (sam.border_touch, "boolean")):
        assert result.dtype == dtype
        assert result.index.equals(series.index)
        assert result.isna().tolist() == [False] * 6 + [True]
    assert (sam.bbox_xywh.dtypes == "Int64").all()
    assert (sam.centroid.dtypes == "Float64").all()


def test_is_empty_and_border_touch(series):
    """An empty mask touches nothing; a full one touches the edge; one inside does not."""
    inside = np.zeros(SIZE_HW, dtype=bool)
    inside[3:7, 3:7] = True

    assert series.sam.is_empty.tolist()[4:] == [True, False, pd.NA]
    assert series.sam.border_touch.tolist()[4:] == [False, True, pd.NA]
    assert _series(
        [inside, inside[3:], inside[:, 3:], inside[:7], inside[:, :7]]
    ).sam.border_touch.tolist() == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_iou_aligns_on_the_index(series):
    """Columns meet by label, as in pandas' arithmetic."""
    backwards = series[::-1]

    result = series.sam.iou(backwards)

    assert result.dtype == "Float64"
    assert result.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, pd.NA]


def test_iou_with_one_mask(series):
    """One mask is compared with all."""
    result = series.sam.iou(series["b"])

    assert result["b"] == 1.0
    assert result.index.equals(series.index)


def test_iou_matrix_is_labelled(series):
    """Rows and columns carry the labels; a missing mask gives NaN."""
    matrix = series.sam.iou_matrix(series.iloc[:2])

    assert matrix.shape == (7, 2)
    assert matrix.loc["a", "a"] == 1.0
    assert matrix.loc["g"].isna().all()


@pytest.mark.parametrize(("size_hw", "side"), [((40, 50), 30), ((600, 900), 500), ((600, 900), 40)])
def test_iou_matrix_of_crowded_and_scattered_masks(size_hw, side):
    """Small pictures, large ones full of masks and large ones with few overlaps give what pycocotools gives."""
    rng = np.random.default_rng(0)
    stack = np.zeros((20, *size_hw), dtype=bool)
    for plane in stack[:-1]:
        y, x = (int(rng.integers(0, full - side + 1)) for full in size_hw)
        plane[y : y + side, x : x + side] = rng.random((side, side)) < 0.9
    expected = coco.iou(_rle(stack), _rle(stack), [0] * 20)

    itself = _series(stack).sam.iou_matrix()
    other = _series(stack).sam.iou_matrix(_series(stack))

    assert np.allclose(itself, expected, atol=1e-12)
    assert np.allclose(other, expected, atol=1e-12)


def test_iou_of_other_sizes_is_refused(series):
    """Masks of different sizes are not compared; the message names the element and the way out."""
    small = pd.Series([Mask.from_numpy(np.ones((2, 2)))] * 7, index=series.index, dtype="mask")

    with pytest.raises(MaskError, match=r"element 0 .*resize"):
        series.sam.iou(small)
    with pytest.raises(MaskError, match="one size"):
        series.sam.iou_matrix(small)
    with pytest.raises(MaskError, match="one size"):
        pd.concat([series, small]).sam.union()


def test_lengths_must_match(series):
    """An array of another length is refused."""
    with pytest.raises(MaskError, match="Lengths"):
        series.sam.iou(series.array[:2])


def test_union_passes_missing_masks_over(series):
    """Missing masks do not count; a column of nothing but missing masks has no union."""
    assert series.sam.union() == series["f"]
    assert series.iloc[6:].sam.union() is pd.NA
    assert series.iloc[:0].sam.intersection() is pd.NA


def test_union_and_intersection_of_each_group(series):
    """A groupby gives the accessor each group; the result is a mask column."""
    groups = series.groupby([1, 1, 2, 2, 2, 3, 4])

    union = groups.agg(lambda masks: masks.sam.union())
    shared = groups.agg(lambda masks: masks.sam.intersection())

    assert (union.dtype, shared.dtype) == ("mask", "mask")
    assert union[1] == series["a"] | series["b"]
    assert shared[2] == series["e"]
    assert union[4] is pd.NA


@pytest.mark.parametrize("name", ["union", "intersection"])
def test_groups_all_at_once_as_one_by_one(name):
    """`by` gives what pandas' own aggregation gives: images of several sizes, missing and empty masks, large groups."""
    rng = np.random.default_rng(5)
    n_rows, masks = 600, []
    images = rng.integers(0, 40, n_rows)
    for image in images:
        pixels = rng.random((3 + image % 4, 5)) < (0.0, 0.3, 0.9, 1.0)[int(rng.integers(0, 4))]
        masks.append(None if rng.random() < 0.1 else Mask.from_numpy(pixels))
    series = pd.Series(masks, dtype="mask", index=np.arange(n_rows) // 2, name="m")
    keys = pd.Series([f"{image}.png" for image in images], index=series.index, name="image")
    expected = series.groupby(keys).agg(lambda group: getattr(group.sam, name)())

    pd.testing.assert_series_equal(getattr(series.sam, name)(by=keys), expected.astype("mask"))


def test_groups_are_pandas_own(series):
    """Several keys, a level, a category without rows and a missing key: index and order are those of groupby."""
    keys = [1, 1, 2, 2, 2, 3, 4]
    parts = pd.Categorical(["x", "y", "y", None, "x", "x", "y"], categories=["z", "y", "x"])
    levels = pd.Series(series.array, index=pd.MultiIndex.from_arrays([keys, range(7)], names=["image", "n"]))

    for by in (keys, parts, [keys, parts]):
        groups = series.groupby(by, observed=True)
        pd.testing.assert_series_equal(
            series.sam.union(by=by), groups.agg(lambda masks: masks.sam.union()).astype("mask")
        )
    assert levels.sam.union(by=levels.index.get_level_values("image"))[1] == series["a"] | series["b"]


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("dropna", [True, False])
@pytest.mark.parametrize("by", ["k", ["k", "j"], ["k", "n"], ["n", "j"]])
@pytest.mark.parametrize("observed", [True, False])
def test_categories_without_rows_are_groups(series, by, observed, sort, dropna):
    """With unused categories, in any order, each mask is beside its own key, and a group without rows is NA."""
    df = pd.DataFrame(
        {
            "mask": series.array,
            "k": pd.Categorical(["y", "z", None, "z", "y", "y", "z"], categories=["x", "y", "z"]),
            "j": pd.Categorical(["a", "b", "b", "a", "b", None, "b"], categories=["c", "b", "a"]),
            "n": [2, 1, 1, 2, 1, 2, 1],
        }
    )
    groups = df.groupby(by, observed=observed, sort=sort, dropna=dropna)["mask"]
    expected = groups.agg(lambda masks: masks.sam.union() if len(masks) else pd.NA).astype("mask")

    pd.testing.assert_series_equal(combine_groups(groups, of_all=False), expected)


def test_groups_of_missing_masks_only(series):
    """A group without a mask is NA; a column without rows has no groups."""
    assert series.sam.union(by=[1, 1, 2, 2, 2, 3, 4]).isna().tolist() == [False, False, False, True]
    assert len(series.iloc[:0].sam.intersection(by=[])) == 0
    assert series.iloc[6:].sam.union(by=[0]).isna().all()


def test_a_group_of_two_sizes_is_refused(series):
    """The message names both elements; other groups may be of other sizes."""
    small = pd.Series([Mask.from_numpy(np.ones((2, 2)))] * 2, dtype="mask")
    both = pd.concat([series, small], ignore_index=True)

    assert both.sam.union(by=[0] * 7 + [1, 1])[1] == small[0]
    with pytest.raises(MaskError, match=r"element 8 has \(2, 2\), element 0 of its group"):
        both.sam.union(by=[0] * 7 + [1, 0])


def test_sort_by_a_measure(series):
    """A measure is a sort key."""
    ordered = series.sort_values(key=lambda masks: masks.sam.area)

    assert ordered.index.tolist() == ["e", "a", "b", "c", "d", "f", "g"]


def test_stack_of_pixels(series, stack):
    """All pixels as one array, C order, all False where missing."""
    pixels = series.sam.to_numpy()

    assert pixels.flags.c_contiguous
    assert (pixels[:6] == stack).all()
    assert not pixels[6].any()


def test_stack_needs_one_size(series):
    """A stack of different sizes, or of nothing, needs to be told its size."""
    mixed = pd.concat([series, pd.Series([Mask.from_numpy(np.ones((2, 2)))], dtype="mask")])

    with pytest.raises(MaskError, match="one size"):
        mixed.sam.to_numpy()
    with pytest.raises(MaskError, match="size_hw"):
        series.iloc[6:].sam.to_numpy()
    assert series.iloc[6:].sam.to_numpy(size_hw=(2, 3)).shape == (1, 2, 3)


def test_stack_resizes_to_a_given_size(series):
    """With a size every mask is brought to it."""
    mixed = pd.concat([series, pd.Series([Mask.from_numpy(np.ones((2, 2)))], dtype="mask")])

    pixels = mixed.sam.to_numpy(size_hw=(10, 12))

    assert pixels.shape == (8, 10, 12)
    assert pixels[7].all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools on numpy 2
def test_coco_dicts_are_pycocotools_own(series, stack):
    """The dicts decode with pycocotools to the same pixels; None where missing."""
    dicts = series.sam.to_coco()

    assert (coco.decode(dicts["b"]) == stack[1]).all()
    assert dicts["g"] is None


def test_png_bytes(series, stack):
    """The PNGs hold the pixels as 0 and 255."""
    images = series.sam.to_png()

    assert (np.asarray(Image.open(io.BytesIO(images["b"]))) == stack[1] * 255).all()
    assert images["g"] is None


def test_resize(series):
    """Resized masks are masks of the new size, under the same labels."""
    small = series.sam.resize((12, 8))

    assert small.dtype == "mask"
    assert small.index.equals(series.index)
    assert small["f"].to_numpy().all()
    assert small["f"].size_hw == (12, 8)
    assert small["g"] is pd.NA


def test_components_explode_as_pandas_does():
    """One row for each part; a missing or empty mask keeps one row, NA."""
    two = np.zeros(SIZE_HW, dtype=bool)
    two[1:3, 1:3] = two[10:14, 8:12] = True
    series = _series([two, np.zeros(SIZE_HW)], index=["a", "b"], name="mask")

    parts = series.sam.components()

    assert parts.index.tolist() == ["a", "a", "b"]
    assert sorted(parts.sam.area.dropna()) == [4, 16]
    assert parts["b"] is pd.NA
    assert series.to_frame().drop(columns="mask").join(parts).shape == (3, 1)


def test_counts_of_parts_and_holes():
    """Parts and holes are counted; NA where the mask is missing."""
    ring = np.zeros(SIZE_HW, dtype=bool)
    ring[2:9, 2:9] = True
    ring[4:6, 4:6] = False
    ring[20, 10] = True
    series = pd.Series([Mask.from_numpy(ring), Mask.from_numpy(np.zeros(SIZE_HW)), None], dtype="mask")

    assert series.sam.n_components.tolist() == [2, 0, pd.NA]
    assert series.sam.n_holes.tolist() == [1, 0, pd.NA]


def test_polygons_rebuild_the_mask(series):
    """Polygons come back to the same masks; None where missing."""
    polygons = series.sam.polygons()

    assert Mask.from_polygons(polygons["b"], SIZE_HW) == series["b"]
    assert polygons["g"] is None
