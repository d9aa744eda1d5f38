"""The reference has every public name once, and none that is private."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import samframe
import samframe.dask

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "reference").glob("*.md"))
TEXTS = {page.name: page.read_text("utf-8") for page in PAGES}
DIRECTIVE = re.compile(r"^\.\. (auto\w+|py:data|currentmodule):: +([\w.]+)", re.MULTILINE)


def documented():
    """Every name that a page documents, with its page; a name without a dot is one of the page's current module."""
    found = []
    for page, text in TEXTS.items():
        module = "samframe"
        for kind, name in DIRECTIVE.findall(text):
            if kind == "currentmodule":
                module = name
            elif kind == "automodule":
                found += [(f"{name}.{one}", page) for one in importlib.import_module(name).__all__]
            else:
                found.append((name if name.startswith("samframe") else f"{module}.{name}", page))
    return found


def objects():
    """What the documented names are."""
    held = []
    for name, _ in documented():
        module, _, last = name.rpartition(".")
        held.append(getattr(importlib.import_module(module), last))
    return held


@pytest.mark.parametrize("name", sorted({*samframe.__all__} - {"__version__"}))
def test_every_public_name_is_documented(name):
    """Functions, classes and exceptions of samframe have a place in the reference; modules have none."""
    thing = getattr(samframe, name)

    assert inspect.ismodule(thing) or thing in objects()


@pytest.mark.parametrize("name", samframe.dask.__all__)
def test_every_name_of_dask_is_documented(name):
    """What runs on Dask has a place too."""
    assert getattr(samframe.dask, name) in objects()


def test_no_name_is_private():
    """No page names a module or class with an underscore before it."""
    assert [name for name, _ in documented() if any(part.startswith("_") for part in name.split("."))] == []


def test_every_page_is_in_the_overview():
    """The table of the overview and the list beside the pages have each page."""
    overview = TEXTS["index.md"]
    named = set(re.findall(r"\]\((\w+)\.md\)", overview)) & set(
        re.findall(r"^(\w+)$", overview, re.MULTILINE)
    )

    assert {page.stem for page in PAGES} - {"index"} == named
