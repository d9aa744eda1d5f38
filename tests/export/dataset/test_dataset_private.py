"""Nothing of the machine in a dataset: no absolute path, no key, no pickle, no name that leads out of the folder."""

import json
import os
import re
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import samframe
from samframe.export.files.names import fold_name
from samframe.masks import Mask
from samframe.testing import sample_photo

KEY = "SG_9f8e7d6c5b4a3210"
PORTABLE = re.compile(r"[A-Za-z0-9._%=\-]+")


def _contents(dataset):
    """Yield path and bytes of each file; of a data file also all of its values as text, which compression hides."""
    for path in dataset.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
        if path.suffix == ".parquet":
            yield path, repr(pq.read_table(path).to_pylist()).encode()


def _machine_texts(tmp_path):
    return {str(tmp_path), str(Path.home()), str(Path.cwd()), os.uname().nodename} - {"/", "/root"}


@pytest.mark.parametrize("images", ["reference", "copy", "embed"])
@pytest.mark.parametrize("place", ["column", "categories", "index", "levels", "other column"])
def test_no_path_of_this_machine_is_in_any_file(frame, tmp_path, images, place):
    """Wherever the frame has an absolute path, no file says where it lies, and the frame comes back all the same."""
    frame["error"] = pd.array([*[None] * 8, f"Row 8: '{tmp_path}/photos/x.png': no such file"], "string")
    if place == "categories":
        frame["image"] = frame["image"].astype("category")
    elif place == "index":
        frame = frame.set_index("image", drop=False).rename_axis(None)
    elif place == "levels":
        frame = frame.set_index(["image", "prompt"], drop=False).rename_axis(["file", "what"])
    elif place == "other column":
        frame = frame.rename(columns={"error": "trouble"})
        frame["overlay"] = pd.array([f"{tmp_path}/store/overlay.png", *[None] * 8], "string")

    error_col = "trouble" if place == "other column" else "error"
    frame.sam.to_parquet(tmp_path / "dataset", images=images, error_col=error_col)

    for path, data in _contents(tmp_path / "dataset"):
        for text in _machine_texts(tmp_path):
            assert text.encode() not in data, (path, text)
    back = samframe.read_parquet(tmp_path / "dataset")
    pd.testing.assert_frame_equal(back.drop(columns=error_col), frame.drop(columns=error_col))


def test_absolute_paths_where_they_are_asked_for(frame, tmp_path):
    """With paths="absolute" the data files have the paths as they are."""
    frame.sam.to_parquet(tmp_path / "dataset", paths="absolute")

    stored = pd.read_parquet(tmp_path / "dataset" / "data")["image"]

    assert stored.tolist() == frame["image"].tolist()


def test_dataset_and_images_move_together(frame, tmp_path, photos):
    """Once the folder that holds both is elsewhere, the frame names the images there."""
    (tmp_path / "here").mkdir()
    photos.rename(tmp_path / "here" / "photos")
    frame["image"] = frame["image"].str.replace(str(photos), str(tmp_path / "here" / "photos"), regex=False)
    frame.sam.to_parquet(tmp_path / "here" / "dataset")
    (tmp_path / "here").rename(tmp_path / "there")

    back = samframe.read_parquet(tmp_path / "there" / "dataset")

    assert back["image"].map(os.path.exists).all()
    assert back["image"].str.startswith(str(tmp_path / "there" / "photos")).all()


def test_images_that_share_no_folder_with_the_dataset_keep_their_own(frame, tmp_path):
    """Paths on another branch of the tree start at the images' common folder, and that is told."""
    frame["image"] = [f"/elsewhere/deep/photos/{row}.png" for row in range(len(frame))]

    report = frame.sam.to_parquet(tmp_path / "dataset")

    assert "image_root" in report.warnings[0]
    assert all(b"elsewhere" not in data for _, data in _contents(tmp_path / "dataset"))
    back = samframe.read_parquet(tmp_path / "dataset", image_root="/elsewhere/deep/photos")
    assert back["image"].tolist() == frame["image"].tolist()


def test_relative_paths_stay_as_the_user_wrote_them(frame, tmp_path):
    """Whatever a relative path looks like, and whatever stands beside it, it comes back as it was."""
    cells = [
        "a.jpg",
        "./b.jpg",
        "../c.jpg",
        ".//d.jpg",
        "~/e.jpg",
        "https://host/f.jpg",
        str(tmp_path / "g.jpg"),
        "",
        ".",
    ]
    frame["image"] = cells

    frame.sam.to_parquet(tmp_path / "dataset")

    assert samframe.read_parquet(tmp_path / "dataset")["image"].tolist() == cells


def test_no_key_is_in_any_file(tmp_path, monkeypatch):
    """After a real segmentation with details, the key is in no byte of the dataset."""
    from samframe.server import DrawnEngine, LocalServer, ServerConfig  # noqa: PLC0415 - starlette is heavy

    monkeypatch.setenv("SEGMIND_API_KEY", KEY)
    df = pd.DataFrame(
        {"image": [str(sample_photo("coffee")), str(sample_photo("chelsea"))], "prompt": ["cup", "nose"]}
    )
    with LocalServer(ServerConfig(engine=DrawnEngine(), api_key=KEY)) as server:
        client = samframe.Client(base_url=server.base_url)
        out = df.sam.segment(client=client, details=True, progress=False, store=tmp_path / "store")
    assert out["status"].tolist() == ["completed", "completed"]

    out.sam.to_parquet(tmp_path / "dataset", images="copy")

    assert all(KEY.encode() not in data for _, data in _contents(tmp_path / "dataset"))
    stored = pd.read_parquet(tmp_path / "dataset" / "data")
    assert {"request_id", "cost", "engine", "inference_time", "prompt"} <= set(stored.columns)
    assert stored["request_id"].tolist() == out["request_id"].tolist()


def test_no_file_is_a_pickle(frame, tmp_path):
    """Every file is of a kind that is known by its first bytes; none is a pickle, and NumPy loads without them."""
    frame["arrays"] = [np.arange(3)] * len(frame)
    frame["mixed"] = [1, "x", *[None] * 7]

    frame.sam.to_parquet(tmp_path / "dataset", artifacts="npz", images="copy")

    starts = {".parquet": b"PAR1", ".json": b"{", ".npz": b"PK\x03\x04", ".png": b"\x89PNG"}
    for path in (tmp_path / "dataset").rglob("*"):
        if path.is_file():
            assert path.read_bytes().startswith(starts[path.suffix])
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert list(arrays) == ["mask"]


def test_hostile_names_stay_inside_and_lead_back(tmp_path):
    """Names of files, labels and values from hell: portable paths in the folder, and each row finds its own again."""
    names = [
        "a b.png",
        "🦊.png",
        "Car.png",
        "car.png",
        "café.png",
        "cafe\u0301.png",
        "x" * 200 + ".png",
        "=1+1.png",
    ]
    labels = ["../", "CON", "NUL", "y" * 300, "-rf", "=HYPERLINK(1)", "\u202egnp", "a\x00b\n"]
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(names):
        Image.fromarray(np.full((9, 9, 3), number, np.uint8)).save(folder / name)
    df = pd.DataFrame(
        {
            "image": [str(folder / name) for name in names],
            "prompt": labels,
            "mask": pd.array([Mask.from_bbox((number, 0, 1, 1), (9, 9)) for number in range(8)], "mask"),
        },
        index=labels,
    )

    df.sam.to_parquet(tmp_path / "dataset", images="copy", partition_by="prompt")

    files = [
        path.relative_to(tmp_path / "dataset") for path in (tmp_path / "dataset").rglob("*") if path.is_file()
    ]
    assert all(PORTABLE.fullmatch(part) for path in files for part in path.parts)
    assert len({fold_name(str(path)) for path in files}) == len(files)
    assert not [path for path in tmp_path.iterdir() if path.name not in {"photos", "dataset"}]
    back = samframe.read_parquet(tmp_path / "dataset", images="copied")
    assert back.index.tolist() == labels
    assert back["prompt"].tolist() == labels
    assert [np.asarray(Image.open(path))[0, 0, 0] for path in back["image"]] == list(range(8))
    listed = {
        entry["path"] for entry in json.loads((tmp_path / "dataset" / "manifest.json").read_text())["files"]
    }
    assert {str(path) for path in files} == listed | {"manifest.json", "fidelity.json"}
    assert all(set(path) <= set(string.printable) for path in listed)


def test_warnings_tell_no_folder_of_the_machine(frame, tmp_path, monkeypatch):
    """A picture that cannot be copied is named by its file alone; in full where that is asked for."""
    monkeypatch.chdir(tmp_path)
    df = frame.assign(image=["gone.png", *frame["image"].iloc[1:]])
    told = {}
    for paths in ("relative", "absolute"):
        samframe.to_parquet(df, tmp_path / paths, images="copy", paths=paths)
        told[paths] = [(tmp_path / paths / name).read_text() for name in ("manifest.json", "fidelity.json")]

    assert all("'gone.png' was looked for" in text for text in told["relative"])
    assert not [text for text in told["relative"] if str(tmp_path) in text]
    assert all(f"{tmp_path}/gone.png" in text for text in told["absolute"])
