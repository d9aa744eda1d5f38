"""Mask columns in what people do with frames: group, join, sort, fill, and write to."""

import io
import operator

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.errors import MaskError
from samframe.masks import Mask


def _square(side, size_hw=(12, 10)):
    pixels = np.zeros(size_hw, dtype=bool)
    pixels[1 : 1 + side, 2 : 2 + side] = True
    return Mask.from_numpy(pixels)


@pytest.fixture
def frame():
    masks = pd.array([_square(3), _square(1), None, _square(3), _square(2)], dtype="mask")
    return pd.DataFrame({"image": list("aabbb"), "mask": masks, "n": range(5)})


def test_group_by_mask(frame):
    """Equal masks are one group; missing ones are none unless asked for."""
    sums = frame.groupby("mask")["n"].sum()

    assert dict(zip(sums.index, sums, strict=True)) == {_square(1): 1, _square(2): 4, _square(3): 3}
    assert len(frame.groupby("mask", dropna=False).size()) == 4


def test_first_and_count_of_each_group(frame):
    """Pandas' own aggregations pass masks through."""
    groups = frame.groupby("image")["mask"]

    assert groups.first().tolist() == [_square(3), _square(3)]
    assert groups.count().tolist() == [2, 2]


def test_merge_on_mask(frame):
    """Frames join on masks by their content, whatever pool they are in."""
    right = pd.DataFrame({"mask": pd.array([_square(2), _square(3)], dtype="mask"), "name": ["two", "three"]})

    merged = frame.merge(right, on="mask", how="inner").sort_values("n")

    assert merged["name"].tolist() == ["three", "three", "two"]
    assert merged["mask"].dtype == "mask"


def test_merge_brings_masks_along(frame):
    """A left join gives masks where the key matches, NA where not."""
    left = pd.DataFrame({"n": [4, 99]})

    merged = left.merge(frame[["n", "mask"]], on="n", how="left")

    assert merged["mask"].tolist() == [_square(2), pd.NA]


def test_concat_keeps_the_dtype(frame):
    """Frames put under each other keep the dtype, and a frame without the column gives NA."""
    result = pd.concat([frame, frame.iloc[:1], pd.DataFrame({"n": [7]})], ignore_index=True)

    assert result["mask"].dtype == "mask"
    assert result["mask"].isna().tolist() == [False, False, True, False, False, False, True]


def test_concat_with_a_column_of_nothing(frame):
    """A column that is all None joins a mask column as missing masks, as objects otherwise."""
    result = pd.concat([frame["mask"], pd.Series([_square(1)], dtype=object)])

    assert result.tolist() == [*frame["mask"], _square(1)]


def test_sort_is_by_area(frame):
    """Sorting by masks sorts by area, missing ones last."""
    assert frame.sort_values("mask")["n"].tolist() == [1, 4, 0, 3, 2]


def test_drop_duplicates(frame):
    """Masks with equal pixels are duplicates."""
    assert frame.drop_duplicates("mask")["n"].tolist() == [0, 1, 2, 4]


def test_equal_masks_of_other_sizes_differ():
    """The same bytes in another size are another mask."""
    masks = pd.Series([Mask.from_numpy(np.ones((2, 6))), Mask.from_numpy(np.ones((3, 4)))], dtype="mask")

    assert masks[0].counts == masks[1].counts
    assert masks.nunique() == 2
    assert not (masks == masks[0])[1]


def test_isna_and_fillna(frame):
    """A missing mask is filled with a mask."""
    filled = frame["mask"].fillna(_square(5))

    assert frame["mask"].isna().tolist() == [False, False, True, False, False]
    assert filled[2] == _square(5)


def test_comparison_with_a_mask_filters(frame):
    """A comparison is nullable and filters; a missing mask is not chosen."""
    chosen = frame[frame["mask"] == _square(3)]

    assert chosen["n"].tolist() == [0, 3]


def test_explode_of_lists_of_masks():
    """Lists of masks explode to rows, and convert."""
    lists = pd.Series([[_square(1), _square(2)], []], index=["a", "b"])

    result = lists.explode().astype("mask")

    assert result.index.tolist() == ["a", "a", "b"]
    assert result.tolist() == [_square(1), _square(2), pd.NA]


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.xor, operator.sub])
def test_operators_work_by_element(frame, operation):
    """Columns combine element by element; NA where either is missing."""
    other = frame["mask"].iloc[::-1].set_axis(frame.index)

    result = operation(frame["mask"], other)

    assert result.dtype == "mask"
    assert result[0] == operation(_square(3), _square(2))
    assert result.isna().tolist() == [False, False, True, False, False]


SIZES = st.tuples(st.integers(0, 9), st.integers(0, 9))
PAIRS = st.lists(
    st.none() | SIZES.flatmap(lambda size: st.tuples(hnp.arrays(bool, size), hnp.arrays(bool, size))),
    max_size=8,
)


@given(PAIRS)
@settings(deadline=None, max_examples=150)
def test_columns_combine_as_their_masks_do(pairs):
    """Masks of any size and content, missing ones among them, give what each pair alone gives."""
    planes = [pair or (None, None) for pair in pairs]
    a, b = (
        pd.array([None if one is None else Mask.from_numpy(one) for one in side], dtype="mask")
        for side in ([pair[0] for pair in planes], [pair[1] for pair in planes])
    )
    for operation in (operator.and_, operator.or_, operator.xor, operator.sub):
        alone = [pd.NA if one is pd.NA else operation(one, other) for one, other in zip(a, b, strict=True)]
        assert list(operation(a, b)) == alone
        assert list(operation(a, list(b))) == alone
    assert list(~a) == [pd.NA if one is pd.NA else ~one for one in a]
    assert list(~~a) == list(a)


def test_masks_past_int32_combine():
    """A column of masks of more than 2**31 pixels among small ones is exact."""
    huge = [Mask.from_bbox((x, 10, 50_000, 59_000), (60_000, 60_000)) for x in (0, 9000)]
    a, b = (
        pd.array([_square(2), huge[0], _square(3)], dtype="mask"),
        pd.array([_square(1), huge[1], None], dtype="mask"),
    )

    assert list(a & b) == [_square(1), huge[0] & huge[1], pd.NA]
    assert list(~a) == [~_square(2), ~huge[0], ~_square(3)]


def test_operator_with_one_mask(frame):
    """One mask combines with all, from either side."""
    assert (frame["mask"] & _square(1))[0] == _square(1)
    assert (frame["mask"] - _square(1))[1] == _square(0)
    assert (_square(2) - frame["mask"].array)[1] == _square(2) - _square(1)


def test_inversion(frame):
    """~ gives the background of each mask."""
    assert (~frame["mask"])[0] == ~_square(3)


def test_operator_refuses_another_size(frame):
    """Masks of different sizes do not combine."""
    with pytest.raises(MaskError, match=r"\(12, 10\) and \(5, 5\)"):
        frame["mask"] & _square(1, (5, 5))


def test_copy_on_write_keeps_the_original(frame):
    """A change to a derived frame does not reach the original."""
    before = frame["mask"].tolist()
    part = frame[frame["n"] > 1].copy()
    part.loc[3, "mask"] = _square(6)
    part.loc[4, "mask"] = None

    assert frame["mask"].tolist() == before
    assert part["mask"].tolist() == [pd.NA, _square(6), pd.NA]


def test_loc_assignment_of_a_column(frame):
    """Masks of another pool are written into chosen rows."""
    frame.loc[[0, 2], "mask"] = pd.array([_square(6), _square(7)], dtype="mask")

    assert frame["mask"].tolist() == [_square(6), _square(1), _square(7), _square(3), _square(2)]


def test_write_of_something_else_is_refused(frame):
    """A mask array never takes what is no mask."""
    with pytest.raises(TypeError, match="holds masks and NA"):
        frame["mask"].array[0] = "mask"


def test_row_of_a_frame_gives_the_mask(frame):
    """Rows hold Mask objects: iteration, itertuples and apply see them."""
    assert [row.mask for row in frame.itertuples()] == frame["mask"].tolist()
    assert frame.apply(lambda row: row["n"], axis=1).tolist() == [0, 1, 2, 3, 4]


def test_map_gives_ordinary_results(frame):
    """A function of masks gives a column of what it returns."""
    assert frame["mask"].map(lambda mask: mask.area, na_action="ignore").dropna().tolist() == [9, 1, 9, 4]


def test_unstack(frame):
    """Reshaping keeps masks."""
    wide = frame.set_index(["image", "n"])["mask"].unstack("n")  # noqa: PD010  # the subject

    assert wide.loc["a", 0] == _square(3)


def test_json_holds_coco_dicts(frame):
    """to_json writes COCO dicts."""
    text = frame[["mask"]].iloc[:1].to_json(orient="records")

    assert pd.read_json(io.StringIO(text), dtype={"mask": "mask"})["mask"][0] == _square(3)


def test_info_describe_and_repr_work(frame):
    """The views that people look at first do not fail."""
    buffer = io.StringIO()
    frame.info(buf=buffer, memory_usage="deep")

    assert "mask" in buffer.getvalue()
    assert "Mask(12x10, area=9)" in repr(frame["mask"])
    assert frame["mask"].describe()["unique"] == 3
