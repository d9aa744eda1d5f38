"""Whatever ends an export of a training set, it is the old one or the new one, and the next export clears up."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from datasets import Dataset
from PIL import Image
from pycocotools.coco import COCO

from samframe.ground import files as _files
from samframe.ground.files import atomic_folder

KILLS_A_FORMAT = 5
ROWS = 24


def contents(folder):
    """The digest of each file, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leftovers(folder):
    return [path.name for path in folder.parent.iterdir() if path.name.startswith(".")]


def read_pixels(path):
    with Image.open(path) as picture:
        return np.array(picture)


def rows_of_coco(folder):
    rows = 0
    for path in sorted((folder / "annotations").iterdir()):
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(path))
        rows += sum(bool(coco.annToMask(annotation).any()) for annotation in coco.anns.values())
        split = path.stem.removeprefix("instances_")
        for image in coco.imgs.values():
            read_pixels(folder / split / image["file_name"])
    return rows


def rows_of_yolo(folder):
    facts = yaml.safe_load((folder / "data.yaml").read_text())
    labels = [path for path in (folder / "labels").rglob("*.txt") if path.parent.name in facts]
    lines = [line.split() for path in labels for line in path.read_text().splitlines()]
    assert all(int(line[0]) in facts["names"] and len(line) % 2 == 1 for line in lines)
    return len(lines)


def rows_of_huggingface(folder):
    found = [Dataset.from_parquet(str(path), keep_in_memory=True) for path in (folder / "data").iterdir()]
    return sum(np.array(row["mask"]).any() for dataset in found for row in dataset)


def rows_of_semantic(folder):
    for path in (folder / "masks").rglob("*.png"):
        (image,) = (folder / "images" / path.parent.name).glob(f"{path.stem}.*")
        assert read_pixels(path).shape == read_pixels(image).shape[:2]
        assert read_pixels(path).any()
    return len((folder / "rows.jsonl").read_text().splitlines())


READERS = {
    "coco": rows_of_coco,
    "yolo": rows_of_yolo,
    "huggingface": rows_of_huggingface,
    "semantic": rows_of_semantic,
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("kind", READERS)
def test_killed_at_any_moment_it_is_the_old_set_or_the_new_one(exporter, child, tmp_path, kind):
    """Kill -9 at random moments of exports that replace each other: one of them, to the byte, and readers take it."""
    target, moments = tmp_path / "set", random.Random(kind)  # noqa: S311 - moments, no secrets
    known = []
    for seed in (10, 11):
        began = time.monotonic()
        child.export(str(target), seed, kind)
        duration = time.monotonic() - began
        known.append(contents(target))
    found = []
    for _ in range(KILLS_A_FORMAT):
        pid = int(exporter.start(target, 10, kind))
        time.sleep(moments.uniform(0, 2.5) * min(1.0, duration))
        exporter.kill(pid)
        found.append(contents(target))

        assert READERS[kind](target) == ROWS
    child.export(str(target), 10, kind)

    assert known[0] != known[1]
    assert all(files in known for files in found)
    assert contents(target) == known[0]
    assert not leftovers(target)


WORKER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("files", sys.argv[2])  # without the package, which takes long to start
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)
with files.atomic_folder(sys.argv[1]) as folder:
    (folder / "a").write_text("worker")
    print("ready", flush=True)
    sys.stdin.readline()
print("done", flush=True)
"""


@pytest.fixture
def worker(tmp_path):
    """A process in the middle of an export to "set"."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path / "set"), _files.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def write(target, text):
    with atomic_folder(target) as folder:
        (folder / "a").write_text(text)


def test_what_a_living_process_works_on_stays(worker, tmp_path):
    """Another export to the same folder leaves it alone, and both come out whole, the later one last."""
    write(tmp_path / "set", "mine")
    between = (tmp_path / "set" / "a").read_text(), len(leftovers(tmp_path / "set"))
    worker.stdin.write("\n")
    worker.stdin.flush()

    assert worker.stdout.readline() == "done\n"
    assert between == ("mine", 1)
    assert (tmp_path / "set" / "a").read_text() == "worker"
    assert not leftovers(tmp_path / "set")


def test_what_a_killed_process_left_is_removed(worker, tmp_path):
    """The next export to the same folder clears up; one to another folder does not."""
    worker.kill()
    worker.wait()
    write(tmp_path / "other", "x")
    before = leftovers(tmp_path / "set")
    write(tmp_path / "set", "mine")

    assert len(before) == 1
    assert not leftovers(tmp_path / "set")


@pytest.mark.parametrize(
    "name",
    [".set.part", ".set.0123456789ab.old", ".set.0123456789AB.part", ".set2.0123456789ab.part", "set.part"],
)
def test_only_folders_of_its_own_are_removed(tmp_path, name):
    """A user's folder beside it stays, whatever its name is like."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").write_text("years of work")
    write(tmp_path / "set", "mine")

    assert (tmp_path / name / "thesis.txt").read_text() == "years of work"


def test_a_link_that_looks_like_a_leftover_is_not_followed(tmp_path):
    """What it leads to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    (tmp_path / ".set.0123456789ab.part").symlink_to(tmp_path / "precious")
    write(tmp_path / "set", "mine")

    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"
