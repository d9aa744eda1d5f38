"""Hugging Face datasets, read by datasets: in this process, and in one that never imports samframe."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import textwrap

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from samframe.errors import OptionError
from samframe.export import to_huggingface
from samframe.export.formats import hf_parquet as _hf_parquet
from samframe.masks import Mask

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.timeout(300)


def see(folder, program):
    """Run a program in a process that cannot import samframe; it has `datasets` and `np`, and prints `result` as JSON.

    Python starts without this environment's packages (-I, -S), then gets those of its folder, whose ``.pth`` files
    lead to an editable samframe and are not read, and not samframe itself should it lie there.
    """
    code = f"""
import importlib.abc, json, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "samframe":
            raise ModuleNotFoundError("No module named 'samframe'", name="samframe")
sys.meta_path.insert(0, Absent())
sys.path.append({sysconfig.get_paths()["purelib"]!r})
try:
    import samframe
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("samframe can be imported: " + samframe.__file__)
import datasets
import numpy as np
datasets.disable_progress_bars()
folder = {str(folder)!r}
{textwrap.dedent(program)}
assert not any(name.split(".")[0] == "samframe" for name in sys.modules)
assert not any("samframe" in repr(finder) for finder in sys.meta_path)
print(json.dumps(result))
"""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder.parent / "cache"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
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

    assert found.features["label"].names == [name for name in masks if name != "empty"]
    assert len(found) == len(masks)
    for row in found:
        mask = masks[row["prompt"]]
        assert (np.array(row["mask"]) > 127).tolist() == mask.to_numpy().tolist()
        assert (row["area"], row["bbox"]) == (mask.area, list(mask.bbox_xywh))
        assert row["image"].size == (480, 240)
        if row["area"]:
            assert found.features["label"].int2str(row["label"]) == row["prompt"]
        else:
            assert row["label"] is None


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
    assert seen["names"] == [name for name in masks if name != "empty"]
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
    numbers = {
        name: number for number, name in enumerate((name for name in masks if name != "empty"), start=1)
    }
    for row, (name, mask) in zip(found, masks.items(), strict=True):
        assert (np.array(row["label_map"]) == mask.to_numpy() * numbers.get(name, 0)).all()


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


def test_footers_do_not_grow_with_rows(tmp_path, monkeypatch):
    """A writer keeps the footer of a file in memory until its end: no images in it, and files of so many row groups."""
    monkeypatch.setattr(_hf_parquet, "_FILE_GROUPS", 2)
    image = np.random.RandomState(0).randint(0, 255, (16, 16, 3), dtype=np.uint8)
    df = pd.DataFrame(
        {
            "image": [image] * 450,
            "mask": pd.array([Mask.from_bbox((0, 0, 9, 9), (16, 16))] * 450, dtype="mask"),
        }
    )
    report = to_huggingface(df, tmp_path / "set")
    paths = sorted((tmp_path / "set" / "data").iterdir())
    files = [pq.ParquetFile(path) for path in paths]
    columns = [files[0].metadata.row_group(0).column(at) for at in range(files[0].metadata.num_columns)]

    assert report.rows_written == 450
    assert [path.name for path in paths] == [f"train-{at:05}-of-00003.parquet" for at in range(3)]
    assert [file.metadata.num_rows for file in files] == [200, 200, 50]
    assert not any(
        column.is_stats_set for column in columns if column.path_in_schema.startswith(("image", "mask"))
    )


@pytest.mark.parametrize("options", [{"task": "panoptic"}, {"overlap": "top"}])
def test_wrong_options_are_refused(frame, options):
    """Before a row is read."""
    with pytest.raises(OptionError):
        to_huggingface(frame, **options)
