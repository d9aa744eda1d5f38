"""`samframe verify`: what it prints and how it ends."""

import json

import pandas as pd
import pytest

from samframe.export import to_parquet
from samframe.masks import Mask


@pytest.fixture
def dataset(tmp_path):
    masks = pd.array([Mask.from_bbox((1, 2, 3, 4), (20, 30)), None], "mask")
    to_parquet(pd.DataFrame({"prompt": ["cat", "dog"], "mask": masks}), tmp_path / "dataset")
    return tmp_path / "dataset"


def test_a_whole_dataset_ends_with_0(samframe, dataset):
    """One line, and exit status 0."""
    ran = samframe("verify", dataset)

    assert (ran.status, ran.err) == (0, "")
    assert "as it was written" in ran.out
    assert "2 rows read" in ran.out


def test_a_damaged_dataset_ends_with_5_and_names_the_file(samframe, dataset):
    """What differs is named, as text and as JSON."""
    path = next((dataset / "masks").rglob("*.png"))
    path.write_bytes(path.read_bytes()[:-1])

    ran, as_json = samframe("verify", dataset), samframe("verify", dataset, "--json")

    assert (ran.status, as_json.status) == (5, 5)
    assert path.name in ran.out
    assert json.loads(as_json.out)["differences"][0]["path"] == path.relative_to(dataset).as_posix()


def test_no_dataset_ends_with_2(samframe, tmp_path):
    """What is no dataset is told on stderr."""
    ran = samframe("verify", tmp_path / "nowhere")

    assert ran.status == 2
    assert "manifest.json" in ran.err
