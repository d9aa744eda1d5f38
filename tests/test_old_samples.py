"""What an earlier version wrote is read as it was: stored rows stay free, logs of edits keep their meaning.

``data/old`` was written by the version whose ledger knew one list of job parameters: a store, the rows that made it, a
dataset's folder, a Parquet file, a log of edits with the frame that it led to, and keys of jobs.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import samframe
from samframe.jobs import Ledger, Parameters, job_key

OLD = Path(__file__).parent / "data" / "old"
KEYS = json.loads((OLD / "keys.json").read_text())
COLUMNS = {"coordinates_col": "points", "remove_coordinates_col": "remove"}


@pytest.fixture
def store(tmp_path):
    """A copy of the old store: reading it makes a lock file."""
    return shutil.copytree(OLD / "store", tmp_path / "store")


@pytest.fixture
def rows():
    return pd.read_parquet(OLD / "rows.parquet")


def test_the_keys_of_jobs_have_not_changed():
    """120 jobs of three deployments keep the key that their stored results lie under."""
    made = [
        job_key(
            identity=old["identity"],
            image_identity=old["image_identity"],
            prompt=old["prompt"],
            points=tuple(map(tuple, old["points"])),
            remove_points=tuple(map(tuple, old["remove_points"])),
            parameters=Parameters(model=old["model"], overlay_mask=old["overlay_mask"], base64=old["base64"]),
        )
        for old in KEYS
    ]

    assert made == [old["key"] for old in KEYS]


def test_a_store_of_before_costs_nothing(store, rows):
    """Every row that was stored comes back with its mask, and no request is sent."""
    with samframe.offline() as client:
        out = rows.iloc[:6].sam.segment(client=client, store=store, progress=False, **COLUMNS)
        requests = client._server.counters.requests

    kept = samframe.read_parquet(OLD / "masks.parquet")
    assert requests == 0
    assert out["status"].tolist() == kept["status"].tolist()
    assert out["mask"].array.isna().tolist() == kept["mask"].array.isna().tolist()
    assert (out["mask"] == kept["mask"]).fillna(value=True).all()


def test_a_ledger_of_before_is_told_whole(store):
    """States, costs and artifacts of each job are there."""
    with Ledger(store) as ledger:
        jobs = ledger.to_frame(masks=True)

    assert jobs["state"].value_counts().to_dict() == {"stored": 7, "failed": 1, "in_doubt": 1}
    assert jobs["mask"].notna().sum() == 6


def test_a_dataset_of_before_is_read_and_verified():
    """The folder of Parquet, masks and images is whole, and its frame has the masks that it was made of."""
    df = samframe.read_parquet(OLD / "dataset")

    assert samframe.verify(OLD / "dataset").ok
    assert (df["mask"] == samframe.read_parquet(OLD / "masks.parquet")["mask"].iloc[:4]).all()


def test_a_log_of_edits_of_before_is_replayed():
    """The same steps lead to the same frame."""
    df = samframe.read_parquet(OLD / "dataset")

    again = samframe.replay(df, json.loads((OLD / "events.json").read_text()))

    kept = samframe.read_parquet(OLD / "replayed.parquet")
    pd.testing.assert_frame_equal(again.drop(columns=["image"])[kept.columns], kept)
