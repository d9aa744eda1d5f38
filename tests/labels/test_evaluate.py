"""Masks measured against truth: COCO's numbers to the last digit, and what a person reads of them."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import samframe
from samframe.errors import LabelError, OptionError
from samframe.labels.measure import COCO_NAMES
from samframe.masks import Mask

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own

H, W = 120, 150


def ellipse(cx, cy, a, b, size_hw=(H, W)):
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    return Mask.from_numpy(((columns - cx) / a) ** 2 + ((rows - cy) / b) ** 2 <= 1)


def random_set(seed, n_images, n_labels, *, objects=6, strays=5):
    """Truth with crowds and areas unlike the masks'; predictions near it and elsewhere, many of one score."""
    rng = np.random.default_rng(seed)
    truth, predictions = [], []
    for image in range(1, n_images + 1):
        for _ in range(rng.integers(0, objects + 1)):
            place = (rng.uniform(0, W), rng.uniform(0, H), rng.uniform(2, 60), rng.uniform(2, 60))
            label = int(rng.integers(n_labels))
            mask = ellipse(*place)
            if not mask.area:
                continue
            area = mask.area + (0.5 if rng.random() < 0.3 else 0)
            truth.append((image, label, mask, area, rng.random() < 0.1))
            for _ in range(rng.integers(0, 3)):
                near = (
                    place
                    if rng.random() < 0.2
                    else tuple(np.abs(np.array(place) * rng.normal(1, 0.07, 4)) + 0.5)
                )
                predictions.append(
                    (image, label if rng.random() < 0.8 else int(rng.integers(n_labels)), ellipse(*near))
                )
        for _ in range(rng.integers(0, strays + 1)):
            stray = ellipse(rng.uniform(0, W), rng.uniform(0, H), rng.uniform(2, 60), rng.uniform(2, 60))
            predictions.append((image, int(rng.integers(n_labels)), stray))
    truth = pd.DataFrame(truth, columns=["image", "label", "mask", "area", "iscrowd"])
    found = pd.DataFrame(predictions, columns=["image", "label", "mask"])
    found["score"] = rng.random(len(found)).round(1)
    for frame in (truth, found):
        frame["image"], frame["label"] = (
            frame["image"].map("{:04}.png".format),
            frame["label"].map("c{:02}".format),
        )
        frame["mask"] = frame["mask"].astype("mask")
    truth["image_id"] = truth["image"].str[:4].astype(int)
    truth["annotation_id"] = np.arange(1, len(truth) + 1)
    negatives = sorted({f"{image:04}.png" for image in range(1, n_images + 1)} - set(truth["image"]))
    if not negatives:
        return found, truth
    blank = Mask.from_numpy(np.zeros((H, W)))
    more = pd.DataFrame({"image": negatives, "mask": pd.array([blank] * len(negatives), dtype="mask")})
    more["image_id"] = more["image"].str[:4].astype(int)
    return found, pd.concat([truth, more], ignore_index=True)


def coco_stats(found, truth, kind=(COCO, COCOeval)):
    """What COCOeval says of the same masks."""
    images = [
        {"id": int(at), "file_name": name, "height": H, "width": W}
        for name, at in dict(zip(truth["image"], truth["image_id"], strict=True)).items()
    ]
    numbers = {
        name: at for at, name in enumerate(sorted({*truth["label"].dropna(), *found["label"]}), start=1)
    }
    ids = dict(zip(truth["image"], truth["image_id"], strict=True))
    objects = truth.dropna(subset=["label"])
    annotations = [
        {
            "id": int(row.annotation_id), "image_id": int(row.image_id), "category_id": numbers[row.label],
            "segmentation": row.mask.to_coco(), "area": row.area, "bbox": [0, 0, 1, 1], "iscrowd": int(row.iscrowd),
        }
        for row in objects.itertuples()
    ]  # fmt: skip
    results = [
        {
            "image_id": int(ids[row.image]), "category_id": numbers[row.label],
            "segmentation": row.mask.to_coco(), "score": row.score,
        }
        for row in found.itertuples()
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        known = kind[0]()
        known.dataset = {"info": {}, "images": images, "annotations": annotations}
        known.dataset["categories"] = [{"id": at, "name": name} for name, at in numbers.items()]
        known.createIndex()
        measure = kind[1](known, known.loadRes(results), "segm")
        measure.evaluate()
        measure.accumulate()
        measure.summarize()
    return measure.stats


@pytest.mark.parametrize("seed", range(20))
def test_the_twelve_numbers_are_cocoeval_s(seed):
    """Crowds, ignored areas, ties, images without objects: equal to 1e-9."""
    found, truth = random_set(seed, seed + 2, 1 + seed % 5)
    expected = coco_stats(found, truth)

    result = found.sam.evaluate(truth)

    assert [getattr(result, name) for name in COCO_NAMES] == pytest.approx(list(expected), abs=1e-9)


def test_faster_coco_eval_says_the_same():
    """A second judge."""
    faster = pytest.importorskip("faster_coco_eval")
    found, truth = random_set(77, 30, 3)

    expected = coco_stats(found, truth, (faster.COCO, faster.COCOeval_faster))

    result = samframe.evaluate(found, truth)
    assert [getattr(result, name) for name in COCO_NAMES] == pytest.approx(list(expected)[:12], abs=1e-9)


def test_an_empty_mask_with_a_score_is_a_prediction_as_in_coco():
    """It covers nothing, and is wrong."""
    found, truth = random_set(5, 6, 1)
    found.loc[0, "mask"] = Mask.from_numpy(np.zeros((H, W)))

    result = samframe.evaluate(found, truth)

    assert result.ap == pytest.approx(coco_stats(found, truth)[0], abs=1e-9)


@pytest.fixture
def pair():
    """Three true objects of two images, an image without any, and what was found of them."""
    small = ellipse(9, 9, 5, 5)
    truth = pd.DataFrame(
        {
            "image": ["a.png", "a.png", "b.png", "c.png"],
            "label": ["cat", "dog", "cat", None],
            "mask": pd.array(
                [
                    ellipse(30, 30, 20, 20),
                    ellipse(100, 60, 20, 20),
                    ellipse(40, 40, 25, 25),
                    Mask.from_numpy(np.zeros((H, W))),
                ],
                dtype="mask",
            ),
        },
        index=[10, 11, 12, 13],
    )
    found = pd.DataFrame(
        {
            "image": ["a.png", "a.png", "c.png", "d.png", "b.png"],
            "label": ["cat", "cat", "dog", "cat", "cat"],
            "mask": pd.array(
                [ellipse(32, 30, 20, 20), ellipse(101, 60, 20, 20), small, small, ellipse(75, 40, 25, 25)],
                dtype="mask",
            ),
        },
        index=["p", "q", "r", "s", "t"],
    )  # fmt: skip
    return found, truth


def test_pairs_are_told_by_kind(pair):
    """Hit, missed, extra, wrong label; rows by the labels of their indices."""
    found, truth = pair
    table = found.sam.evaluate(truth).matched

    kinds = {
        (row, other): kind for row, other, kind in table[["row", "truth_row", "kind"]].itertuples(index=False)
    }
    assert kinds[("p", 10)] == "hit"
    assert kinds[("q", 11)] == "wrong label"
    assert sorted(table["kind"].astype(str)) == ["extra", "extra", "hit", "missed", "wrong label"]
    assert table.loc[table["kind"] == "missed", "truth_row"].tolist() == [12]
    assert set(table.loc[table["kind"] == "extra", "row"]) == {"r", "t"}
    hit = table[table["kind"] == "hit"].iloc[0]
    assert hit["iou"] == pytest.approx(found["mask"]["p"].iou(truth["mask"][10]))
    assert hit["boundary_iou"] == pytest.approx(found["mask"]["p"].boundary_iou(truth["mask"][10]))


def test_without_scores_overlap_decides(pair):
    """Mean IoU counts what was missed as 0; average precision is not measured, and that is said."""
    found, truth = pair
    result = found.sam.evaluate(truth)

    ious = [found["mask"]["p"].iou(truth["mask"][10]), 0.0, found["mask"]["t"].iou(truth["mask"][12])]
    assert result.mean_iou == pytest.approx(np.mean(ious))
    assert (result.precision, result.recall) == (pytest.approx(1 / 4), pytest.approx(1 / 3))
    assert np.isnan(result.ap)
    assert any("no scores" in note for note in result.notes)
    assert any("1 predictions are of images that the truth does not have" in note for note in result.notes)
    assert result.thresholds.loc[0.5, "recall"] == pytest.approx(1 / 3)


def test_tables_by_label_and_image(pair):
    """Counts add up."""
    found, truth = pair
    result = found.sam.evaluate(truth)

    assert result.per_class.loc["cat", ["truth", "predictions", "hits"]].tolist() == [2, 3, 1]
    assert result.per_class.loc["dog", ["truth", "predictions", "hits"]].tolist() == [1, 1, 0]
    assert result.per_image["image"].tolist() == ["a.png", "b.png", "c.png"]
    assert result.per_image["extra"].tolist() == [0, 1, 1]
    assert result.confusion.loc["dog", "cat"] == 1
    assert result.confusion.to_numpy().sum() == len(result.matched)


def test_labels_may_be_left_aside(pair):
    """label_col=None measures masks alone."""
    found, truth = pair

    result = found.sam.evaluate(truth, label_col=None)

    assert result.recall == pytest.approx(2 / 3)
    assert set(result.matched["kind"].astype(str)) == {"hit", "missed", "extra"}


def test_a_crowd_counts_neither_way(pair):
    """What lies in a crowd is ignored."""
    found, truth = pair
    crowd = truth.iloc[[0]].assign(mask=pd.array([ellipse(75, 40, 60, 60)], dtype="mask"), image="b.png")
    everyone = pd.concat([truth.assign(iscrowd=False), crowd.assign(iscrowd=True)])

    result = found.sam.evaluate(everyone)

    assert result.matched.loc[result.matched["row"] == "t", "kind"].astype(str).tolist() == ["ignored"]


def test_images_meet_as_files_and_by_name(pair, tmp_path):
    """Absolute paths meet relative ones; bytes meet bytes."""
    found, truth = pair
    expected = found.sam.evaluate(truth).recall

    elsewhere = truth.assign(image="/data/" + truth["image"])
    data = {name: name.encode() for name in [*found["image"], *truth["image"]]}

    assert found.sam.evaluate(elsewhere).recall == expected
    by_bytes = found.assign(image=found["image"].map(data))
    assert by_bytes.sam.evaluate(truth.assign(image=truth["image"].map(data))).recall == expected


def test_intervals_hold_the_value_and_shrink_with_more_images():
    """Drawn again and again from the images that are there."""
    few, many = (random_set(3, n, 2) for n in (12, 120))

    narrow, wide = (samframe.evaluate(*pair).intervals(n_draws=300) for pair in (many, few))

    for table in (narrow, wide):
        assert (table["low"] <= table["value"] + 1e-12).all()
        assert (table["value"] <= table["high"] + 1e-12).all()
    assert (
        narrow.loc["recall", "high"] - narrow.loc["recall", "low"]
        < wide.loc["recall", "high"] - wide.loc["recall", "low"]
    )
    again = samframe.evaluate(*many).intervals(n_draws=300)
    pd.testing.assert_frame_equal(again, narrow)


def test_a_bootstrap_of_each_image_once_is_the_number_itself():
    """Weights of 1 change nothing."""
    found, truth = random_set(4, 20, 3)
    result = samframe.evaluate(found, truth)

    measured = result._drawn("ap")(np.ones(len(result._measured.cells)))

    assert measured == pytest.approx(result.ap, abs=1e-12)


def test_the_worst_come_first_and_open_in_the_gallery(pair, tmp_path, monkeypatch):
    """Truth in orange on the image, prediction as the mask over it."""
    found, truth = pair
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (W, H), "white").save(name)

    worst = found.sam.evaluate(truth).worst(4)
    viewer = worst.sam.view(canvas=False)

    assert worst["kind"].astype(str).tolist()[0] == "extra"
    assert worst["iou"].is_monotonic_increasing
    row = worst.index[worst["truth"].notna()][0]
    pixels, _ = viewer._rows.cells(int(row)) if hasattr(viewer, "_rows") else viewer.rows.cells(int(row))
    assert pixels.shape == (H, W, 3)
    assert (pixels[worst["truth"][row].to_numpy()] != 255).any()


def test_it_draws_and_prints(pair):
    """Three panels, with scores and without; a line of words; a table for notebooks."""
    found, truth = pair
    assert len(found.sam.evaluate(truth).plot()) == 3
    scored = found.assign(score=0.5, label="<b>cat</b>").sam.evaluate(truth.assign(label="<b>cat</b>"))
    assert len(scored.plot()) == 3
    assert "4 predictions" in repr(scored)
    assert "<b>cat</b>" not in scored._repr_html_()


def test_what_cannot_be_measured_is_refused_with_words(pair):
    """Columns, labels, images, sizes."""
    found, truth = pair
    small = truth.assign(mask=truth["mask"].map(lambda mask: mask.resize((60, 75))).astype("mask"))

    for call, words in [
        (lambda: found.sam.evaluate(truth, by="picture"), "no column 'picture'"),
        (
            lambda: found.sam.evaluate(truth.assign(image="x/" + truth["image"].str[0] + ".jpg")),
            "No image is in both",
        ),
        (lambda: found.sam.evaluate(truth.assign(label="bird")), "No label is in both"),
        (lambda: found.assign(mask=1).sam.evaluate(truth), "holds no masks"),
        (lambda: found.sam.evaluate(truth, iou=0), "iou is a number"),
    ]:
        with pytest.raises(OptionError, match=words):
            call()
    with pytest.raises(LabelError, match="one size"):
        found.sam.evaluate(small)


def test_nothing_found_is_a_result(pair):
    """All masks missing: recall 0, precision unknown."""
    found, truth = pair
    nothing = found.assign(mask=pd.array([None] * len(found), dtype="mask"))

    result = nothing.sam.evaluate(truth)

    assert (result.recall, result.mean_iou) == (0.0, 0.0)
    assert np.isnan(result.precision)
    assert len(result.matched) == 3
    assert result.per_class.loc["cat", "recall"] == 0


def test_iou_is_pycocotools(pair):
    """The same doubles."""
    found, truth = pair
    table = found.sam.evaluate(truth).matched.dropna(subset=["row", "truth_row"])

    for _, row in table.iterrows():
        a, b = found["mask"][row["row"]].to_coco(), truth["mask"][row["truth_row"]].to_coco()
        assert row["iou"] == coco_mask.iou([a], [b], [0])[0, 0]
