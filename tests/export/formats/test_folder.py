"""The folder of a training set: names, what may be replaced, whole or not at all, and nothing of the machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.errors import ImageError, OptionError
from samframe.export import to_coco, to_huggingface, to_semantic, to_yolo
from samframe.export.formats import to_label_studio
from samframe.export.formats import training_set as _training_set
from samframe.ground import files as _files
from samframe.ground.cells import without_folders
from samframe.ground.files import atomic_folder
from samframe.masks import Mask
from samframe.testing import HOSTILE_TEXTS

WRITERS = {
    "coco": to_coco,
    "yolo": to_yolo,
    "huggingface": to_huggingface,
    "semantic": to_semantic,
    "label_studio": to_label_studio,
}
HOSTILE_NAMES = [
    "CON",
    "nul",
    "..",
    ". .",
    "a b",
    "é",
    "e\u0301",
    "É",
    "😀",
    "x" * 200,
    "-rf",
    "a;b",
    "%s",
    "'",
]


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_hostile_names_stay_inside_unique_and_reversible(tmp_path, monkeypatch):
    """Whatever images and labels are called, files are plain names in their folder, and rows.jsonl leads back."""
    monkeypatch.chdir(tmp_path)
    rs = np.random.RandomState(0)
    names, mask = [], Mask.from_numpy(np.ones((8, 8)))
    for number, name in enumerate(HOSTILE_NAMES):
        folder = Path("in") / str(number)
        folder.mkdir(parents=True)
        path = folder / f"{name}.png"
        Image.fromarray(rs.randint(0, 255, (8, 8, 3), dtype=np.uint8)).save(path, "PNG")
        names.append(f"in/{number}/../{number}/{name}.png")
    index = [*HOSTILE_TEXTS, *HOSTILE_TEXTS][: len(names)]
    df = pd.DataFrame({"image": names, "mask": pd.array([mask] * len(names), dtype="mask")}, index=index)
    to_yolo(df, "out/set")
    images = names_in("out/set/images/train")
    rows = [json.loads(line) for line in Path("out/set/rows.jsonl").read_text("ascii").splitlines()]

    assert names_in("out") == ["set"]
    assert len({name.casefold() for name in images}) == len(names)
    assert all(name == Path(name).name and len(name.encode()) < 200 for name in images)
    assert [row["source"] for row in rows] == names
    assert [row["label"] for row in rows] == index
    assert {row["image"] for row in rows} == set(images)


def test_hostile_splits_are_folders_inside(frame, tmp_path, write):
    """The name of a split is no path."""
    write(frame, tmp_path / "out" / "set", split={"../../up": 0.5, "con": 0.3, "annotations": 0.2})

    assert names_in(tmp_path) == ["out", "user"]
    assert names_in(tmp_path / "out") == ["set"]
    assert all(".." not in path.parts for path in files_of(tmp_path / "out"))


def test_nothing_of_the_machine_is_in_it(frame, tmp_path, write, pictures):
    """No absolute path, no key, no pickle, though the frame holds absolute paths."""
    df = frame.assign(image=[str(Path(name).absolute()) for name in frame["image"]])
    write(df, tmp_path / "set")

    for path in files_of(tmp_path / "set"):
        data = path.read_bytes()
        assert str(tmp_path).encode() not in data
        assert not data.startswith(b"\x80\x04")
        assert path.suffix in {".json", ".jsonl", ".txt", ".yaml", ".png", ".parquet", ".xml"}


def test_messages_tell_nothing_of_the_machine(frame, tmp_path, write, pictures):
    """A missing picture, a message with a path in it: the report in Python tells folders, the file does not."""
    df = frame.assign(error=f"/home/anna/a b.png and '{tmp_path}/c d/x.png': gone")
    df.iloc[0, df.columns.get_loc("image")] = "pictures/gone.png"
    report = write(df, tmp_path / "set")
    text = (tmp_path / "set" / "fidelity.json").read_text()

    assert str(tmp_path) in str(report.rows_left_out)
    assert str(tmp_path) not in text
    assert "anna" not in text
    assert "'gone.png' was looked for" in text
    assert "'x.png': gone" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://host/a/b.png", "see https://host/a/b.png"),
        ("10 / 12 and 3/4, a/b.png", "10 / 12 and 3/4, a/b.png"),
        (r"'C:\Users\anna\x y.png' and ~/data/z.png", "'x y.png' and z.png"),
        ("file:///home/anna/a.png: no", "a.png: no"),
        ("(/home/anna/a.png)", "(a.png)"),
        (repr("/home/anna/it's a.png") + " is gone", '"it\'s a.png" is gone'),
        (repr("C:\\Users\\anna's\\x y.png") + ", 'b c'", "\"x y.png\", 'b c'"),
        (repr("/home/anna's own/a b.png") + ' and "/x/y z.png"', '"a b.png" and "y z.png"'),
    ],
)
def test_what_is_cut_from_messages(text, expected):
    """Folders of absolute paths in any notation, and neither URLs nor relative paths."""
    assert without_folders(text) == expected


def test_absolute_paths_are_told_where_asked_for(frame, tmp_path, pictures):
    """paths="absolute" is for one's own machine."""
    df = frame.assign(image=[str(Path(name).absolute()) for name in frame["image"]])
    to_yolo(df, tmp_path / "set", paths="absolute")

    assert str(pictures) in (tmp_path / "set" / "rows.jsonl").read_text()


def test_report_is_one_line_and_a_file(frame, tmp_path, write):
    """What is printed is in fidelity.json, and says how many rows are in and out."""
    report = write(frame, tmp_path / "set")
    facts = json.loads((tmp_path / "set" / "fidelity.json").read_text())

    assert "\n" not in str(report)
    assert repr(report) == f"<ExportReport {report}>"
    assert facts["rows_written"] == report.rows_written
    assert [(left["row"], left["reason"]) for left in facts["rows_left_out"]] == list(report.rows_left_out)
    assert facts["iou_min"] == report.iou_min
    assert report.rows_left_out[-1] == (9, "no mask (status failed): nothing found")


def test_what_is_no_export_is_never_touched(frame, tmp_path, write):
    """A folder of the user's is refused, and so is a dataset."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "fidelity.json").write_text('{"format": "dataset"}')
    (tmp_path / "file").write_text("x")
    for name in ("mine", "dataset", "file"):
        with pytest.raises(OptionError, match="no training set"):
            write(frame, tmp_path / name)

    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert names_in(tmp_path) == ["dataset", "file", "mine", "user"]


def test_an_earlier_export_is_replaced_whole(frame, tmp_path, write):
    """Nothing of the old one stays; with overwrite=False it is kept."""
    write(frame, tmp_path / "set", split={"train": 0.5, "old": 0.5})
    with pytest.raises(OptionError, match="overwrite=True"):
        write(frame, tmp_path / "set", overwrite=False)
    write(frame, tmp_path / "set")

    assert not [path for path in (tmp_path / "set").rglob("*") if "old" in path.name]
    assert names_in(tmp_path) == ["set", "user"]


def test_an_image_that_changes_meanwhile_stops_the_export(frame, tmp_path, monkeypatch, pictures):
    """No folder appears with another picture under a mask."""
    find = _training_set.find_members

    def find_then_change(*arguments, **options):
        members = find(*arguments, **options)
        Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(pictures / "ring.png")
        return members

    monkeypatch.setattr(_training_set, "find_members", find_then_change)
    with pytest.raises(ImageError, match="changed"):
        to_yolo(frame, tmp_path / "set")

    assert names_in(tmp_path) == ["user"]


def test_copies_of_turned_photographs_lie_as_their_masks_do(tmp_path):
    """A camera's note "turn me" is taken out of the copy: every reader sees the raster that the mask lies on."""
    photo = Image.fromarray(np.random.RandomState(0).randint(0, 255, (20, 30, 3), dtype=np.uint8))
    note = Image.Exif()
    note[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=note)
    mask = Mask.from_bbox((0, 0, 30, 5), (20, 30))
    df = pd.DataFrame({"image": [str(tmp_path / "turned.jpg")], "mask": pd.array([mask], dtype="mask")})
    to_yolo(df, tmp_path / "set")
    copy = Image.open(tmp_path / "set" / "images" / "train" / "turned.jpg")

    assert (copy.size, copy.getexif().get(0x0112, 1)) == ((30, 20), 1)
    assert (np.array(copy) == np.array(Image.open(tmp_path / "turned.jpg"))).all()


def test_urls_are_no_folders(frame, tmp_path, write):
    """Training sets are trees of small files: they are written here and copied from here."""
    with pytest.raises(OptionError, match="this machine"):
        write(frame, "memory://set")


def test_a_block_that_raises_leaves_the_folder_as_it_was(tmp_path):
    """Neither a part of the new one nor a loss of the old one."""
    with atomic_folder(tmp_path / "set") as folder:
        (folder / "a").write_text("old")

    def fail():
        with atomic_folder(tmp_path / "set") as folder:
            (folder / "a").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert (tmp_path / "set" / "a").read_text() == "old"
    assert names_in(tmp_path) == ["set"]


UNLISTED = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("files", sys.argv[2])
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)
if os.geteuid() == 0:  # root may list all
    os.setuid(65534)
for text in ("old", "new"):
    with files.atomic_folder(sys.argv[1] + "/set") as folder:
        (folder / "a").write_text(text)
    with files.atomic_write(sys.argv[1] + "/file") as path:
        path.write_text(text)
print(open(sys.argv[1] + "/set/a").read(), open(sys.argv[1] + "/file").read())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_listed():
    """Where files may be made and not listed, there is no clearing up and no failure."""
    with tempfile.TemporaryDirectory() as top:  # not below tmp_path, which is its owner's alone
        Path(top).chmod(0o755)
        place = Path(top) / "place"
        place.mkdir()
        place.chmod(0o333)
        arguments = [sys.executable, "-c", UNLISTED, str(place), _files.__file__]
        child = subprocess.run(arguments, capture_output=True, text=True, check=False)
        place.chmod(0o755)

    assert child.stdout.split() == ["new", "new"], child.stderr


CHILD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("files", sys.argv[2])  # without the package, which takes long to start
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)
for number in range(10_000):
    with files.atomic_folder(sys.argv[1]) as folder:
        for file in range(5):
            (folder / str(file)).write_text(str(number))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_folder_is_whole(tmp_path):
    """A kill -9 at any of twenty random moments leaves the files of one generation."""
    rs = np.random.RandomState(0)
    for _ in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "set"), _files.__file__],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline().strip() == "0"
        time.sleep(rs.uniform(0, 0.1))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        found = {(tmp_path / "set" / str(file)).read_text() for file in range(5)}

        assert len(found) == 1


@pytest.mark.parametrize("name", ["runs/best.pt", "train/mine.png", ".notes", "images/train/deep/x.txt"])
def test_files_of_the_users_in_an_earlier_export_are_never_deleted(frame, tmp_path, write, name):
    """The second export is refused, names the file, and leaves all as it is."""
    write(frame, tmp_path / "set")
    before = {path: path.read_bytes() for path in files_of(tmp_path / "set")}
    (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "set" / name).write_text("years of work")
    with pytest.raises(OptionError, match=f"{name}.*did not write"):
        write(frame, tmp_path / "set")

    assert (tmp_path / "set" / name).read_text() == "years of work"
    assert before.items() <= {path: path.read_bytes() for path in files_of(tmp_path / "set")}.items()


def test_a_link_of_the_users_in_an_earlier_export_is_never_deleted(frame, tmp_path, write):
    """A link to a folder counts as a file."""
    write(frame, tmp_path / "set")
    (tmp_path / "set" / "data-of-mine").symlink_to(tmp_path / "user", target_is_directory=True)
    with pytest.raises(OptionError, match="did not write"):
        write(frame, tmp_path / "set")

    assert (tmp_path / "set" / "data-of-mine").is_symlink()


def test_what_trainers_and_systems_leave_is_no_work_of_the_users(frame, tmp_path):
    """A cache of labels is of no use beside other labels."""
    to_yolo(frame, tmp_path / "set")
    (tmp_path / "set" / "labels" / "train.cache").write_bytes(b"x")
    (tmp_path / "set" / ".DS_Store").write_bytes(b"x")
    to_yolo(frame, tmp_path / "set")

    assert not (tmp_path / "set" / "labels" / "train.cache").exists()


def test_an_export_of_before_is_replaced_where_it_holds_no_more_than_its_own(frame, tmp_path, write):
    """Folders without a list of files are known by their layout."""
    write(frame, tmp_path / "set")
    (tmp_path / "set" / ".samframe-files.txt").unlink()
    write(frame, tmp_path / "set")
    (tmp_path / "set" / ".samframe-files.txt").unlink()
    (tmp_path / "set" / "thesis.txt").write_text("years of work")

    with pytest.raises(OptionError, match=r"thesis\.txt"):
        write(frame, tmp_path / "set")
