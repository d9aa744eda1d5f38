"""COCO files are read as pycocotools reads them, pixel by pixel; what is wrong with one annotation stays with it."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

import samframe
from samframe.errors import LabelError, OptionError
from samframe.labels import elements, scan
from samframe.masks import Mask

H, W = 90, 120


def rle(mask):
    return mask.to_coco()


def runs(mask):
    edges = np.flatnonzero(np.diff(mask.to_numpy().ravel(order="F"), prepend=False)).tolist()
    return {
        "size": list(mask.size_hw),
        "counts": np.diff([0, *edges, mask.size_hw[0] * mask.size_hw[1]]).tolist(),
    }


def disk(x, y, radius, size_hw=(H, W)):
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    return Mask.from_numpy((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def triangle(x, y, side):
    return [x, y, x + side, y + 1.5, x + side / 3, y + side]


def write(path, annotations, images=None, categories=None, **more):
    images = images or [{"id": 10, "file_name": "a.png", "height": H, "width": W}]
    categories = categories or [{"id": 1, "name": "cat"}, {"id": 90, "name": "naïve dög 犬"}]
    whole = {"info": {"n": 1}, "annotations": annotations, "images": images, "categories": categories, **more}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def annotation(number, segmentation, image=10, category=1, **more):
    return {
        "id": number, "image_id": image, "category_id": category, "segmentation": segmentation,
        "iscrowd": 0, "area": 7.5, "bbox": [0, 0, 5, 5], **more,
    }  # fmt: skip


@pytest.fixture
def rich(tmp_path):
    """Every kind of segmentation, ids with gaps, folders in names, images without annotations."""
    images = [
        {"id": 900, "file_name": "sub/é/1.png", "height": H, "width": W},
        {"id": 7, "file_name": "2.png", "height": 60, "width": 200},
        {"id": 33, "file_name": "empty.png", "height": 5, "width": 6},
    ]
    annotations = [
        annotation(501, [triangle(5, 5, 40)], 7, 90),
        annotation(3, [triangle(10, 9, 30), triangle(60, 30, 50), triangle(55.25, 28.125, 20)], 900),
        annotation(88, rle(disk(40, 40, 22)), 900, 90),
        annotation(9_007_199_254_740_991, runs(disk(80, 30, 29)), 900, iscrowd=1),
        annotation(12, [triangle(-30, -20, 300)], 7),
    ]
    return write(tmp_path / "truth.json", annotations, images)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own
def test_masks_equal_pycocotools_pixel_by_pixel(rich, capsys):
    """Polygons of one and of several parts, and both kinds of run lengths."""
    truth, frame = COCO(rich), samframe.read_coco(rich)

    found = frame.dropna(subset=["annotation_id"]).set_index("annotation_id")["mask"]
    assert sorted(found.index) == sorted(truth.anns)
    for number, mask in found.items():
        assert (mask.to_numpy() == truth.annToMask(truth.anns[number]).astype(bool)).all()


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_faster_coco_eval_reads_the_same(rich):
    """A second reader of the field agrees."""
    faster = pytest.importorskip("faster_coco_eval")

    truth, frame = faster.COCO(str(rich)), samframe.read_coco(rich)

    for _, row in frame.dropna(subset=["annotation_id"]).iterrows():
        assert (
            row["mask"].to_numpy() == truth.annToMask(truth.anns[row["annotation_id"]]).astype(bool)
        ).all()


def test_ids_names_and_flags_are_the_files(rich):
    """Rows come by image in the file's order, with the file's own ids."""
    frame = samframe.read_coco(rich)

    assert frame["annotation_id"].tolist() == [3, 88, 9_007_199_254_740_991, 501, 12, pd.NA]
    assert frame["image_id"].tolist() == [900, 900, 900, 7, 7, 33]
    assert frame["label"].tolist() == ["cat", "naïve dög 犬", "cat", "naïve dög 犬", "cat", pd.NA]
    assert frame["iscrowd"].tolist() == [False, False, True, False, False, pd.NA]
    assert frame["image"].tolist()[0] == "sub/é/1.png"
    assert frame["area"].tolist()[0] == 7.5
    assert frame["error"].isna().all()


def test_an_image_without_annotations_is_a_row_with_an_empty_mask(rich):
    """A negative has its image's size."""
    last = samframe.read_coco(rich).iloc[-1]

    assert last["label"] is pd.NA
    assert last["mask"] == Mask.from_numpy(np.zeros((5, 6)))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("block", [300, 1 << 23])
def test_layout_and_blocks_make_no_difference(rich, monkeypatch, indent, block):
    """Files over many lines, and files cut into many blocks, give the same frame."""
    expected = samframe.read_coco(rich)
    facts = json.loads(rich.read_text(encoding="utf-8"))
    rich.write_text(json.dumps(facts, indent=indent, ensure_ascii=False), encoding="utf-8-sig")
    monkeypatch.setattr(elements, "_BLOCK", block)
    monkeypatch.setattr(scan, "_BLOCK", 61)

    pd.testing.assert_frame_equal(samframe.read_coco(rich), expected)


def test_texts_that_look_like_structure_are_read(tmp_path):
    """Braces, quotes and backslashes in texts, and objects within annotations, cut nothing."""
    odd = [
        annotation(at, rle(disk(20 + at, 30, 9)), note='}, {"id": 5', deep=[{"a": 1}, {"b": [{"c": '\\"'}]}])
        for at in range(1, 40)
    ]
    frame = samframe.read_coco(write(tmp_path / "odd.json", odd))

    assert frame["annotation_id"].tolist() == list(range(1, 40))
    assert set(frame["note"]) == {'}, {"id": 5'}
    assert frame["mask"].tolist() == [disk(20 + at, 30, 9) for at in range(1, 40)]


def test_further_columns_are_kept(tmp_path):
    """Numbers, words and flags of annotations, and of their attributes, are columns."""
    annotations = [
        annotation(1, rle(disk(20, 20, 5)), score=0.5, hard=True, by="Ada", attributes={"occluded": True}),
        annotation(2, [triangle(3, 3, 20)], score=1, by=None, attributes={"occluded": False}),
    ]
    frame = samframe.read_coco(write(tmp_path / "more.json", annotations))

    assert frame["score"].tolist() == [0.5, 1.0]
    assert frame["hard"].tolist() == [True, pd.NA]
    assert frame["by"].tolist() == ["Ada", pd.NA]
    assert frame["occluded"].tolist() == [True, False]


BAD = {
    "counts that do not sum": ({"size": [H, W], "counts": [5, 6]}, "sum"),
    "compressed counts that do not sum": ({"size": [H, W], "counts": "52"}, "sum"),
    "a negative run": ({"size": [H, W], "counts": [-1, 1 + H * W]}, "negative"),
    "bytes that are no counts": ({"size": [H, W], "counts": "é!"}, "characters|malformed"),
    "a size of one number": ({"size": [H], "counts": [H * W]}, "size"),
    "a size of words": ({"size": ["a", "b"], "counts": [H * W]}, "size"),
    "another image's size": ({"size": [5, 6], "counts": [3, 27]}, "the mask is 6 x 5 px, the image 120 x 90"),
    "ten gigabytes of claims": ({"size": [2**31, 2**31], "counts": [1, 2]}, "no image has"),
    "x without y": ([[1, 2, 3, 4, 5, 6, 7]], "x without y"),
    "two corners": ([[1, 2, 3, 4]], "three corners"),
    "no polygon": ([], "no polygon"),
    "nothing": (None, "no polygon|no segmentation"),
    "a polygon of words": ([["a", "b", "c", "d", "e", "f"]], "numbers"),
    "a corner that is no number": ([[1, 2, float("nan"), 4, 5, 6]], "no number"),
    "a corner at the end of the world": ([[1, 2, 1e300, 4, 5, 6]], "no number"),
    "a number": (5, "no int"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_annotation_is_one_row_with_its_place(tmp_path, name):
    """The others are read; the error says what is wrong and where it stands."""
    segmentation, words = BAD[name]
    good = rle(disk(30, 30, 9))
    path = write(
        tmp_path / "bad.json", [annotation(1, good), annotation(2, segmentation), annotation(3, good)]
    )

    frame = samframe.read_coco(path)

    assert frame["mask"].isna().tolist() == [False, True, False]
    assert frame["error"].isna().tolist() == [True, False, True]
    assert frame["error"][1].startswith("bad.json: annotations[1] (id 2): ")
    assert pd.Series(frame["error"][1]).str.contains(words).all(), frame["error"][1]


def test_an_annotation_that_is_no_json_is_one_row(tmp_path):
    """A slip of the pen within one annotation costs that one."""
    path = write(tmp_path / "slip.json", [annotation(at, rle(disk(30, 30, at))) for at in (1, 2, 3)])
    text = path.read_text().replace('"id": 2, "image_id": 10', '"id": 2, "image_id": 1O')
    path.write_text(text)

    frame = samframe.read_coco(path)

    assert frame["annotation_id"].tolist() == [1, 3, pd.NA]
    assert "annotations[1]: no JSON" in frame["error"][2]


def test_unknown_images_and_categories_are_told(tmp_path):
    """Ids that lead nowhere."""
    good = rle(disk(30, 30, 9))
    path = write(
        tmp_path / "lost.json",
        [annotation(1, good, image=11), annotation(2, good, category=5), annotation(3, good)],
    )

    frame = samframe.read_coco(path).set_index("annotation_id")

    assert "no image of the id 11" in frame.loc[1, "error"]
    assert "no category of the id 5" in frame.loc[2, "error"]
    assert frame.loc[3, "error"] is pd.NA


def test_the_image_s_size_is_read_from_disk_where_the_file_has_none(tmp_path):
    """Polygons need it."""
    Image.new("RGB", (W, H)).save(tmp_path / "a.png")
    images = [{"id": 10, "file_name": "a.png"}, {"id": 11, "file_name": "gone.png"}]
    path = write(
        tmp_path / "sizes.json",
        [annotation(1, [triangle(5, 5, 40)]), annotation(2, [triangle(5, 5, 40)], 11)],
        images,
    )

    frame = samframe.read_coco(path, tmp_path)

    assert frame["mask"][0].size_hw == (H, W)
    assert "the size of the image is not known" in frame["error"][1]


def test_images_missing_on_disk_are_told_and_their_masks_stay(tmp_path):
    """A label is worth something without its image."""
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    Image.new("RGB", (W, H)).save(folder / "sub" / "a.png")
    images = [
        {"id": 10, "file_name": "sub/a.png", "height": H, "width": W},
        {"id": 11, "file_name": "b.png", "height": H, "width": W},
        {"id": 12, "file_name": "../../etc/passwd", "height": H, "width": W},
    ]
    good = rle(disk(30, 30, 9))
    path = write(
        tmp_path / "some.json",
        [annotation(1, good), annotation(2, good, 11), annotation(3, good, 12)],
        images,
    )

    frame = samframe.read_coco(path, folder)

    assert frame["image"][0] == str(folder / "sub" / "a.png")
    assert frame["mask"].notna().all()
    assert frame["error"][0] is pd.NA
    assert "is not on disk" in frame["error"][1]
    assert "leads out of the folder" in frame["error"][2]


def test_results_are_read_with_the_dataset_that_they_are_of(rich, tmp_path):
    """A list of predictions has scores and no images of its own."""
    results = [{"image_id": 900, "category_id": 90, "segmentation": rle(disk(30, 30, 9)), "score": 0.25}]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))

    frame = samframe.read_coco(path, dataset=rich)

    assert frame["score"].tolist() == [0.25, pd.NA, pd.NA]
    assert frame["label"].tolist()[0] == "naïve dög 犬"
    with pytest.raises(OptionError, match="dataset="):
        samframe.read_coco(path)


def test_boxes_become_masks_when_asked_for(tmp_path):
    """Detection files have boxes alone."""
    path = write(
        tmp_path / "boxes.json", [annotation(1, [], bbox=[2, 3, 4, 5]), annotation(2, [], bbox=[2, 3, -4, 5])]
    )

    assert samframe.read_coco(path)["mask"].isna().all()
    frame = samframe.read_coco(path, boxes=True)
    assert frame["mask"][0].bbox_xywh == (2, 3, 4, 5)
    assert "negative" in frame["error"][1]


@pytest.mark.parametrize("what", ["images", "annotations", "categories"])
def test_ids_that_are_there_twice_are_refused(tmp_path, what):
    """Two of one id: pycocotools keeps the last without a word."""
    path = write(tmp_path / "twice.json", [annotation(1, rle(disk(30, 30, 9)))])
    facts = json.loads(path.read_text())
    facts[what].append(facts[what][0])
    path.write_text(json.dumps(facts))

    with pytest.raises(LabelError, match=r"twice\.json.*(twice|has the id)"):
        samframe.read_coco(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short_is_refused_with_its_place(rich, share):
    """The byte where it breaks off is named."""
    data = rich.read_bytes()
    rich.write_bytes(data[: int(len(data) * share)])

    with pytest.raises(LabelError, match=r"truth\.json.*byte"):
        samframe.read_coco(rich)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "breaks off"),
        ("<html>", "no JSON"),
        ("[1, 2]", "dataset="),
        ('{"images": []}', "'annotations'"),
        ('{"annotations": []}', "'images'"),
        ('{"annotations": {}, "images": []}', "no list"),
        ('{"annotations": [], "images": [{"id": [1]}], "categories": []}', "no id"),
        ('{"annotations": [], "images": [], "categories": [{"id": 1}]}', "no id and name"),
        ('{"annotations": [], "images": [], "images": []}', "twice"),
        ('{"annotations": [], "images": []} {}', "goes on"),
        ('{"annotations": [], "images": [] "x"}', "expected"),
        ('{"annotations": ' + "[" * 100_000 + "]" * 100_000 + ', "images": []}', "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_coco_file_is_refused(tmp_path, text, words):
    """Each with its own words."""
    path = tmp_path / "no.json"
    path.write_text(text)

    if words == "no JSON" and text.startswith("{"):
        assert "no JSON" in samframe.read_coco(path)["error"][0]
        return
    with pytest.raises((LabelError, OptionError), match=words):
        samframe.read_coco(path)


def test_cycles_of_categories_are_followed_nowhere(tmp_path):
    """A category that is its own ancestor is one category."""
    categories = [
        {"id": 1, "name": "cat", "supercategory": "dog"},
        {"id": 2, "name": "dog", "supercategory": "cat"},
    ]
    path = write(tmp_path / "cycle.json", [annotation(1, rle(disk(30, 30, 9)))], categories=categories)

    assert samframe.read_coco(path)["label"].tolist() == ["cat"]


def test_memory_beside_the_frame_is_bounded(tmp_path):
    """A file of 60 MB takes a few blocks of it, not the whole."""
    path = tmp_path / "large.json"
    with path.open("w") as file:
        file.write(
            '{"images": [{"id": 10, "file_name": "a.png", "height": 90, "width": 120}], "annotations": ['
        )
        body = json.dumps(annotation(1, rle(disk(30, 30, 9)), note="x" * 4000, deep=[{}])).partition(",")[2]
        file.write(",".join(f'{{"id": {at},{body}' for at in range(15_000)))
        file.write('], "categories": [{"id": 1, "name": "cat"}]}')
    expected = path.stat().st_size
    elements._BLOCK, before = 1 << 20, elements._BLOCK
    try:
        tracemalloc.start()
        frame = samframe.read_coco(path).drop(columns="note")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        elements._BLOCK = before

    assert len(frame) == 15_000
    assert peak < 2.5 * expected  # the column of notes is the frame's own


corner = st.floats(-40, 160, allow_nan=False).map(lambda value: round(value, 2))


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(corner, min_size=6, max_size=14).filter(lambda ring: len(ring) % 2 == 0),
        min_size=1,
        max_size=3,
    )
)
def test_any_polygons_are_rasterised_as_pycocotools_does(tmp_path_factory, rings):
    """Concave, crossing themselves, outside of the image."""
    path = write(tmp_path_factory.mktemp("coco") / "any.json", [annotation(1, rings)])

    found = samframe.read_coco(path)["mask"][0]

    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, H, W)))
    assert (found.to_numpy() == expected.astype(bool)).all()


def test_a_folder_as_roboflow_writes_it(tmp_path):
    """The file lies among the images of its split; sizes may be written as floats."""
    Image.new("RGB", (W, H)).save(tmp_path / "a.png")
    images = [{"id": 10, "file_name": "a.png", "height": float(H), "width": float(W)}]
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        Image.new("RGB", (W, H)).save(tmp_path / split / "a.png")
        write(tmp_path / split / "_annotations.coco.json", [annotation(1, [triangle(5, 5, 40)])], images)

    frame = samframe.read_coco(tmp_path)

    assert frame["split"].tolist() == ["train", "valid"]
    assert frame["image"].tolist() == [str(tmp_path / split / "a.png") for split in ("train", "valid")]
    assert frame["error"].isna().all()
    assert frame["mask"].notna().all()
