"""Columns in, columns out: by position, whatever the index, and never over the user's own."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError, RowsFailedError

ADDED = ["mask", "status", "inference_time", "error"]
DETAILS = ["request_id", "cost", "queue_time", "total_time", "attempts", "engine", "score"]


@pytest.fixture
def df(picture):
    """Three rows, three jobs."""
    return pd.DataFrame({"image": [picture(0), picture(1), picture(2)], "prompt": ["a", "b", "c"]})


def test_the_four_columns_and_their_dtypes(service, df):
    """mask, status, inference_time and error are added in this order, each of its dtype."""
    out = service.segment(df)

    assert out.columns.tolist() == ["image", "prompt", *ADDED]
    assert out["mask"].dtype == "mask"
    assert out["status"].cat.categories.tolist() == [
        "completed", "failed", "unread", "in_doubt", "lost", "running", "cancelled", "skipped",
    ]  # fmt: skip
    assert out["inference_time"].dtype == "Float64"
    assert (out["inference_time"] >= 0).all()
    assert isinstance(out["error"].dtype, pd.StringDtype)
    assert out["error"].isna().all()


def test_the_input_is_untouched(service, df):
    """The frame that was passed in has neither new columns nor other cells."""
    before = df.copy(deep=True)
    service.segment(df)

    assert df.columns.tolist() == ["image", "prompt"]
    assert all(np.array_equal(a, b) for a, b in zip(df["image"], before["image"], strict=True))


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([7, 7, 7]),
        pd.Index(["x", None, "x"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["one", None]),
        pd.date_range("2026-01-01", periods=3, tz="UTC"),
        pd.RangeIndex(9, 3, -2),
    ],
    ids=["duplicate", "with None", "MultiIndex", "dates", "descending"],
)
def test_rows_go_by_position(service, df, index):
    """Any index is kept as it is, and each row has its own mask."""
    plain = service.segment(df)
    out = service.segment(df.set_axis(index))

    pd.testing.assert_index_equal(out.index, index)
    assert out["mask"].tolist() == plain["mask"].tolist()


def test_a_slice_and_a_sorted_frame_keep_their_rows(service, df):
    """A frame that was cut and turned round has each mask in its row."""
    plain = service.segment(df)
    out = service.segment(df.iloc[::-1].iloc[:2])

    assert out.index.tolist() == [2, 1]
    assert out["mask"].tolist() == [plain["mask"][2], plain["mask"][1]]


def test_categorical_and_arrow_strings_are_prompts(service, df):
    """Prompts may be categories, Arrow's strings or pandas' own."""
    plain = service.segment(df)["mask"].tolist()
    for dtype in ("category", "string", pd.ArrowDtype(pa.string())):
        out = service.segment(df.assign(prompt=df["prompt"].astype(dtype)))

        assert out["mask"].tolist() == plain


def test_equal_rows_are_one_job(service, picture, file_of, tmp_path):
    """Equal rows, the same bytes under two paths, and one prompt in two spellings of Unicode are paid once."""
    data = file_of(picture())
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_bytes(data)
    spellings = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    df = pd.DataFrame({"image": [*paths, str(paths[0]), data], "prompt": [*spellings, " café ", "café"]})
    before = service.submits
    out = service.segment(df)

    assert service.submits - before == 1
    assert len(set(out["mask"])) == 1
    assert (out["status"] == "completed").all()


@pytest.mark.parametrize("columns", [["image", "prompt"], ["image", "prompt", "extra"]])
def test_no_rows_are_no_requests(service, columns):
    """A frame without rows comes back with the columns, of their dtypes."""
    before = service.submits
    out = service.segment(pd.DataFrame({name: pd.Series(dtype=object) for name in columns}))

    assert len(out) == 0
    assert out.columns.tolist() == [*columns, *ADDED]
    assert out["mask"].dtype == "mask"
    assert service.submits == before


@pytest.mark.parametrize("name", ADDED)
def test_the_users_columns_are_not_written_over(service, df, name):
    """A column of that name is refused before anything is sent; overwrite= and columns= are the ways out."""
    mine = df.assign(**{name: "mine"})
    before = service.submits
    with pytest.raises(OptionError, match=f"{name}.*overwrite=True"):
        service.segment(mine)
    renamed = service.segment(mine, columns={name: "theirs"})

    assert service.submits - before == 3
    assert renamed[name].tolist() == ["mine"] * 3
    assert "theirs" in renamed
    assert service.segment(mine, overwrite=True).columns.tolist().count(name) == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("picture", "prompt"), "no column 'picture'.*'image', 'prompt'"),
        (("image", "text"), "no column 'text'"),
        (([], "prompt"), "column name"),
    ],
)
def test_a_missing_column_is_the_calls_error(service, df, columns, words):
    """A wrong column name concerns every row: it is raised, with the names that there are."""
    before = service.submits
    with pytest.raises(OptionError, match=words):
        service.segment(df, *columns)

    assert service.submits == before


def test_columns_of_one_name_are_refused(service, df):
    """Two columns of one name leave open which is meant."""
    with pytest.raises(OptionError, match="2 columns named 'prompt'"):
        service.segment(pd.concat([df, df[["prompt"]]], axis=1))


def test_details(service, df):
    """details=True adds id, cost, times, attempts and engine."""
    out = service.segment(df, details=True)

    assert out.columns.tolist() == ["image", "prompt", *ADDED, *DETAILS]
    assert out["request_id"].nunique() == 3
    assert out["attempts"].tolist() == [1, 1, 1]
    assert (out["total_time"] >= out["inference_time"]).all()


def test_points_with_and_without_prompts(service, picture):
    """Points go with rows that have a prompt and with rows that have none; each combination is a job of its own."""
    df = pd.DataFrame(
        {
            "image": [picture()] * 4,
            "prompt": ["a", None, None, None],
            "yes": [(3, 4), (3, 4), [(3, 4), (5, 6)], np.array([[3, 4], [5, 6]])],
            "no": [None, None, None, "[[1, 2]]"],
        }
    )
    before = service.submits
    out = service.segment(df, "image", "prompt", coordinates_col="yes", remove_coordinates_col="no")

    assert (out["status"] == "completed").all()
    assert len(set(out["mask"])) == service.submits - before == 4


def test_the_functions_are_the_accessors(service, df):
    """samframe.segment and df.sam.segment give the same frame; the second costs nothing."""
    first = samframe.segment(df, **service.options)
    before = service.submits
    pd.testing.assert_frame_equal(
        df.sam.segment(**service.options).drop(columns="image"), first.drop(columns="image")
    )

    assert service.submits == before


def test_on_error_raise_comes_after_the_run(service, picture):
    """With on_error="raise" the other rows are done first, and the frame is on the exception."""
    df = pd.DataFrame({"image": [picture()] * 3, "prompt": ["nothing", "a", None]})
    with pytest.raises(RowsFailedError, match="2 of 3 rows") as caught:
        service.segment(df, on_error="raise")

    assert caught.value.frame["status"].tolist() == ["failed", "completed", "failed"]


def read_size(path):
    with Image.open(path) as image:
        return image.size


def test_overlays_are_artifacts_and_no_masks(service, df):
    """overlay_mask=True keeps the painted picture as a file, and makes no mask."""
    out = service.segment(df, overlay_mask=True)

    assert out.columns.tolist() == ["image", "prompt", "mask", "overlay", "status", "inference_time", "error"]
    assert out["mask"].isna().all()
    assert [read_size(path) for path in out["overlay"]] == [(32, 24)] * 3
    assert (out["status"] == "completed").all()


def test_base64_takes_the_output_in_the_answer(service, df):
    """base64=True gives the same masks without a download."""
    plain = service.segment(df)["mask"].tolist()
    before = service.server.counters.downloads
    out = service.segment(df, base64=True)

    assert out["mask"].tolist() == plain
    assert service.server.counters.downloads == before


def test_start_gives_a_handle_and_the_frame_in_the_end(service, df):
    """start() returns at once; its frame fills, and result() is the frame."""
    run = df.sam.start(**service.options)
    early = run.frame["status"].isin(["running", "completed"]).all()
    out = run.result()

    assert early
    assert run.is_done
    assert (out["status"] == "completed").all()
    assert samframe.last_run() is run


async def _asegment(df, options):
    return await df.sam.asegment(**options)


def test_asegment_is_the_coroutine(service, df):
    """The coroutine runs on the caller's own loop and gives the same frame."""
    import asyncio  # noqa: PLC0415 - this test only

    out = asyncio.run(_asegment(df, service.options))

    assert (out["status"] == "completed").all()


def test_segment_inside_a_running_loop(service, df):
    """The plain call works where a loop runs already, as in a notebook."""
    import asyncio  # noqa: PLC0415 - this test only

    async def cell():
        return service.segment(df)

    assert (asyncio.run(cell())["status"] == "completed").all()


def test_nobody_is_asked_without_a_key(df, tmp_path, monkeypatch):
    """Without a key the error says how to get one and how to try without."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    with pytest.raises(samframe.AuthenticationError, match=r"SEGMIND_API_KEY[\s\S]*offline"):
        df.sam.segment(store=tmp_path)
