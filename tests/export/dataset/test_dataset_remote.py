"""Datasets in object stores: memory:// and a real S3 protocol on loopback."""

import uuid

import fsspec
import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.export import iter_records


@pytest.fixture(scope="module")
def s3_bucket():
    """A bucket of moto's server, which speaks S3 over HTTP."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - heavy

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "test", "secret": "test", "endpoint_url": f"http://{host}:{port}"}
    fsspec.config.conf["s3"] = options
    fsspec.filesystem("s3").mkdir("datasets")
    yield "s3://datasets"
    del fsspec.config.conf["s3"]
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def target(request):
    root = "memory://datasets" if request.param == "memory" else request.getfixturevalue("s3_bucket")
    return f"{root}/{uuid.uuid4().hex}"


def _files(target):
    system, root = fsspec.core.url_to_fs(target)
    system.invalidate_cache()
    return {path.split(root.strip("/") + "/")[1]: system.cat_file(path) for path in system.find(root)}


def test_the_frame_comes_back_from_an_object_store(frame, target):
    """Written, verified and read as from a local folder, copied images included."""
    report = frame.sam.to_parquet(target, images="copy", rows_per_file=4, image_root=None)

    back = samframe.read_parquet(target, image_root=None)
    records = list(iter_records(target))

    assert samframe.verify(target).ok
    assert report.iou_min == 1.0
    pd.testing.assert_frame_equal(back.drop(columns="image"), frame.drop(columns="image"))
    assert [record.reason is None for record in records] == [True] * 8 + [False]
    assert records[0].picture.size_hw == frame["mask"].iloc[0].size_hw


def test_a_local_and_a_remote_dataset_have_the_same_masks_and_ids(frame, target, tmp_path):
    """The store changes nothing of what is stored: artifacts are the same files."""
    frame.sam.to_parquet(target)
    frame.sam.to_parquet(tmp_path / "dataset")

    for path, data in _files(target).items():
        if path.startswith("masks/"):
            assert (tmp_path / "dataset" / path).read_bytes() == data


def test_a_second_export_puts_what_changed(frame, target):
    """A delta in an object store, too: one mask more, and what is no longer named goes."""
    frame.iloc[:3].sam.to_parquet(target, rows_per_file=2)
    before = _files(target)

    frame.iloc[:4].sam.to_parquet(target, rows_per_file=2)
    after = _files(target)

    new = sorted(path.split("/")[0] for path in after.keys() - before.keys())
    assert new == ["data", "masks"]
    assert len(before.keys() - after.keys()) == 1
    assert samframe.verify(target).ok


def test_damage_in_an_object_store_is_named(frame, target):
    """Every object is read again."""
    frame.sam.to_parquet(target)
    system, _ = fsspec.core.url_to_fs(target)
    path = next(path for path in _files(target) if path.startswith("masks/"))
    system.pipe_file(
        f"{target.split('://')[1]}/{path}" if target.startswith("s3") else f"{target}/{path}", b"x"
    )

    assert [(found.kind, found.path) for found in samframe.verify(target).differences] == [("damaged", path)]


def test_images_of_this_machine_are_told_apart(frame, tmp_path):
    """An object store shares no folder with local images: they keep their common folder's paths, with a warning."""
    target = f"memory://datasets/{uuid.uuid4().hex}"

    report = frame.sam.to_parquet(target)

    assert "image_root" in report.warnings[0]
    assert all(str(tmp_path).encode() not in data for data in _files(target).values())
    back = samframe.read_parquet(target, image_root=tmp_path / "photos")
    pd.testing.assert_frame_equal(back, frame)


def test_a_protocol_that_nobody_speaks_is_told(frame):
    """An unknown scheme is an option error, and nothing is written."""
    with pytest.raises(OptionError, match="nosuch://"):
        frame.sam.to_parquet("nosuch://bucket/dataset")
