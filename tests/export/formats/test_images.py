"""Images of training sets: named the same in any order, of equal bytes or not, and in any format of pictures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask

WRITERS = {
    "coco": samframe.to_coco,
    "yolo": samframe.to_yolo,
    "huggingface": samframe.to_huggingface,
    "semantic": samframe.to_semantic,
    "label_studio": samframe.to_label_studio,
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("ascii").splitlines()]


def coco_of(folder, split="train"):
    return json.loads((folder / "annotations" / f"instances_{split}.json").read_text())


def frame_of(paths, size_hw=(20, 30), **columns):
    masks = [Mask.from_bbox((number, 1, 5, 6), size_hw) for number in range(len(paths))]
    given = {"image": [str(path) for path in paths], "prompt": "cat"} | columns
    return pd.DataFrame(given | {"mask": pd.array(masks, dtype="mask")})


@pytest.fixture
def twins(tmp_path):
    """Two files of one name in two folders."""
    paths = []
    for seed, name in enumerate("ab"):
        (tmp_path / "d" / name).mkdir(parents=True)
        paths.append(tmp_path / "d" / name / "001.png")
        pixels = np.random.RandomState(seed).randint(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_files_of_one_name_are_told_from_the_folder_that_they_share(twins, tmp_path):
    """By reference a file_name leads to one image, from the common folder or image_root."""
    samframe.to_coco(frame_of(twins), tmp_path / "a", images="reference")
    samframe.to_coco(frame_of(twins), tmp_path / "b", images="reference", image_root=tmp_path)
    named = [[image["file_name"] for image in coco_of(tmp_path / name)["images"]] for name in "ab"]

    assert named == [["a/001.png", "b/001.png"], ["d/a/001.png", "d/b/001.png"]]


def test_two_images_of_one_told_name_are_refused(twins, tmp_path, monkeypatch):
    """A relative path and an absolute one that would read alike."""
    monkeypatch.chdir(twins[0].parent)
    with pytest.raises(OptionError, match="image_root"):
        samframe.to_coco(frame_of(["001.png", twins[1]]), tmp_path / "set", images="reference")

    assert not (tmp_path / "set").exists()


def test_names_do_not_change_with_the_order_of_rows(twins, tmp_path, write):
    """Reversed rows give the same copy for the same source, and rows.jsonl tells the source's path."""
    df = frame_of(twins)
    write(df, tmp_path / "a")
    write(df.iloc[::-1].reset_index(drop=True), tmp_path / "b")
    a, b = ({row["source"]: row["image"] for row in rows_of(tmp_path / name)} for name in "ab")

    assert a == b
    assert set(a) == {"a/001.png", "b/001.png"}
    assert len(set(a.values())) == 2


def test_files_of_equal_bytes_stay_images_of_their_own(tmp_path, write):
    """Four copies of one picture, one mask each: four images, unless they are to be merged."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths:
        Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save(path)
    write(frame_of(paths), tmp_path / "apart")
    write(frame_of(paths), tmp_path / "merged", merge_images=True)

    assert len({row["image"] for row in rows_of(tmp_path / "apart")}) == 4
    assert len({row["image"] for row in rows_of(tmp_path / "merged")}) == 1


def test_equal_bytes_have_ids_that_stay(tmp_path):
    """Whatever the order, and whichever of them are there."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths:
        Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save(path)
    df = frame_of(paths)
    found = []
    for name, rows in (("a", df), ("b", df.iloc[::-1]), ("c", df.iloc[[1, 3]])):
        samframe.to_coco(rows, tmp_path / name)
        found.append({image["file_name"]: image["id"] for image in coco_of(tmp_path / name)["images"]})

    assert found[0] == found[1]
    assert found[2].items() <= found[0].items()
    assert len(set(found[0].values())) == 4


def test_equal_bytes_never_straddle_splits(tmp_path, write):
    """They are images of their own, and still seen in one split only."""
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for at, path in enumerate(paths):
        Image.fromarray(np.full((20, 30, 3), 7 if at < 5 else 9 * at, np.uint8)).save(path)
    write(frame_of(paths), tmp_path / "set", split={"train": 0.6, "val": 0.4}, near_duplicates=None)

    assert len({row["split"] for row in rows_of(tmp_path / "set") if row["row"] < 5}) == 1


def test_one_file_in_two_spellings_is_one_image(tmp_path, write, monkeypatch):
    """A relative path, an absolute one and a URL of the same file."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save("a.png")
    write(frame_of(["a.png", tmp_path / "a.png", f"file://{tmp_path}/a.png"]), tmp_path / "set")

    assert len({row["image"] for row in rows_of(tmp_path / "set")}) == 1


def test_a_dataset_keeps_its_images_apart_and_named(twins, tmp_path, write):
    """Copies in a dataset are named after their bytes: the export still knows the files that they are of."""
    twins[1].write_bytes(twins[0].read_bytes())
    samframe.to_parquet(frame_of(twins), tmp_path / "dataset", images="copy")
    write(tmp_path / "dataset", tmp_path / "set")
    rows = rows_of(tmp_path / "set")

    assert len({row["image"] for row in rows}) == 2
    assert all("001" in row["image"] for row in rows)


@pytest.mark.parametrize("kind", ["tif", "bmp", "ppm"])
def test_other_formats_of_pictures_are_taken(tmp_path, write, kind):
    """What the API does not take an export may copy, or write as PNG."""
    pixels = np.random.RandomState(0).randint(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"photo.{kind}")
    report = write(frame_of([tmp_path / f"photo.{kind}"]), tmp_path / "set", split={"train": 1.0})
    copies = [path for path in (tmp_path / "set").rglob("photo.*") if path.parent.name != "masks"]
    copies = [path for path in copies if "masks" not in path.parts and path.suffix != ".txt"]

    assert report.rows_written == 1
    assert all((np.array(Image.open(path)) == pixels).all() for path in copies)
    assert all(path.suffix == {"tif": ".tif", "bmp": ".bmp", "ppm": ".png"}[kind] for path in copies)


def test_a_turned_tiff_lies_as_its_mask_does(tmp_path):
    """Readers differ on a TIFF's orientation: its copy is a PNG that all read alike."""
    pixels = np.random.RandomState(0).randint(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.tif", tiffinfo={0x0112: 6})
    samframe.to_yolo(frame_of([tmp_path / "photo.tif"], (30, 20)), tmp_path / "set")
    with Image.open(tmp_path / "set" / "images" / "train" / "photo.png") as copy:
        assert copy.size == (20, 30)


def test_large_pictures_are_taken(tmp_path, monkeypatch):
    """The limit of the API's pictures is none for copies: 144 megapixels are copied, and compared by their looks."""
    picture = Image.new("L", (12_000, 12_000))
    picture.save(tmp_path / "large.png", compress_level=1)
    del picture
    mask = Mask.from_bbox((10, 10, 4000, 3000), (12_000, 12_000))
    df = pd.DataFrame({"image": [str(tmp_path / "large.png")], "mask": pd.array([mask], dtype="mask")})
    report = samframe.to_coco(df, tmp_path / "set", images="reference", split={"train": 1.0})

    assert (report.rows_written, report.rows_left_out) == (1, ())


def test_what_is_no_picture_is_still_told(tmp_path, write):
    """An HTML page with a picture's name is left out, in words."""
    (tmp_path / "page.png").write_text("<html></html>")
    with pytest.raises(OptionError, match="HTML page"):
        write(frame_of([tmp_path / "page.png"]), tmp_path / "set")
