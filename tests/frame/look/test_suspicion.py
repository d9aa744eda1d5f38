"""Suspicion: each rule by itself, the order of spoiled and good masks of known truth, and frames of every kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.testing import REPORTING_SEEDS, make_scene

SIZE = 100


def box(x, y, width, height, *, size=SIZE):
    """Return pixels with a filled box."""
    pixels = np.zeros((size, size), bool)
    pixels[y : y + height, x : x + width] = True
    return pixels


def judged(masks, **columns):
    """Return the suspicion of a frame of these masks."""
    return samframe.suspicion(pd.DataFrame({"mask": pd.array(masks, dtype="mask"), **columns}))


def test_good_mask_has_no_reason():
    """A compact mask inside its image scores 0 and has no words."""
    found = judged([box(30, 30, 20, 20)])

    assert (found["score"].dtype, found["reasons"].dtype) == ("Float64", "string")
    assert found.iloc[0].tolist() == [0.0, ""]


def test_empty_mask():
    """A mask without a pixel scores 1."""
    assert judged([box(0, 0, 0, 0)]).iloc[0].tolist() == [1.0, "empty"]


def test_nearly_full_mask():
    """What covers nearly the whole image is named with its share."""
    found = judged([box(1, 1, 98, 98)])

    assert found["reasons"][0] == "covers 96% of the image"
    assert 0.5 < found["score"][0] < 1


def test_border_weighs_little_and_by_its_length():
    """A mask cut by the edge is named; the longer the edge, the more it scores."""
    short, long = judged([box(0, 40, 20, 4), box(0, 10, 20, 80)])["score"]

    assert 0 < short < long < 0.5


def test_specks_are_counted():
    """Small parts beside a large one are specks; parts of equal size are not."""
    specked = box(30, 30, 40, 40)
    specked[2:26:4, 2:26:4] = True
    halves = box(30, 30, 10, 40) | box(60, 30, 10, 40)
    found = judged([specked, halves])

    assert found["reasons"].tolist() == ["36 specks", ""]


def test_area_far_from_the_prompts_median():
    """Of ten masks of one prompt the one of another size is named; the prompt's spelling (spaces) does not matter."""
    masks = [box(20, 20, 20 + row % 3, 20) for row in range(10)] + [box(10, 10, 80, 60)]
    found = judged(masks, prompt=["car", " car "] * 5 + ["car"])

    assert found["reasons"].tolist()[:10] == [""] * 10
    assert found["reasons"][10] == "area 11 x the median of its prompt"


def test_few_rows_of_a_prompt_say_nothing_of_its_size():
    """A median of fewer than ``area_rows`` masks is no measure."""
    masks = [box(20, 20, 5, 5), box(20, 20, 5, 6), box(10, 10, 80, 60)]

    assert judged(masks, prompt=["car"] * 3)["reasons"].tolist() == ["", "", ""]


def test_rare_prompt_is_measured_by_all():
    """A prompt with few masks is compared with the masks of all prompts, and doubted less."""
    masks = [box(20, 20, 20 + row % 3, 20) for row in range(10)] + [box(10, 10, 80, 60)]
    common = judged(masks, prompt=["car"] * 11)
    rare = judged(masks, prompt=["car"] * 10 + ["dog"])

    assert rare["reasons"].tolist() == [""] * 10 + ["area 11 x the median of all prompts"]
    assert 0 < rare["score"][10] < common["score"][10]


def test_rows_without_a_prompt_share_no_median():
    """Rows with points only may mean anything: their sizes are not compared."""
    masks = [box(20, 20, 20, 20)] * 9 + [box(10, 10, 80, 60)]

    assert set(judged(masks, prompt=[None] * 9 + [pd.NA])["reasons"]) == {""}


def test_one_prompt_with_two_answers():
    """Of three masks of one prompt in one image, the one that differs is named; its twins are not."""
    masks = [box(20, 20, 20, 20), box(60, 60, 20, 20), box(21, 20, 20, 20)]
    found = judged(masks, image=["a.png"] * 3, prompt=["car"] * 3)

    assert found["reasons"].tolist() == [
        "",
        "differs from this prompt's other masks of this image (IoU 0.00)",
        "",
    ]


def test_two_prompts_with_one_answer():
    """The same mask under two prompts of one image is doubtful under both; in another image it is not."""
    masks = [box(20, 20, 20, 20), box(20, 20, 20, 20), box(20, 20, 20, 20)]
    found = judged(masks, image=["a.png", "a.png", "b.png"], prompt=["car", "dog", "cow"])

    assert [bool(words) for words in found["reasons"]] == [True, True, False]
    assert found["reasons"][0] == "nearly the mask of another prompt in this image (IoU 1.00)"


def test_masks_of_two_sizes_are_not_compared():
    """Masks of one image in different sizes are no contradiction, and no error."""
    masks = [box(2, 2, 4, 4, size=10), box(20, 20, 20, 20)]

    assert judged(masks, image=["a.png"] * 2, prompt=["car"] * 2)["reasons"].tolist() == ["", ""]


def test_low_score_of_the_engine():
    """A score below the limit is named; a missing one is not."""
    found = judged([box(20, 20, 20, 20)] * 3, score=[0.25, None, 0.9])

    assert found["reasons"].tolist() == ["low score (0.25)", "", ""]


def test_rows_without_a_mask():
    """A failed row scores 1, one that is not done 0; both say why there is no mask."""
    status = pd.Categorical(["failed", "running", "in_doubt", "lost"])
    found = judged([None] * 4, status=status)

    assert found["score"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert found["reasons"].tolist() == [
        "no mask: failed",
        "no mask: running",
        "no mask: in_doubt",
        "no mask: lost",
    ]


def test_note_of_the_run():
    """A mask with a note (another size than its image) is doubtful."""
    error = pd.array(["Row 0: The mask came as 5 x 5 px ...", None], dtype="string")

    assert judged([box(20, 20, 20, 20)] * 2, error=error)["score"].tolist() == [0.5, 0.0]


def test_reasons_add_up_and_the_weightiest_comes_first():
    """Two reasons give more than either alone."""
    specked = box(0, 30, 40, 40)
    specked[2:26:4, 2:26:4] = True
    both, border = judged([specked, box(0, 30, 40, 40)])["score"]

    assert both > border
    assert judged([specked])["reasons"][0] == "36 specks; touches the border (10% of it)"


def test_limits_are_options():
    """Each limit moves its rule."""
    frame = pd.DataFrame({"mask": pd.array([box(0, 0, 50, 100)], dtype="mask")})

    assert frame.sam.suspicion(full_share=0.5, border_share=1.0)["reasons"][0].startswith("covers 50%")


def truths(n_scenes):
    """Return a frame of masks of drawn scenes, as they are; each image and prompt three times."""
    rows = []
    for seed in REPORTING_SEEDS[:n_scenes]:
        for style in ("flat", "clutter"):
            for one in make_scene(style, seed, size=96).objects:
                prompt = f"{one.colour} {one.shape}"
                rows.append({"image": f"{style}-{seed}", "prompt": prompt, "mask": Mask.from_numpy(one.mask)})
    once = pd.DataFrame(rows).drop_duplicates(["image", "prompt"])
    return pd.concat([once] * 3, ignore_index=True)


GRID = np.add.outer(np.arange(96) % 7, np.arange(96) % 7) == 0
SPOILED = {
    "emptied": lambda mask, other: mask - mask,
    "filled": lambda mask, other: mask | ~mask,
    "speckled": lambda mask, other: mask | Mask.from_numpy(GRID),
    "shifted": lambda mask, other: mask.translate(24, -20),
    "swapped": lambda mask, other: other,
}


@pytest.mark.parametrize("kind", SPOILED)
def test_spoiled_masks_rank_above_good_ones(kind):
    """One mask in ten is spoiled: the area under the ROC curve is above 0.9."""
    frame = truths(3)
    bad = np.arange(len(frame)) % 10 == 4
    masks = [
        SPOILED[kind](mask, frame["mask"][at - 1]) if is_bad else mask
        for at, (mask, is_bad) in enumerate(zip(frame["mask"], bad, strict=True))
    ]
    scores = frame.assign(mask=pd.array(masks, dtype="mask")).sam.suspicion()["score"].to_numpy(dtype=float)
    ranks = pd.Series(scores).rank().to_numpy()
    n_bad = bad.sum()

    assert (ranks[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * (~bad).sum()) > 0.9


@pytest.mark.parametrize(
    "index", [[7, 7], pd.MultiIndex.from_tuples([("a", 1), ("a", 1)]), pd.Index(["x", "y"])]
)
def test_index_is_kept(index):
    """Duplicate and many-level indexes come through."""
    frame = pd.DataFrame({"mask": pd.array([box(1, 1, 0, 0), box(30, 30, 9, 9)], dtype="mask")}, index=index)
    found = frame.sam.suspicion()

    assert found.index.equals(frame.index)
    assert found["score"].tolist() == [1.0, 0.0]


def test_no_rows():
    """A frame without rows gives a frame without rows, of the same dtypes."""
    empty = pd.DataFrame({"image": [], "prompt": [], "status": [], "error": [], "score": []})
    found = empty.assign(mask=pd.array([], dtype="mask")).sam.suspicion()

    assert (len(found), found["score"].dtype, found["reasons"].dtype) == (0, "Float64", "string")


def test_cells_of_every_kind():
    """Odd prompts, array images, categorical and Arrow columns are no trouble."""
    image = np.zeros((SIZE, SIZE), np.uint8)
    frame = pd.DataFrame(
        {
            "image": [image, b"bytes", None, image],
            "prompt": ["car", 3, "\u200b", b"car"],
            "mask": pd.array([box(30, 30, 9, 9)] * 3 + [None], dtype="mask"),
            "status": pd.Categorical(["completed"] * 3 + ["failed"]),
        }
    )
    arrow = frame.assign(prompt=pd.array(["car"] * 4, dtype="string[pyarrow]"))

    assert frame.sam.suspicion()["score"].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert arrow.sam.suspicion()["score"].tolist()[3] == 1.0


def test_frame_is_untouched():
    """The input frame keeps its columns and values."""
    frame = pd.DataFrame({"mask": pd.array([box(1, 1, 9, 9)], dtype="mask"), "prompt": ["car"]})
    before = frame.copy()
    frame.sam.suspicion()

    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask_col": "nothing"}, "no column 'nothing'"),
        ({"mask_col": "prompt"}, "not 'mask'"),
        ({"prompt_col": "words"}, "no column 'words'"),
        ({"low_score": -1}, "low_score is a number"),
        ({"area_mads": float("nan")}, "area_mads is a number"),
        ({"specks": "many"}, "specks is a number"),
    ],
)
def test_wrong_options_are_told(options, words):
    """A missing column or a limit that is no number is an error that names it."""
    frame = pd.DataFrame({"mask": pd.array([box(1, 1, 9, 9)], dtype="mask"), "prompt": ["car"]})
    with pytest.raises(OptionError, match=words):
        frame.sam.suspicion(**options)


def test_column_that_is_there_twice_is_told():
    """Two columns of one name are no ground to guess."""
    frame = pd.DataFrame({"mask": pd.array([box(1, 1, 9, 9)], dtype="mask"), "a": ["x"], "b": ["y"]})
    frame.columns = ["mask", "prompt", "prompt"]
    with pytest.raises(OptionError, match="2 columns named 'prompt'"):
        frame.sam.suspicion()


def test_a_low_score_of_the_local_engine_is_a_reason(tmp_path):
    """With details=True a run brings the engine's own score, and masks it is unsure of are found by it."""
    plain, camo = make_scene("flat", 20), make_scene("camo", 20)
    df = pd.DataFrame(
        {
            "image": [scene.image for scene in (plain, camo)],
            "at": [scene.objects[0].point_xy for scene in (plain, camo)],
        }
    )
    with samframe.offline() as client:
        out = df.sam.segment(
            "image", None, coordinates_col="at", client=client, store=tmp_path, details=True, progress=False
        )
        again = df.sam.segment(
            "image", None, coordinates_col="at", client=client, store=tmp_path, details=True, progress=False
        )
    doubt = out.sam.suspicion(prompt_col=None)

    assert out["score"].tolist() == again["score"].tolist()
    assert out["score"][0] > 0.5 > out["score"][1]
    assert ["low score" in text for text in doubt["reasons"]] == [False, True]
