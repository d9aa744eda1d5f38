"""Label Studio's exports: brushes, polygons, boxes, ellipses; what is wrong stays in its region."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from drawn import H, W, disk, picture

import samframe
from samframe.errors import LabelError
from samframe.masks import Mask


def brush(mask, colour=(255, 255, 255, 255)):
    """Encode a mask as Label Studio does: the bits of RGBA, runs and literals."""
    pixels = np.zeros((*mask.size_hw, 4), np.uint8)
    pixels[mask.to_numpy()] = colour
    flat = pixels.ravel()
    bits = f"{flat.size:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    at = 0
    while at < flat.size:
        run = at + 1
        while run < flat.size and flat[run] == flat[at] and run - at < 65_536:
            run += 1
        if run - at > 2:
            bits += f"1{3:02b}{run - at - 1:016b}{flat[at]:08b}"
            at = run
            continue
        end = min(at + 8, flat.size)
        bits += f"0{0:02b}{end - at - 1:03b}" + "".join(f"{value:08b}" for value in flat[at:end])
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def region(name, kind, value, **more):
    return {
        "id": name,
        "type": kind,
        "from_name": "t",
        "to_name": "image",
        "original_width": W,
        "original_height": H,
        "image_rotation": 0,
        "value": value,
        **more,
    }


@pytest.fixture
def studio(tmp_path):
    a = disk(40, 30, 14)
    tasks = [
        {
            "id": 5,
            "data": {"image": "/data/upload/1/1a2b3c4d-%C3%A9.png", "note": "x"},
            "annotations": [
                {
                    "id": 8,
                    "result": [
                        region(
                            "r1",
                            "brushlabels",
                            {"format": "rle", "rle": brush(a), "brushlabels": ["cat", "pet"]},
                        ),
                        region(
                            "r2",
                            "brushlabels",
                            {"format": "rle", "rle": brush(a, (9, 200, 7, 255)), "brushlabels": ["dog"]},
                        ),
                        region(
                            "r3",
                            "polygonlabels",
                            {
                                "points": [[10, 10], [60, 15], [30, 80]],
                                "polygonlabels": ["cat"],
                                "closed": True,
                            },
                        ),
                        region(
                            "r4",
                            "rectanglelabels",
                            {
                                "x": 25,
                                "y": 50,
                                "width": 50,
                                "height": 25,
                                "rotation": 0,
                                "rectanglelabels": ["dog"],
                            },
                        ),
                        region(
                            "r5",
                            "ellipselabels",
                            {
                                "x": 50,
                                "y": 50,
                                "radiusX": 20,
                                "radiusY": 20,
                                "rotation": 0,
                                "ellipselabels": ["dog"],
                            },
                        ),
                        region("r6", "brush", {"format": "rle", "rle": brush(a)}, parentID="r7"),
                        region("r6", "labels", {"labels": ["fox"]}, parentID="r6"),
                        {"id": "c", "type": "choices", "value": {"choices": ["good"]}},
                        {"from_id": "r1", "to_id": "r2", "type": "relation", "direction": "right"},
                        region(
                            "b1",
                            "brushlabels",
                            {"format": "rle", "rle": brush(a)[:40], "brushlabels": ["cat"]},
                        ),
                        region(
                            "b2", "brushlabels", {"format": "rle", "rle": [255] * 60, "brushlabels": ["cat"]}
                        ),
                        region("b3", "polygonlabels", {"points": [[1, 2]], "polygonlabels": ["cat"]}),
                        region(
                            "b4", "keypointlabels", {"x": 1, "y": 2, "width": 1, "keypointlabels": ["cat"]}
                        ),
                        region("b5", "rectanglelabels", {"x": "a", "y": 2, "width": 1, "height": 1}),
                        {"id": "b6", "type": "brushlabels", "value": {"rle": [1], "brushlabels": ["cat"]}},
                    ],
                },
                {
                    "id": 9,
                    "was_cancelled": True,
                    "result": [region("x", "rectanglelabels", {"x": 0, "y": 0, "width": 9, "height": 9})],
                },
            ],
            "predictions": [
                {
                    "id": 3,
                    "score": 0.5,
                    "result": [
                        region(
                            "p",
                            "rectanglelabels",
                            {"x": 0, "y": 0, "width": 50, "height": 50, "rectanglelabels": ["cat"]},
                        )
                    ],
                }
            ],
        },
        {"id": 6, "data": {"image": "gone.png"}, "annotations": [{"id": 10, "result": []}]},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def test_label_studio_regions_become_masks(studio, tmp_path):
    """Brushes of any colour, polygons in percent, boxes, ellipses; labels of all results of a region."""
    picture(tmp_path / "pictures" / "é.png")
    frame = samframe.read_label_studio(studio, tmp_path / "pictures").set_index("annotation_id")

    good = frame.loc[["r1", "r2", "r3", "r4", "r5", "r6"]]
    assert good["label"].tolist() == ["cat", "dog", "cat", "dog", "dog", "fox"]
    assert good["mask"][["r1", "r2", "r6"]].tolist() == [disk(40, 30, 14)] * 3
    ring = [10 * W / 100, 10 * H / 100, 60 * W / 100, 15 * H / 100, 30 * W / 100, 80 * H / 100]
    assert good["mask"]["r3"] == Mask.from_polygons([ring], (H, W), rule="coco")
    assert good["mask"]["r4"].bbox_xywh == (20, 30, 40, 15)
    assert good["mask"]["r5"].area == pytest.approx(np.pi * 16 * 12, rel=0.02)
    assert good["labels"]["r1"] == "cat, pet"
    assert good["image"].tolist() == [str(tmp_path / "pictures" / "é.png")] * 6
    assert set(good["image_id"]) == {5}
    assert set(good["completion_id"]) == {8}
    assert good["error"].isna().all()


def test_label_studio_faults_stay_in_their_regions(studio):
    """Cut short, of another image, too few corners, no area, no numbers, no size."""
    frame = samframe.read_label_studio(studio)
    errors = frame.dropna(subset=["error"]).set_index("annotation_id")["error"]

    for name, words in {
        "b1": "breaks off",
        "b2": "no image of",
        "b3": "three corners",
        "b4": "no area",
        "b5": "numbers",
        "b6": "original_width",
    }.items():
        assert words in errors[name], (name, errors[name])
        assert "tasks[0], annotation 0, region" in errors[name]
    assert frame.iloc[-1]["image"] == "gone.png"
    assert frame.iloc[-1]["label"] is pd.NA


def test_label_studio_predictions_and_other_files(studio, tmp_path):
    """Predictions have scores; what is no export is refused."""
    frame = samframe.read_label_studio(studio, predictions=True)
    assert frame["score"].tolist()[0] == 0.5
    assert frame["mask"][0].bbox_xywh == (0, 0, 40, 30)
    for text, words in (("{}", "no list"), ('[{"id": 1', "breaks off"), ("", "breaks off")):
        path = tmp_path / "no.json"
        path.write_text(text)
        with pytest.raises(LabelError, match=words):
            samframe.read_label_studio(path)
