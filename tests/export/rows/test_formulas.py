"""Formulas in text: quoted in safe mode by every writer, and numbers left as numbers."""

from __future__ import annotations

import csv
import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.export.rows.formulas import quote_formula, quote_json
from samframe.masks import Mask

HOSTILE = [
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n+cmd",
    "\uff1d1+1",
    " =1",
    "\ufeff=1",
    "\u200b@x",
]
WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "huggingface": samframe.to_huggingface,
    "semantic": samframe.to_semantic,
}
STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
TEXTS = st.text(alphabet="'=+-@1;, \t\n\"a\u200b", max_size=12)


def texts_in(value):
    """Every text of a JSON value, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts_in(part)]
    return [text for part in value for text in texts_in(part)] if isinstance(value, list) else []


def json_texts(folder):
    """Every text in every JSON file of a folder, but the masks' own run lengths."""
    for path in folder.rglob("*.json*"):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        for line in lines:
            value = json.loads(line)
            for annotation in value.get("annotations", []) if isinstance(value, dict) else []:
                if isinstance(annotation, dict):
                    del annotation["segmentation"]["counts"]
            yield from texts_in(value)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_spreadsheet_would_calculate_is_quoted(text):
    """Also behind blanks and characters that are not seen, in full width, and once more after a tab or a line end."""
    expected = f"'{text[0]}'{text[1:]}" if text[0] in "\t\r\n" else f"'{text}"

    assert quote_formula(text) == expected


@pytest.mark.parametrize(
    "text", ["red car", "red - left", "it's", "a, b; c", "[834,-74]", "[[1.5,-2e3]]", "x=1", "user@host", ""]
)
def test_other_text_stays(text):
    """A dash in the middle is no formula, and coordinates are none either."""
    assert quote_formula(text) == text


@pytest.mark.parametrize("text", ["car;=1+1", "car,@SUM(A1)", "car\t+1+1", 'car"=1', "car\n=1", "a| =1"])
def test_no_separator_or_quote_begins_a_formula(text):
    """A reader with another separator begins a cell in the middle of a text: there too it finds an apostrophe."""
    for separator in ",;\t|\n":
        for cell in quote_formula(text).split(separator):
            assert not cell.strip().strip('"').startswith(STARTS)


@given(st.lists(TEXTS, max_size=8))
@settings(deadline=None)
def test_texts_stay_apart(texts):
    """Only apostrophes are added, and two texts never become one: categories keep their number."""
    quoted = [quote_formula(text) for text in texts]

    assert len(set(quoted)) == len(set(texts))
    assert all(a.replace("'", "") == b.replace("'", "") for a, b in zip(texts, quoted, strict=True))


@pytest.mark.parametrize("part", ["\n", " ", "'", ",", "\t ", ", ", "=,", ",-1"])
def test_long_text_takes_no_longer_than_it_is_long(part):
    """No text makes the search try every pair of places."""
    began = time.process_time()
    quote_formula(part * 50_000)

    assert time.process_time() - began < 10


def test_a_frame_for_csv_holds_text_and_numbers(tmp_path):
    """Cells, categories, labels and lists; negative numbers, dates and masks are what they were, as is the input."""
    df = pd.DataFrame(
        {
            "prompt": HOSTILE,
            "=column": pd.Series(HOSTILE, dtype="string"),
            "kind": pd.Categorical(HOSTILE),
            "number": -np.arange(len(HOSTILE)) - 1,
            "mixed": [-1, None, *HOSTILE[2:]],
            "mask": pd.array([Mask.from_numpy(np.ones((2, 2)))] * len(HOSTILE), dtype="mask"),
        },
        index=pd.MultiIndex.from_arrays([HOSTILE, range(len(HOSTILE))], names=["=label", "n"]),
    )
    before = df.copy()
    quoted = samframe.quote_formulas(df)
    quoted.to_csv(tmp_path / "out.csv", lineterminator="\r\n")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    back = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)

    assert not [cell for row in rows for cell in row if cell.startswith(STARTS) and not cell[1:].isdigit()]
    assert back["number"].tolist() == df["number"].tolist()
    assert quoted["mixed"].iloc[0] == -1
    assert quoted.dtypes.tolist()[1:4] == [df.dtypes.iloc[1], quoted["kind"].dtype, df.dtypes.iloc[3]]
    assert list(back.columns)[:4] == ["'=label", "n", "prompt", "'=column"]
    pd.testing.assert_frame_equal(df, before)


def test_a_frame_without_formulas_is_equal():
    """Ranges, numbers, dates and plain text come out as they went in."""
    df = pd.DataFrame({"a": [1, -2], "b": ["x", None], "c": pd.to_datetime(["2026-01-01", None])})

    pd.testing.assert_frame_equal(samframe.quote_formulas(df), df)


def test_tuples_stay_labels(tmp_path):
    """Tuples as labels, categories and names keep their type with their texts quoted, and whole numbers their dtype."""
    df = pd.DataFrame(
        {"a": [1, 2], "b": pd.Categorical([("=x", -1), ("y", 2)])},
        index=pd.Index([("=r", -1), "+s"], dtype=object, tupleize_cols=False, name=("=n", 1)),
    )
    df.columns = pd.Index(["=a", ("b", "=c")], dtype=object, tupleize_cols=False)
    quoted = samframe.quote_formulas(df)
    numbers = samframe.quote_formulas(pd.DataFrame({"a": [1, 2]}, index=pd.Index([3, -4], dtype=object)))
    quoted.to_csv(tmp_path / "out.csv")

    assert (quoted.index.tolist(), quoted.index.name) == ([("'=r", -1), "'+s"], ("'=n", 1))
    assert quoted.columns.tolist() == ["'=a", ("b", "'=c")]
    assert quoted.iloc[:, 1].tolist() == [("'=x", -1), ("y", 2)]
    assert (numbers.index.dtype, numbers.index.tolist()) == (object, [3, -4])


def test_lists_that_parquet_gives_back_are_quoted(tmp_path):
    """Lists of texts come back as arrays; those of numbers stay what they are, one and many dimensions."""
    df = pd.DataFrame({"tags": [["=1+1", "car"], ["@x"]], "points": [[-1, 2], [3, -4]]})
    df.to_parquet(tmp_path / "rows.parquet")
    back = pd.read_parquet(tmp_path / "rows.parquet")
    back["fixed"] = [np.array([["=a", "b"]]), np.array(["-c"], dtype=object)]
    quoted = samframe.quote_formulas(back)

    assert isinstance(back["tags"].iloc[0], np.ndarray)
    assert quoted["tags"].tolist() == [["'=1+1", "car"], ["'@x"]]
    assert quoted["fixed"].tolist() == [[["'=a", "b"]], ["'-c"]]
    assert [cell.tolist() for cell in quoted["points"]] == [[-1, 2], [3, -4]]


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A frame in which prompts, labels, splits, paths and the error are formulas; the images are there."""
    monkeypatch.chdir(tmp_path)
    names = [f"=image{number}.png" for number in range(len(HOSTILE))]
    for number, name in enumerate(names):
        pixels = np.random.RandomState(number).randint(0, 255, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name)
    return pd.DataFrame(
        {
            "image": names,
            "prompt": HOSTILE,
            "mask": pd.array([Mask.from_bbox((1, 1, 3, 4), (12, 10))] * len(names), dtype="mask"),
            "part": ["=train", "-val"] * 5 + ["=train"],
        },
        index=HOSTILE,
    )


@pytest.mark.parametrize("name", WRITERS)
def test_a_training_set_has_names_as_trainers_match_them(hostile, tmp_path, name):
    """No exporter of training sets quotes: what they write is no spreadsheet."""
    with pytest.raises(OptionError, match="quote_formulas"):
        WRITERS[name](hostile, tmp_path / "set", quote_formulas=True)
    WRITERS[name](hostile, tmp_path / "set")
    lines = (tmp_path / "set" / "rows.jsonl").read_text("ascii").splitlines()

    assert '=hyperlink("http://evil.example")' in {json.loads(line)["category"] for line in lines}


def test_a_dataset_quotes_its_json_and_keeps_its_cells(hostile, tmp_path):
    """manifest.json and fidelity.json hold no formula, the frame comes back as it was, and verify is content."""
    folder = tmp_path / "dataset"
    samframe.to_parquet(hostile, folder, split_col="part", partition_by="part", quote_formulas=True)

    assert not [text for text in json_texts(folder) if text.startswith(STARTS)]
    pd.testing.assert_frame_equal(samframe.read_parquet(folder).loc[hostile.index], hostile, check_like=True)
    assert samframe.verify(folder).ok


def test_numbers_in_json_stay_numbers():
    """Only text is quoted."""
    assert quote_json({"=a": [-1, -2.5, None, True, ("+1",)]}) == {"'=a": [-1, -2.5, None, True, ["'+1"]]}
