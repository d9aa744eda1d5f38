"""Hugging Face datasets, read by datasets: in this process, and in one that never imports samframe."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from samframe.errors import OptionError
from samframe.export import to_huggingface
from samframe.masks import Mask

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.timeout(300)


def see(folder, program):
    """Run a program in a fresh process without samframe; it has `datasets` and `np`, and prints `result` as JSON."""
    code = f"""
import json, sys
import datasets
import numpy as np
datasets.disable_progress_bars()
folder = {str(folder)!r}
{textwrap.dedent(program)}
assert not any(name.split(".")[0] == "samframe" for name in sys.modules)
print(json.dumps(result))
"""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder.parent / "cache"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env=environment,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_hard_mask_comes_back_in_memory(frame, masks):
    """A DatasetDict holds one row a mask, exactly, the empty one too."""
    found = to_huggingface(frame)["train"]

    assert found.features["label"].names == list(masks)
    assert len(found) == len(masks)
    for row in found:
        mask = masks[row["prompt"]]
        assert (np.array(row["mask"]) > 127).tolist() == mask.to_numpy().tolist()
        assert (row["area"], row["bbox"]) == (mask.area, list(mask.bbox_xywh))
        assert row["image"].size == (480, 240)
        assert found.features["label"].int2str(row["label"]) == row["prompt"]


def test_load_dataset_reads_the_files_without_samframe(frame, tmp_path, masks):
    """load_dataset("parquet") decodes images and masks by itself, split by split."""
    report = to_huggingface(frame, tmp_path / "set", split={"train": 0.5, "val": 0.5})
    seen = see(
        tmp_path / "set",
        """
        files = {name: f"{folder}/data/{name}-*.parquet" for name in ("train", "val")}
        loaded = datasets.load_dataset("parquet", data_files=files)
        rows = [row for split in loaded.values() for row in split]
        np.savez("masks.npz", *[np.array(row["mask"]) > 127 for row in rows])
        result = {
            "prompts": [row["prompt"] for row in rows],
            "modes": sorted({row["image"].mode + row["mask"].mode for row in rows}),
            "splits": {name: len(split) for name, split in loaded.items()},
            "names": loaded["train"].features["label"].names,
        }
        """,
    )
    found = dict(zip(seen["prompts"], np.load(tmp_path / "masks.npz").values(), strict=True))

    assert report.iou_min == 1.0
    assert seen["modes"] == ["RGBL"]
    assert sum(seen["splits"].values()) == len(masks)
    assert seen["names"] == list(masks)
    assert all((found[name] == mask.to_numpy()).all() for name, mask in masks.items())


def test_the_folder_is_a_dataset_by_itself(frame, tmp_path):
    """load_dataset(folder) finds the splits by the files' names."""
    to_huggingface(frame, tmp_path / "set", task="semantic", split={"train": 0.5, "test": 0.5})
    seen = see(
        tmp_path / "set",
        """
        loaded = datasets.load_dataset(folder)
        result = {name: [np.unique(row["label_map"]).tolist() for row in split] for name, split in loaded.items()}
        """,
    )

    assert set(seen) == {"train", "test"}
    assert sum(len(split) for split in seen.values()) == 9


def test_semantic_maps_are_exact(frame, masks):
    """One row an image; 0 is background, category i is i + 1."""
    found = to_huggingface(frame, task="semantic")["train"]

    assert found.column_names == ["image", "label_map"]
    for number, (row, mask) in enumerate(zip(found, masks.values(), strict=True), start=1):
        assert (np.array(row["label_map"]) == mask.to_numpy() * number).all()


def test_the_report_goes_with_datasets_in_memory(frame):
    """Where there is no file to hold it, the description says what was left out."""
    found = to_huggingface(frame)

    assert "1 without" in found["train"].info.description


def test_without_datasets_memory_is_refused_and_files_are_not(frame, tmp_path, monkeypatch):
    """The package is needed for a DatasetDict only; its absence is told before any work."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(OptionError, match=r"pip install samframe\[hf\]"):
        to_huggingface(frame)

    assert to_huggingface(frame, tmp_path / "set").rows_written == 9


def test_an_empty_split_is_no_file(frame, tmp_path):
    """Datasets cannot read a file without rows; a warning tells of it."""
    report = to_huggingface(frame.iloc[[0]], tmp_path / "set", split={"train": 0.9, "val": 0.1})

    assert any("'val' is empty" in warning for warning in report.warnings)
    assert [path.name for path in (tmp_path / "set" / "data").iterdir()] == ["train-00000-of-00001.parquet"]


def test_many_rows_are_many_row_groups(tmp_path):
    """Single rows are read without the whole file."""
    image = np.random.RandomState(0).randint(0, 255, (16, 16, 3), dtype=np.uint8)
    masks = [Mask.from_bbox((0, 0, 1 + row % 16, 1 + row // 16), (16, 16)) for row in range(250)]
    df = pd.DataFrame({"image": [image] * 250, "mask": pd.array(masks, dtype="mask")})
    report = to_huggingface(df, tmp_path / "set")
    file = pq.ParquetFile(tmp_path / "set" / "data" / "train-00000-of-00001.parquet")

    assert report.rows_written == 250
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [100, 100, 50]


@pytest.mark.parametrize("options", [{"task": "panoptic"}, {"overlap": "top"}])
def test_wrong_options_are_refused(frame, options):
    """Before a row is read."""
    with pytest.raises(OptionError):
        to_huggingface(frame, **options)
