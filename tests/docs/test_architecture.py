"""The page of the architecture: its picture is that of the contracts, and the files that it names are there."""

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
pytest.importorskip("docutils")
sys.path.insert(0, str(DOCS))
floors = pytest.importorskip("floors")


def test_every_package_is_on_a_floor():
    """Each folder of samframe stands in the picture, with the rooms that its contract orders."""
    stories, rooms = floors.read_floors()
    packages = {name.removeprefix("samframe.") for story in stories for name in story}
    folders = {path.parent.name for path in (DOCS.parent / "samframe").glob("*/__init__.py")}
    shown = floors.floors_html()

    assert folders <= packages
    assert all(f"<code>{name}</code>" in shown for name in packages)
    assert ["rows"] in rooms["samframe.export"]


def test_the_files_of_the_walks_are_there():
    """A page that names files which have moved would mislead."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(samframe/[^`]+)`", text, re.MULTILINE)

    assert len(named) == 9
    assert not [name for name in named if "NAME" not in name and not (DOCS.parent / name).exists()]
