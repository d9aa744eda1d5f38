"""samframe.verify: a byte that flipped in any file is named, and so are files that are missing or surplus."""

import json
import random

import pytest

import samframe


@pytest.fixture
def dataset(frame, tmp_path):
    frame.sam.to_parquet(tmp_path / "dataset", images="copy", rows_per_file=4)
    return tmp_path / "dataset"


def _files(dataset):
    return sorted(path for path in dataset.rglob("*") if path.is_file())


def test_a_flipped_byte_in_any_file_is_named(dataset):
    """Each file in turn, at three places each: verify names that file and no other."""
    places = random.Random(0)  # noqa: S311 - places, no secrets
    for path in _files(dataset):
        raw = path.read_bytes()
        for at in (0, len(raw) - 1, places.randrange(len(raw))):
            path.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << places.randrange(8)]) + raw[at + 1 :])

            report = samframe.verify(dataset)

            assert [(found.kind, found.path) for found in report.differences] == [
                ("damaged", path.relative_to(dataset).as_posix())
            ]
            assert path.name in str(report)
        path.write_bytes(raw)
    assert samframe.verify(dataset).ok


def test_a_file_that_is_missing_or_cut_is_named(dataset):
    """A file that was removed is missing, one that was cut is damaged."""
    for path in _files(dataset):
        if path.name == "manifest.json":
            continue
        raw = path.read_bytes()
        name = path.relative_to(dataset).as_posix()
        path.write_bytes(raw[:-1])
        cut = samframe.verify(dataset).differences
        path.unlink()
        missing = samframe.verify(dataset).differences
        path.write_bytes(raw)

        assert [(found.kind, found.path) for found in (*cut, *missing)] == [
            ("damaged", name),
            ("missing", name),
        ]


def test_a_surplus_file_is_named(dataset):
    """A file that no manifest knows is named, wherever it lies."""
    for name in (
        "data/extra.parquet",
        "notes.txt",
        "masks/00/evil.png",
        "data/part-00009-0123456789abcdef.parquet",
    ):
        path = dataset / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")

        report = samframe.verify(dataset)
        path.unlink()

        assert [(found.kind, found.path) for found in report.differences] == [("surplus", name)]
        assert not report


def test_the_report_is_text_and_json(dataset):
    """One line where all is well; JSON with the same facts."""
    report = samframe.verify(dataset)

    assert str(report).count("\n") == 0
    assert "9 rows read" in str(report)
    assert json.loads(report.to_json())["ok"] is True


def test_one_parquet_file_is_verified_by_its_page_checksums(frame, tmp_path):
    """A single file is read whole: a bit that flips in its masks is found."""
    path = tmp_path / "one.parquet"
    frame.drop(columns=7).sam.to_parquet(path, compression="none")
    raw = bytearray(path.read_bytes())
    assert samframe.verify(path).ok

    raw[raw.index(frame["mask"].iloc[0].counts) + 3] ^= 1
    path.write_bytes(raw)

    assert [found.kind for found in samframe.verify(path).differences] == ["damaged"]


def test_what_is_no_dataset_is_told(tmp_path):
    """Nothing to verify is an error, not a good report."""
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "no.parquet"):
        with pytest.raises(FileNotFoundError):
            samframe.verify(path)


def test_a_damaged_data_file_is_no_frame(dataset):
    """read_parquet refuses what verify names."""
    path = next((dataset / "data").iterdir())
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)

    with pytest.raises(samframe.MaskError, match=path.name):
        samframe.read_parquet(dataset)
