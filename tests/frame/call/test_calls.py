"""Calls as people make them: what can be meant in one way is done, what cannot is told what was meant."""

import os
import pathlib
import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError, UnknownOptionError

HALF = np.zeros((24, 32), bool)
HALF[:12] = True


@pytest.fixture
def files(tmp_path, picture):
    """Three pictures in a folder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(3):
        Image.fromarray(picture(seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture
def df(files):
    """Three rows of paths and prompts, by other names than the default ones."""
    return pd.DataFrame({"file": sorted(map(str, files.iterdir())), "label": ["a", "b", "c"]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_costs": 5}, r"segment\(\) has no keyword 'max_costs'. Did you mean max_cost="),
        ({"coordinate_col": "x"}, "Did you mean coordinates_col="),
        ({"prompt": "boy"}, r"prompts=\['boy'\]"),
        ({"api_key": "x"}, "Client"),
        ({"boxes": "x"}, "boxes_col="),
        ({"zzz": 1}, "no keyword 'zzz'"),
    ],
)
@pytest.mark.parametrize("kind", [OptionError, TypeError])
def test_a_keyword_that_is_none_is_answered(service, df, options, words, kind):
    """With the function's name and the nearest keyword."""
    with pytest.raises(kind, match=words):
        service.segment(df, "file", "label", **options)
    with pytest.raises(UnknownOptionError, match=r"plan\(\) has no keyword"):
        df.sam.plan("file", "label", **{name + "_": value for name, value in options.items()})


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (("file", "largest object"), {}, r"no column 'largest object'.*prompts=\['largest object'\]"),
        (("file", ["boy", "car"]), {}, r"prompts=\['boy', 'car'\]"),
        (("file", "Label"), {}, "Did you mean 'label'"),
        (("files", "label"), {}, "Did you mean 'file'"),
        (("file",), {}, "no column 'prompt'.*prompts="),
        (("file", None), {"coordinates_col": ["x", "y"]}, "no 'x', 'y'"),
        (("file", None), {"coordinates_col": [(1, 2)]}, 'coordinates_col=\\["x", "y"\\]'),
    ],
)
def test_a_column_that_is_none_is_answered(service, df, columns, options, words):
    """The frame's columns are told, and what else may have been meant."""
    before = service.submits

    with pytest.raises(OptionError, match=f"(?s){words}.*Nothing was sent"):
        service.segment(df, *columns, **options)

    assert service.submits == before


def test_x_and_y_in_columns_of_their_own(service, df):
    """Two columns are a point a row, and no prompt column is asked for."""
    df = df.assign(x=[3, 4.5, None], y=["5", 6, None]).drop(columns="label")
    points = df.assign(at=[(3, 5), (4.5, 6), None])

    out = service.segment(df, "file", coordinates_col=["x", "y"], details=True)
    same = service.segment(points, "file", coordinates_col="at", details=True)

    assert out["status"].tolist() == ["completed", "completed", "failed"]
    assert out["request_id"].tolist()[:2] == same["request_id"].tolist()[:2]


@pytest.mark.parametrize("make", [str, pathlib.Path, lambda path: sorted(path.glob("*.png"))])
def test_a_folder_or_a_list_is_a_frame(service, files, make):
    """A folder stands for its pictures, a list for its cells; a second text is the prompt."""
    (files / "notes.txt").write_text("no picture")

    out = samframe.segment(make(files), prompts=["a"], **service.options)
    same = samframe.segment(make(files), "a", **service.options)

    assert out["status"].tolist() == ["completed"] * 3
    assert out["mask"].equals(same["mask"])
    assert (out.columns.tolist()[:2], same["prompt"].unique().tolist()) == (["image", "prompt"], ["a"])


def test_one_picture_is_a_frame(service, files, picture):
    """By path, by array, as Pillow has it, and as a Series."""
    path = str(files / "0.png")

    for one in (path, picture(0), Image.fromarray(picture(0)), pd.Series([path])):
        assert len(samframe.segment(one, prompts="a", **service.options)) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [("rows.csv", "pd.read_csv"), ({"a": [1]}, "not a dict"), (7, "not a int"), ([], "without any")],
)
def test_what_is_no_frame_says_so(service, data, words):
    """A table's file is to be read first."""
    with pytest.raises(OptionError, match=words):
        samframe.segment(data, prompts="a", **service.options)


def test_a_plan_needs_no_key(monkeypatch, df, tmp_path):
    """At the published price of the model; and a misspelt column is told before a missing key."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    plan = df.sam.plan("file", "label", store=tmp_path)
    other = df.sam.plan("file", "label", store=tmp_path, model="sam3-image")

    assert (plan.to_pay, plan.price_usd, other.price_usd) == (3, 0.002, 0.005)
    with pytest.raises(OptionError, match="no column 'files'"):
        df.sam.segment("files", "label", store=tmp_path)
    with pytest.raises(samframe.AuthenticationError):
        df.sam.segment("file", "label", store=tmp_path)


def test_a_plan_tells_which_rows_are_invalid_and_why(monkeypatch, df, tmp_path):
    """Each reason with its first row."""
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    df.loc[[1, 2], "file"] = ["gone.png", "gone.png"]

    plan = df.sam.plan("file", "label", store=tmp_path)

    assert plan.invalid == 2
    assert plan.problems[0].startswith("Row 1: 'gone.png': no such file")
    assert "Row 1: 'gone.png'" in str(plan)


def test_an_unknown_model_is_not_asked(service, df):
    """Nor one that does not take what is asked."""
    before = service.submits
    for options, words in (
        ({"model": "sam4"}, "knows no model 'sam4'"),
        ({"boxes_col": "label"}, "takes no boxes"),
        ({"model": "sam3-image", "base64": True}, "takes no base64"),
        ({"parameters": {"threshold": 0.3}}, "no parameters of its own"),
    ):
        with pytest.raises(OptionError, match=words):
            service.segment(df, "file", "label", **options)

    assert service.submits == before


def test_clients_and_runs_are_pickled_without_a_key(monkeypatch, service, df):
    """A client of the environment's key is made anew elsewhere; a key in the code and a run are refused clearly."""
    monkeypatch.setenv("SEGMIND_API_KEY", "SG_0123456789abcdef")
    client = samframe.Client(rate_limit=7, allowed_hosts=["a.example"])

    data = pickle.dumps(client)
    other = pickle.loads(data)  # noqa: S301 - our own

    assert b"SG_0123456789abcdef" not in data
    assert (other.base_url, other.rate_limit, other.allowed_hosts) == (client.base_url, 7, ("a.example",))
    with pytest.raises(TypeError, match="SEGMIND_API_KEY"):
        pickle.dumps(samframe.Client("SG_0123456789abcdef"))
    run = samframe.start(df, "file", "label", **service.options)
    run.result()
    with pytest.raises(TypeError, match=r"run\.frame"):
        pickle.dumps(run)


def test_names_are_remembered(service, df, tmp_path, monkeypatch):
    """What comes after finds the columns by what segment was told, also from another folder."""
    monkeypatch.chdir(tmp_path)
    df = df.assign(file=[os.path.relpath(path, tmp_path) for path in df["file"]])
    out = service.segment(df, "file", "label", columns={"mask": "cut"})
    monkeypatch.chdir("/")

    out.sam.view()
    out.sam.to_html(tmp_path / "page.html")
    out.sam.to_coco(tmp_path / "coco")
    found = [
        next((tmp_path / "coco").rglob("*.json"), None) is not None,
        len(out.sam.suspicion()),
        len(out.sam.plot()),
    ]
    annotator = out.sam.annotate(client=service.options["client"])

    assert found == [True, 3, 3]
    assert (tmp_path / "page.html").read_text().count("/9j/") >= 3
    assert len(annotator.result()) == 3


def test_only_what_is_missing(service, df):
    """Masks and marks of last week stay, also those corrected by hand; new rows are asked for."""
    first = service.segment(df, "file", "label", details=True)
    first.loc[1, "mask"] = samframe.Mask.from_numpy(HALF)
    first["edited"] = [None, "by hand", None]
    first["mark"] = [None, "accepted", "rejected"]
    first.loc[2, "mask"] = pd.NA
    new = df.assign(label=["x", "y", "z"])
    both = pd.concat([first, new], ignore_index=True)
    before = service.submits

    out = service.segment(both, "file", "label", only="missing", details=True)
    again = service.segment(out, "file", "label", only="missing", details=True)

    assert service.submits == before + 3
    assert out["mask"].iloc[:2].tolist() == first["mask"].iloc[:2].tolist()
    assert out["mask"].iloc[2] is pd.NA
    assert out["status"].tolist() == ["completed"] * 6
    assert out["mask"].iloc[3:].notna().all()
    assert out["mask"].dtype == "mask"
    assert out["status"].dtype == first["status"].dtype
    assert out["cost"].dtype == "Float64"
    assert out["edited"].tolist()[1] == "by hand"
    assert out.columns.tolist() == both.columns.tolist()
    assert again["mask"].equals(out["mask"])


def test_only_missing_names_rows_of_the_frame(service, df):
    """An error's row is the frame's, and a frame without masks is asked for as a whole."""
    out = service.segment(df, "file", "label", only="missing")
    broken = pd.concat([out, pd.DataFrame({"file": ["gone.png"], "label": ["a"]})], ignore_index=True)

    last = service.segment(broken, "file", "label", only="missing")

    assert last["error"].iloc[3].startswith("Row 3: ")
    assert last["status"].tolist() == ["completed"] * 3 + ["failed"]


def test_what_was_corrected_by_hand_is_not_overwritten_by_the_way(service, df):
    """overwrite=True refuses; overwrite="edited" says it."""
    out = service.segment(df, "file", "label")
    out["edited"] = [None, "points", None]

    with pytest.raises(
        OptionError, match=r"1 mask was corrected by hand.*only=\"missing\".*overwrite=\"edited\""
    ):
        service.segment(out, "file", "label", overwrite=True)
    assert len(service.segment(out, "file", "label", overwrite="edited")) == 3
    with pytest.raises(OptionError, match="only is 'missing'"):
        service.segment(df, "file", "label", only="failed")


def test_a_summary_names_the_commonest_reason(service, df):
    """What most rows lack a result for, and what to do; names and numbers of a row do not make it another reason."""
    df = pd.DataFrame(
        {"file": [*df["file"].iloc[:1], "gone.png", "lost.png", "x.png"], "label": ["a", "b", "c", "nothing"]}
    )

    run = samframe.start(df, "file", "label", **service.options)
    run.result()

    assert "1 completed, 3 failed" in repr(run)
    assert "most often (3 rows): 'gone.png': no such file" in repr(run)
    assert "no such file" in str(run.report())


def test_what_is_converted_is_noted_once(service, tmp_path, picture):
    """The plan and the report say how many images were sent in another form."""
    paths = [tmp_path / f"{seed}.tif" for seed in range(2)]
    for seed, path in enumerate(paths):
        Image.fromarray(picture(seed + 40)).save(path)
    df = pd.DataFrame({"image": paths, "prompt": ["a", "b"]})

    plan = df.sam.plan(**service.options)
    run = df.sam.start(**service.options)
    run.result()

    assert plan.notes == run.report().notes == ("TIFF is sent as PNG (2 images).",)
    assert "TIFF is sent as PNG (2 images)." in str(plan)
    assert "TIFF is sent as PNG" in str(run.report())


def test_a_frame_in_memory_is_a_parquet_file(service, tmp_path, picture):
    """Paths as text, pictures as PNG bytes; what does not go together is told."""
    path = tmp_path / "a.png"
    Image.fromarray(picture(50)).save(path)
    for cells, kind in (
        ([path, path], str),
        ([Image.open(path), picture(50)], bytes),
        ([path.read_bytes(), None], bytes),
    ):
        df = pd.DataFrame({"image": pd.Series(cells, dtype=object), "prompt": ["a", "b"]})
        out = service.segment(df)
        out.sam.to_parquet(tmp_path / "rows.parquet")

        back = samframe.read_parquet(tmp_path / "rows.parquet")

        assert type(back["image"].iloc[0]) is kind
        assert back["mask"].equals(out["mask"])
    with pytest.raises(OptionError, match="pictures in memory beside a str"):
        pd.DataFrame({"image": [picture(0), "a.png"]}).sam.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(OptionError, match="cannot be an Arrow table"):
        pd.DataFrame({"image": [object(), 1]}).sam.to_parquet(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    "make", [str, lambda image: str(np.asarray(image)), lambda image: str({"bytes": b"\x89PNG"})]
)
def test_an_image_turned_to_text_names_the_option(service, picture, make):
    """Dask makes text of objects unless it is told not to."""
    out = service.segment(pd.DataFrame({"image": [make(Image.fromarray(picture(0)))], "prompt": ["a"]}))

    assert "dataframe.convert-string" in out["error"].iloc[0]


def test_hugging_face_and_back(service, tmp_path, picture):
    """A frame of datasets' records is segmented and exported without a line between."""
    path = tmp_path / "a.png"
    Image.fromarray(picture(60)).save(path)
    df = pd.DataFrame(
        {
            "image": [{"bytes": path.read_bytes(), "path": None}, {"bytes": None, "path": str(path)}],
            "prompt": ["a", "a"],
        }
    )

    out = service.segment(df, details=True)
    out.sam.to_coco(tmp_path / "coco")

    assert out["status"].tolist() == ["completed"] * 2
    assert len(set(out["request_id"])) == 1
