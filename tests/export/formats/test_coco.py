"""COCO instances, read by pycocotools and supervision."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pytest
import supervision
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from samframe.errors import OptionError
from samframe.export import to_coco, to_parquet, write_parquet
from samframe.masks import Mask

# pycocotools is older than numpy 2's __array__.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def load(folder, split="train"):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(folder / "annotations" / f"instances_{split}.json"))


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("ascii").splitlines()]


def found_masks(folder, split="train"):
    """The pixels of each row, as pycocotools sees them, and the row's category by its name."""
    coco = load(folder, split)
    found = {}
    for row in rows_of(folder):
        annotations = coco.loadAnns(row["annotations"])
        pixels = [coco.annToMask(annotation).astype(bool) for annotation in annotations]
        assert {coco.cats[annotation["category_id"]]["name"] for annotation in annotations} <= {
            row.get("category")
        }
        found[row["row"]] = np.any(pixels, axis=0) if pixels else None
    return found


@pytest.mark.parametrize("instances", ["mask", "components"])
@pytest.mark.parametrize("polygons", [False, True])
def test_every_hard_mask_comes_back(frame, tmp_path, masks, instances, polygons):
    """In every form pycocotools decodes exactly what the frame holds; an empty mask is an image without annotation."""
    report = to_coco(frame, tmp_path / "coco", instances=instances, polygons=polygons)
    found = found_masks(tmp_path / "coco")

    for row, (name, mask) in enumerate(masks.items()):
        if name == "empty":
            assert found[row] is None
        else:
            assert (found[row] == mask.to_numpy()).all()
    assert (report.iou_min, report.rows_written) == (1.0, len(masks) - 1)


def test_annotations_say_what_trainers_need(frame, tmp_path, masks):
    """Compressed RLE, iscrowd 0 for holes and parts too, area, box, category, and the image's size."""
    to_coco(frame, tmp_path / "coco")
    coco = load(tmp_path / "coco")
    annotations = {
        coco.cats[annotation["category_id"]]["name"]: annotation for annotation in coco.anns.values()
    }

    assert {annotation["iscrowd"] for annotation in annotations.values()} == {0}
    assert all(isinstance(annotation["segmentation"]["counts"], str) for annotation in annotations.values())
    for name, annotation in annotations.items():
        rle = annotation["segmentation"]
        assert annotation["area"] == masks[name].area == coco_mask.area(rle)
        assert annotation["bbox"] == coco_mask.toBbox(rle).tolist()
        image = coco.imgs[annotation["image_id"]]
        assert (image["height"], image["width"]) == masks[name].size_hw == tuple(rle["size"])
        assert (tmp_path / "coco" / "train" / image["file_name"]).is_file()


def test_components_are_annotations_of_their_own(frame, tmp_path, masks):
    """The ragged mask becomes 31 annotations, which keep their 105 holes."""
    to_coco(frame.loc[["row ragged"]], tmp_path / "coco", instances="components")
    coco = load(tmp_path / "coco")
    parts = [Mask.from_numpy(coco.annToMask(annotation)) for annotation in coco.anns.values()]

    assert len(parts) == 31
    assert sum(part.holes for part in parts) == 105


def test_evaluation_against_itself_is_perfect(frame, tmp_path):
    """COCOeval of the export as its own detections: AP 1.0. No row is dropped as a crowd."""
    to_coco(frame, tmp_path / "coco")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = load(tmp_path / "coco")
        scored = [{**annotation, "score": 0.9} for annotation in truth.loadAnns(truth.getAnnIds())]
        evaluation = COCOeval(truth, truth.loadRes(scored), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()

    assert len(scored) == len(frame) - 2
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_supervision_loads_it(frame, tmp_path, masks, iou):
    """A foreign reader of the format finds every class and mask."""
    folder = tmp_path / "coco"
    to_coco(frame, folder)
    loaded = supervision.DetectionDataset.from_coco(
        images_directory_path=str(folder / "train"),
        annotations_path=str(folder / "annotations" / "instances_train.json"),
        force_masks=True,
    )
    found = {
        loaded.classes[number]: iou(mask, masks[loaded.classes[number]].to_numpy())
        for _, _, detections in loaded
        if len(detections)
        for mask, number in zip(detections.mask, detections.class_id, strict=True)
    }

    assert found == dict.fromkeys(set(masks) - {"empty"}, 1.0)


def test_ids_stay_when_the_frame_grows_shrinks_or_turns(frame, tmp_path):
    """Annotations and images are known by what they are, not by where their rows stand."""
    kept = frame.drop(index=["lost", "row empty"])
    to_coco(kept.iloc[:3], tmp_path / "some")
    to_coco(kept, tmp_path / "all")
    to_coco(kept.iloc[::-1], tmp_path / "turned")
    ids = [
        {row["label"]: (row["annotations"], row["image"]) for row in rows_of(tmp_path / name)}
        for name in ("some", "all", "turned")
    ]

    assert ids[1] == ids[2]
    assert ids[0] == {label: ids[1][label] for label in kept.index[:3]}
    assert load(tmp_path / "all").imgs.keys() == load(tmp_path / "turned").imgs.keys()


def test_a_corrected_mask_keeps_its_id(frame, tmp_path, masks):
    """Only the annotation's content changes."""
    to_coco(frame, tmp_path / "a")
    corrected = frame.copy()
    corrected.loc["row ring", "mask"] = masks["ring"].dilate(3)
    to_coco(corrected, tmp_path / "b")

    assert [row["annotations"] for row in rows_of(tmp_path / "a")] == [
        row["annotations"] for row in rows_of(tmp_path / "b")
    ]


def test_splits_are_files_of_one_list_of_categories(frame, tmp_path):
    """Each split has its file and its images; categories have the same ids in all."""
    report = to_coco(frame, tmp_path / "coco", split={"train": 0.6, "val": 0.4})
    train, val = load(tmp_path / "coco"), load(tmp_path / "coco", "val")

    assert train.cats == val.cats
    assert len(train.imgs) + len(val.imgs) == 9
    assert not train.imgs.keys() & val.imgs.keys()
    assert len(train.anns) + len(val.anns) == report.rows_written


def test_categories_come_from_prompts_or_a_column(frame, tmp_path):
    """Prompts are normalised; a column is taken as it is, and a row without a category is left out and told."""
    prompts = frame.iloc[:3].assign(prompt=["Red  car", "red car ", None])
    to_coco(prompts, tmp_path / "prompt")
    named = frame.iloc[:3].assign(kind=["Boat", None, "Car"])
    report = to_coco(named, tmp_path / "column", category_col="kind", categories=["Car", "Boat", "Bus"])

    assert [category["name"] for category in load(tmp_path / "prompt").cats.values()] == ["red car", "object"]
    assert [category["name"] for category in load(tmp_path / "column").cats.values()] == [
        "Car",
        "Boat",
        "Bus",
    ]
    assert report.rows_left_out == ((1, "no category in column 'kind'"),)


def test_a_category_that_is_not_listed_is_an_error(frame, tmp_path):
    """With a fixed list nothing is added to it."""
    with pytest.raises(OptionError, match=r"Row 0: its category 'ring' is not among categories"):
        to_coco(frame, tmp_path / "coco", categories=["boat"])


def test_images_by_reference_are_not_copied(frame, tmp_path, pictures):
    """file_name is the path as the frame has it, but never an absolute one unless asked for; URLs are coco_url."""
    images = ["pictures/ring.png", str(pictures / "two parts.png"), "https://example.com/a.jpg?id=1"]
    mixed = frame.iloc[:3].assign(image=images)
    to_coco(mixed, tmp_path / "safe", images="reference")
    to_coco(mixed, tmp_path / "absolute", images="reference", paths="absolute")
    safe, absolute = (
        {image["file_name"]: image.get("coco_url") for image in load(tmp_path / name).imgs.values()}
        for name in ("safe", "absolute")
    )

    assert not (tmp_path / "safe" / "train").exists()
    assert safe == {"pictures/ring.png": None, "two parts.png": None, "a.jpg": images[2]}
    assert list(absolute)[:2] == images[:2]


def test_info_and_licences_are_kept(frame, tmp_path):
    """What the user says of the data stands in every file."""
    licence = {"id": 7, "name": "CC0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}
    to_coco(frame, tmp_path / "coco", info={"year": 2026}, licenses=[licence])
    coco = load(tmp_path / "coco")

    assert coco.dataset["info"]["year"] == 2026
    assert coco.dataset["licenses"] == [licence]
    assert {image["license"] for image in coco.imgs.values()} == {7}


def test_reads_a_parquet_file_as_it_reads_a_frame(frame, tmp_path):
    """The rows may come from a file, a row group at a time."""
    write_parquet(frame, tmp_path / "masks.parquet", row_group_size=2)
    to_coco(frame, tmp_path / "a")
    report = to_coco(tmp_path / "masks.parquet", tmp_path / "b")

    name = "annotations/instances_train.json"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(report.rows_left_out) == 2


def test_reads_a_dataset_however_it_keeps_its_images(frame, tmp_path):
    """Copied, embedded or by reference: the same splits, annotations, ids and pictures."""
    found = []
    for images in ("copy", "embed", "reference"):
        to_parquet(frame, tmp_path / images, images=images)
        to_coco(tmp_path / images, tmp_path / "coco", split={"train": 0.6, "val": 0.4}, seed=3)
        coco = load(tmp_path / "coco", "val")
        found.append((coco.anns, coco.cats, coco.imgs.keys()))

    assert found[0] == found[1] == found[2]


def test_offline_rows_are_told(frame, tmp_path):
    """Masks that are not SAM 2's are named in the report, in fidelity.json too."""
    report = to_coco(frame.assign(engine="offline/1"), tmp_path / "coco")

    assert any("not SAM 2" in warning for warning in report.warnings)
    assert "not SAM 2" in (tmp_path / "coco" / "fidelity.json").read_text()


def test_offline_rows_are_told_without_a_column(frame, tmp_path):
    """A frame that samframe.offline() made knows it, through a Parquet file too."""
    made = frame.copy()
    made.attrs["samframe_engines"] = ["offline/1"]
    write_parquet(made, tmp_path / "masks.parquet")
    reports = [to_coco(source, tmp_path / "coco") for source in (made, tmp_path / "masks.parquet")]

    assert all(
        any("9 masks are from the offline engine" in text for text in report.warnings) for report in reports
    )


def test_images_in_two_splits_are_told(frame, tmp_path):
    """A column may say what it likes, but not in silence."""
    df = frame.iloc[:2].assign(image="pictures/ring.png", part=["train", "val"])
    report = to_coco(df, tmp_path / "coco", split="part")

    assert any("more than one split" in warning for warning in report.warnings)


def test_rows_without_a_split_are_left_out(frame, tmp_path):
    """A column of splits has the last word."""
    df = frame.iloc[:2].assign(part=["train", None])

    assert to_coco(df, tmp_path / "coco", split="part").rows_left_out == ((1, "no split in column 'part'"),)


def test_a_missing_column_is_an_error(frame, tmp_path):
    """Whatever it is named for."""
    for option in ("category_col", "mask_col"):
        with pytest.raises(OptionError, match="There is no column 'kind'"):
            to_coco(frame, tmp_path / "coco", **{option: "kind"})
    for option in ("stratify", "group"):
        with pytest.raises(OptionError, match="There is no column 'kind'"):
            to_coco(frame, tmp_path / "coco", split={"train": 1.0}, **{option: "kind"})


@pytest.mark.parametrize(
    "options",
    [
        {"instances": "parts"},
        {"images": "move"},
        {"paths": "all"},
        {"seed": 0.5},
        {"near_duplicates": 64},
        {"split": {"train": 0.5}},
        {"split": {}},
        {"split": {"train": -1, "val": 2}},
        {"split": {" ": 1}},
        {"group": "prompt"},
        {"categories": "boat"},
        {"categories": ["a", "a"]},
    ],
)
def test_wrong_options_are_refused(frame, tmp_path, options):
    """Before anything is written."""
    with pytest.raises(OptionError):
        to_coco(frame, tmp_path / "coco", **options)

    assert not (tmp_path / "coco").exists()


def test_equal_rows_have_ids_of_their_own(frame, tmp_path):
    """The same image and prompt twice is two annotations."""
    twice = pd.concat([frame.iloc[:1]] * 2)
    to_coco(twice, tmp_path / "coco")

    assert len(load(tmp_path / "coco").anns) == 2
