"""File names of hostile texts: one safe path component each, unique, the same every time."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samframe.export.files.names import fold_name, safe_name

HOSTILE = [
    "../",
    "../../etc/passwd",
    "..",
    ".",
    "",
    " ",
    "/",
    "C:\\Windows\\system32",
    "CON",
    "con.png",
    "NUL",
    "COM¹.txt",
    "a" * 300,
    "é" * 300,
    "Car",
    "car",
    "CAR",
    "café",
    "cafe\u0301",
    "a b",
    "a\tb\nc\x00d",
    "🦊",
    "🦁",
    "\ud800",
    "-rf",
    "name.",
    "name ",
    "a|b<c>d:e*f?g",
    "=HYPERLINK(1)",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_component_that_can_be_written(tmp_path, text):
    """A hostile text's name is a file inside the folder, and no device, option or hidden file."""
    name = safe_name(text, taken=set(), suffix=".png")

    (tmp_path / name).write_bytes(b"x")

    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert name.endswith(".png")
    assert not name.startswith((".", "-", " "))
    assert name.split(".")[0].casefold() not in {"con", "nul", "com¹"}
    assert len(os.fsencode(name)) <= 160


def test_twins_stay_apart_where_case_and_normal_form_are_ignored():
    """No two hostile texts share a name, on a file system that ignores case and normal form."""
    taken = set()

    names = [safe_name(text, taken=taken) for text in HOSTILE]

    assert len({fold_name(name) for name in names}) == len(HOSTILE)


def test_plain_names_stay_as_they_are():
    """A name that every file system takes is not changed, in any script."""
    for text in ("cat", "IMG_0001", "Straße-2", "犬"):
        assert safe_name(text, taken=set()) == text


@given(st.lists(st.text(st.characters(), max_size=200), max_size=8))
def test_names_are_safe_unique_and_repeatable(texts):
    """Whatever the texts: the same names at the second time, no separator, NFC, none twice."""
    first, second = set(), set()
    names = [safe_name(text, taken=first, suffix=".txt") for text in texts]

    assert names == [safe_name(text, taken=second, suffix=".txt") for text in texts]
    assert len({fold_name(name) for name in names}) == len(texts)
    for name in names:
        assert not set(name) & set('/\\:*?"<>|\x00\n\r\t ')
        assert name == unicodedata.normalize("NFC", name)
        assert len(name.encode("utf-8")) <= 160
