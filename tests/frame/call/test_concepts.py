"""Several prompts an image: a row for each, labels with synonyms that collapse, prompts that are taken away."""

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.frame.call.concepts import check_prompts, collapse, expand
from samframe.masks import Mask

NAMES = {name: name for name in ("mask", "status", "error", "cost", "score")}


def mask_of(x1, x2, y2=20):
    """A rectangle in a raster of 20 x 20."""
    pixels = np.zeros((20, 20), bool)
    pixels[:y2, x1:x2] = True
    return Mask.from_numpy(pixels)


def answered(concepts, rows):
    """What a call gives for one image whose prompts were answered so: (mask or None, status, score, cost) a prompt."""
    expansion = expand(
        pd.DataFrame({"image": ["a"]}, index=["i"]),
        concepts,
        prompt_col="prompt",
        label_col="label",
        overwrite=False,
    )
    masks, status, scores, costs = zip(*rows, strict=True)
    result = expansion.frame.assign(
        mask=pd.array([pd.NA if mask is None else mask for mask in masks], dtype="mask"),
        status=list(status),
        error=pd.array([None] * len(rows), dtype="string"),
        score=pd.array(scores, dtype="Float64"),
        cost=pd.array(costs, dtype="Float64"),
    )
    return collapse(result, expansion, concepts, NAMES, label_col="label")


DONE = "completed"


def test_a_row_an_image_and_prompt(service, picture):
    """The index repeats, every prompt is a job, and the plan's jobs are the server's count."""
    df = pd.DataFrame({"image": [picture(10), picture(11)], "n": [1, 2]}, index=["x", "y"])
    prompts = ["p1", "p2", "p3", "p2"]
    bill = df.sam.plan("image", prompts=prompts, **service.options)
    before = service.submits

    out = service.segment(df, "image", prompts=prompts)

    assert (bill.rows, bill.to_pay) == (6, 6)
    assert service.submits == before + bill.to_pay
    assert out.index.tolist() == ["x"] * 3 + ["y"] * 3
    assert out["prompt"].tolist() == ["p1", "p2", "p3"] * 2
    assert out["n"].tolist() == [1, 1, 1, 2, 2, 2]
    assert (out["status"] == DONE).all()


def test_a_cell_of_prompts_is_as_many_rows(service, picture):
    """A list, an array, one text and no text, each row its own."""
    df = pd.DataFrame({"image": [picture(12)] * 4, "prompt": [["p1", "p2"], np.array(["p3"]), "p4", None]})

    out = service.segment(df)

    assert out["prompt"].tolist() == ["p1", "p2", "p3", "p4", None]
    assert out["status"].tolist() == [DONE] * 4 + ["failed"]
    assert out.index.tolist() == [0, 0, 1, 2, 3]
    assert out["error"].iloc[4].startswith("Row 3: ")


def test_labels_and_their_synonyms(service, picture):
    """A label's synonyms are jobs of their own, and equal jobs of two labels are one."""
    df = pd.DataFrame({"image": [picture(13)]})
    prompts = {"vehicle": ["p1", "p2"], "person": "p3", "thing": ["p1"]}
    bill = df.sam.plan(prompts=prompts, **service.options)

    out = service.segment(df, prompts=prompts, same_iou=1.0, columns={"label": "kind"})

    assert (bill.rows, bill.duplicates, bill.to_pay) == (4, 1, 3)
    assert set(zip(out["kind"], out["prompt"], strict=True)) >= {("person", "p3"), ("thing", "p1")}


def test_synonyms_of_one_object_collapse_to_the_best():
    """The best score stays, what it cost is the sum, and nothing else goes."""
    concepts = check_prompts({"vehicle": ["car", "auto", "bus"], "person": ["boy"]}, None, 0.8)
    car, auto, bus = mask_of(0, 10), mask_of(0, 11), mask_of(12, 20)

    out = answered(
        concepts,
        [(car, DONE, 0.7, 0.002), (auto, DONE, 0.9, 0.003), (bus, DONE, 0.5, 0.001), (car, DONE, 0.1, 0.002)],
    )

    assert out["prompt"].tolist() == ["auto", "bus", "boy"]
    assert out["cost"].tolist() == [0.005, 0.001, 0.002]
    assert out["cost"].sum() == pytest.approx(0.008)
    assert out.index.tolist() == ["i"] * 3


def test_synonyms_that_found_nothing_say_nothing():
    """Where another did; where none did one row tells it; what is open or in doubt stays."""
    concepts = check_prompts({"a": ["p", "q"], "b": ["r", "s"], "c": ["t", "u"]}, None, 0.8)

    out = answered(
        concepts,
        [
            (mask_of(0, 5), DONE, None, 0.002), (None, "failed", None, None),
            (None, "failed", None, None), (None, "failed", None, None),
            (mask_of(0, 5), DONE, None, 0.002), (None, "in_doubt", None, None),
        ],
    )  # fmt: skip

    assert out["prompt"].tolist() == ["p", "r", "t", "u"]


def test_what_is_excluded_is_taken_away():
    """From each mask of the image; a prompt that found nothing takes nothing, one that is open is told."""
    concepts = check_prompts(["car", "bus"], ["shadow", "road"], 0.8)
    whole = mask_of(0, 20)

    out = answered(
        concepts,
        [
            (whole, DONE, None, None), (None, "failed", None, None),
            (mask_of(0, 4), DONE, None, None), (None, "running", None, None),
        ],
    )  # fmt: skip

    assert out["prompt"].tolist() == ["car", "bus"]
    assert out["mask"].iloc[0] == whole - mask_of(0, 4)
    assert "not taken away yet" in out["error"].iloc[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompts": []}, "prompts is empty"),
        ({"prompts": {}}, "prompts is empty"),
        ({"prompts": [1]}, "a list of texts"),
        ({"prompts": [""]}, "a list of texts"),
        ({"prompts": {"a": 3}}, r"prompts\['a'\]"),
        ({"prompts": ["a"], "exclude": ["a"]}, "in prompts and in exclude"),
        ({"prompts": ["a"], "same_iou": 0}, "same_iou"),
        ({"prompts": ["a"], "same_iou": 80}, "same_iou"),
        ({"exclude": ["a"]}, "give both"),
        ({"prompts": ["a"], "prompt_col": "n"}, "prompts twice"),
        ({"prompts": ["a"], "only": "missing"}, "in two calls"),
    ],
)
def test_what_cannot_be_asked(service, picture, options, words):
    """Nothing is sent."""
    with pytest.raises(OptionError, match=words):
        service.segment(pd.DataFrame({"image": [picture()], "n": ["x"]}), **options)


def test_columns_of_the_same_name_are_not_lost(service, picture):
    """A prompt column that is there is replaced only where that is said."""
    df = pd.DataFrame({"image": [picture(14)], "prompt": ["mine"]})

    with pytest.raises(OptionError, match=r"has 'prompt' already.*columns=\{"):
        service.segment(df, prompts=["a"])
    renamed = service.segment(df, prompts=["a"], columns={"prompt": "asked"})
    replaced = samframe.segment(df, prompts=["a"], overwrite=True, **service.options)

    assert (renamed["prompt"].tolist(), renamed["asked"].tolist()) == (["mine"], ["a"])
    assert replaced["prompt"].tolist() == ["a"]
