"""Mask columns and Arrow: types, metadata, and what hostile tables do."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samframe.errors import MaskError, OptionError, SamframeError
from samframe.masks import Mask, arrow_extension_type, from_arrow, to_arrow
from samframe.masks.arrow.convert import STORAGE_TYPE


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    return [Mask.from_numpy(rng.random((7, 9)) < 0.5), None, Mask.from_numpy(np.zeros((3, 4)))]


@pytest.fixture
def frame(masks):
    return pd.DataFrame({"name": list("abc"), "mask": pd.array(masks, dtype="mask"), "n": [1, 2, 3]})


def _replaced(table, **metadata):
    """Return the table with other samframe metadata."""
    return table.replace_schema_metadata(
        {**(table.schema.metadata or {}), b"samframe": json.dumps(metadata).encode()}
    )


def test_column_is_a_plain_struct(frame):
    """The struct's children are not nullable, and there is no extension type anywhere in the schema."""
    table = to_arrow(frame)

    assert table.schema.field("mask").type == STORAGE_TYPE
    assert str(STORAGE_TYPE) == "struct<h: int32 not null, w: int32 not null, counts: binary not null>"
    assert all(b"ARROW:extension:name" not in (field.metadata or {}) for field in table.schema)


def test_counts_are_cocos_bytes(frame, masks):
    """The counts are what pycocotools reads."""
    assert to_arrow(frame)["mask"][0].as_py() == {"h": 7, "w": 9, "counts": masks[0].counts}


def test_pandas_metadata_name_masks_objects(frame):
    """A pandas without samframe finds no dtype it does not know."""
    table = to_arrow(frame)
    described = {column["name"]: column["numpy_type"] for column in table.schema.pandas_metadata["columns"]}

    assert described["mask"] == "object"
    assert b'"mask"' not in table.schema.metadata[b"pandas"].replace(b'name": "mask"', b"")


def test_area_and_bbox_stand_beside_the_mask(frame, masks):
    """Readers can filter by area and box, which are null where the mask is."""
    table = to_arrow(frame)

    assert table.column_names == ["name", "mask", "mask_area", "mask_bbox", "n"]
    assert table["mask_area"].to_pylist() == [masks[0].area, None, 0]
    assert list(table["mask_bbox"][0].as_py().values()) == list(masks[0].bbox_xywh)
    assert table["mask_bbox"].to_pylist()[1:] == [None, {"x": 0, "y": 0, "width": 0, "height": 0}]


def test_round_trip(frame):
    """Back from Arrow the frame is as it was: order, dtypes, values."""
    pd.testing.assert_frame_equal(from_arrow(to_arrow(frame)), frame)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 11, 2),
        pd.Index([7, 7, 8]),
        pd.Index(list("xyz"), name="key"),
        pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["i", None]),
        pd.DatetimeIndex(["2020-01-01", "2021-01-01", "2022-01-01"]),
    ],
    ids=["range", "duplicate", "named", "multi", "dates"],
)
def test_index_round_trip(frame, index):
    """Any index comes back."""
    frame.index = index

    pd.testing.assert_frame_equal(from_arrow(to_arrow(frame)), frame)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_frames_of_masks_only(frame, rows):
    """Empty frames and frames that are only masks come back."""
    only = frame[["mask"]].iloc[:rows]

    pd.testing.assert_frame_equal(from_arrow(to_arrow(only)), only)


def test_labels_that_are_no_text(masks):
    """A column named by a number comes back."""
    frame = pd.DataFrame({0: pd.array(masks, dtype="mask"), 1: [1, 2, 3]})

    pd.testing.assert_frame_equal(from_arrow(to_arrow(frame)), frame)


def test_attrs_round_trip(frame):
    """A frame's attrs come back."""
    frame.attrs = {"source": "camera 3"}

    assert from_arrow(to_arrow(frame)).attrs == {"source": "camera 3"}


def test_other_dtypes_round_trip(frame):
    """Nullable numbers and categories beside masks keep their dtypes."""
    frame["time"] = pd.array([0.5, None, 1.5], dtype="Float64")
    frame["status"] = pd.Categorical(["completed", "failed", "completed"])

    pd.testing.assert_frame_equal(from_arrow(to_arrow(frame)), frame)


def test_two_mask_columns(frame):
    """Each mask column has an area and a box of its own."""
    frame["other"] = frame["mask"].iloc[::-1].array

    pd.testing.assert_frame_equal(from_arrow(to_arrow(frame)), frame)


def test_struct_without_metadata_becomes_masks(frame):
    """A table whose metadata another program dropped still has masks; area and box stay as columns."""
    bare = to_arrow(frame).replace_schema_metadata(None)

    result = from_arrow(bare)

    assert result["mask"].tolist() == frame["mask"].tolist()
    assert list(result) == ["name", "mask", "mask_area", "mask_bbox", "n"]


@pytest.mark.parametrize(
    "as_type",
    [
        pa.struct({"h": pa.int64(), "w": pa.int64(), "counts": pa.large_binary()}),
        pa.struct({"h": pa.int32(), "w": pa.int32(), "counts": pa.string()}),
        pa.struct({"h": pa.float64(), "w": pa.float64(), "counts": pa.binary()}),
    ],
)
def test_like_structs_convert(frame, as_type):
    """Wider integers, text counts and sizes that pandas turned to floats are understood."""
    column = pa.array(to_arrow(frame)["mask"].to_pylist(), type=pa.struct([*STORAGE_TYPE]))
    cast = pa.StructArray.from_arrays(
        [column.field(name).cast(as_type.field(name).type) for name in ("h", "w", "counts")],
        fields=list(as_type),
        mask=column.is_null(),
    )

    assert pd.Series(cast.to_pandas(), dtype=object).astype("mask").tolist() == frame["mask"].tolist()
    assert from_arrow(
        _replaced(pa.table({"m": cast}), version="1.0", columns={"m": {"encoding": "coco-rle"}})
    )["m"].tolist() == (frame["mask"].tolist())


def test_sliced_and_chunked_columns(frame):
    """Offsets and chunks make no difference."""
    table = pa.concat_tables([to_arrow(frame).slice(1), to_arrow(frame).slice(0, 2)])

    assert from_arrow(table)["mask"].tolist() == [*frame["mask"][1:], *frame["mask"][:2]]


def test_extension_type_is_opt_in(frame):
    """Asked for, the extension type carries masks; unasked, nothing has it."""
    column = arrow_extension_type().wrap_array(pa.array(frame["mask"]))
    table = pa.table({"mask": column})

    assert column.type.extension_name == "samframe.mask"
    assert from_arrow(table)["mask"].tolist() == frame["mask"].tolist()
    assert table.to_pandas()["mask"].dtype == "mask"
    assert pa.array(frame["mask"]).type == STORAGE_TYPE


def test_arrow_dtype_and_back(frame):
    """A pandas ArrowDtype of the struct converts both ways."""
    arrow = frame["mask"].astype(pd.ArrowDtype(STORAGE_TYPE))

    assert arrow.astype("mask").equals(frame["mask"])


def test_equal_masks_spelled_otherwise_become_equal():
    """Counts with a run of length 0, or with more characters than need be, are spelled anew."""
    # 2 off, 2 on, 0 off, 2 on (the fourth run is written as its difference to the second); then 2 in two characters
    rows = [{"h": 2, "w": 3, "counts": counts} for counts in (b"2200", b"R04", b"24")]

    result = from_arrow(pa.table({"m": pa.array(rows, type=STORAGE_TYPE)}))["m"]

    assert [mask.counts for mask in result] == [b"24"] * 3


@pytest.mark.parametrize(
    ("height", "width", "counts"),
    [
        (7, 9, b"zz"),
        (7, 9, b"o"),
        (7, 9, b"00"),
        (7, 8, b"o1"),
        (-7, -9, b"o1"),
        (2**31 - 1, 2**31 - 1, b"o1"),
        (7, 9, b""),
        (7, 9, b"\xff\xff"),
        (7, 9, b"PPPPPPPPPPPPPPPPPPPPP0"),
        (1, 1, b"N1"),
    ],
)
def test_malformed_mask_is_refused(frame, height, width, counts):
    """Bytes that are no mask of their size are an error that names column and element, never a wrong mask."""
    table = to_arrow(frame)
    rows = [*table["mask"].to_pylist()[:2], {"h": height, "w": width, "counts": counts}]
    table = table.set_column(1, "mask", pa.array(rows, type=pa.struct([*STORAGE_TYPE])))

    with pytest.raises(MaskError, match=r"Column 'mask': Element 2"):
        from_arrow(table)


@given(counts=st.binary(max_size=12), height=st.integers(-2, 12), width=st.integers(-2, 12))
def test_any_bytes_are_a_mask_or_an_error(counts, height, width):
    """The check by the column says of any bytes what the check of one mask says."""
    column = pa.array([{"h": height, "w": width, "counts": counts}], type=STORAGE_TYPE)
    try:
        expected = Mask(counts, (height, width))
    except MaskError:
        expected = None
    try:
        found = from_arrow(pa.table({"m": column}))["m"][0]
    except MaskError:
        found = None

    assert found == expected


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"null", b"{}", b'{"version": "x"}', b"[" * 100_000])
def test_damaged_metadata_are_refused(frame, raw):
    """Metadata that are no JSON object with a version are an error of samframe's own."""
    table = to_arrow(frame).replace_schema_metadata({b"samframe": raw})

    with pytest.raises(SamframeError, match="damaged"):
        from_arrow(table)


def test_later_major_version_is_refused(frame):
    """A file of a later major version is refused with the advice to update."""
    with pytest.raises(SamframeError, match="Update samframe"):
        from_arrow(_replaced(to_arrow(frame), version="2.0", columns={}))


def test_later_minor_version_is_read(frame):
    """What a later minor version adds is ignored."""
    columns = {"mask": {"encoding": "coco-rle", "area": "mask_area", "bbox": "mask_bbox", "extra": "?"}}

    table = _replaced(to_arrow(frame), version="1.7", columns=columns, more=[1])

    pd.testing.assert_frame_equal(from_arrow(table), frame)


@pytest.mark.parametrize(
    "columns",
    [
        [],
        {"mask": []},
        {"mask": {}},
        {"mask": {"encoding": "png"}},
        {"mask": {"encoding": "coco-rle", "area": ["name"]}},
        {"name": {"encoding": "coco-rle"}},
        {"n": {"encoding": "coco-rle"}},
    ],
)
def test_metadata_that_do_not_fit_are_refused(frame, columns):
    """Metadata that name a column of another type or an unknown encoding are refused."""
    with pytest.raises(SamframeError):
        from_arrow(_replaced(to_arrow(frame), version="1.0", columns=columns))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"index_columns": ["mask"]}', b'{"index_columns": 5, "columns": []}']
)
def test_damaged_pandas_metadata_are_refused(frame, raw):
    """Pandas metadata that do not fit the table are an error of samframe's own."""
    table = to_arrow(frame)
    table = table.replace_schema_metadata({**table.schema.metadata, b"pandas": raw})

    with pytest.raises(SamframeError):
        from_arrow(table)


def test_metadata_cannot_drop_the_mask_itself(frame):
    """Metadata that name the mask column as its own area do not make it vanish."""
    columns = {"mask": {"encoding": "coco-rle", "area": "mask", "bbox": "mask_bbox"}}

    assert "mask" in from_arrow(_replaced(to_arrow(frame), version="1.0", columns=columns))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda df: df.assign(mask_area=1), "in the way"),
        (lambda df: df.set_axis(["name", "name", "n"], axis=1), "repeats"),
        (lambda df: df.set_axis(pd.MultiIndex.from_product([["x"], list("abc")]), axis=1), "one level"),
        (lambda df: df.set_index("mask"), "as an index"),
    ],
)
def test_frames_that_are_no_table_are_refused(frame, change, message):
    """What Arrow cannot hold is refused with what to do."""
    with pytest.raises(OptionError, match=message):
        to_arrow(change(frame))
