"""One frame, one Parquet file: what is in it, that it comes back, and what damaged files do."""

import json
import stat

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import samframe
from samframe.errors import MaskError, SamframeError
from samframe.export import read_parquet, write_parquet
from samframe.ground.files import atomic_write
from samframe.masks import Mask, to_arrow


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    masks = [Mask.from_numpy(rng.random((20, 30)) < density) for density in (0.1, 0.5, 0.9)]
    return pd.DataFrame(
        {
            "image": ["a.jpg", "b.jpg", None, "a.jpg"],
            "mask": pd.array([*masks, None], dtype="mask"),
            "status": pd.Categorical(["completed", "completed", "completed", "failed"]),
            "inference_time": pd.array([1.5, 1.6, 1.7, None], dtype="Float64"),
        }
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "masks.parquet"


def _column(path, name):
    group = pq.ParquetFile(path).metadata.row_group(0)
    return next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == name)


@pytest.mark.parametrize("labels", [None, [7, 7, 8, 9], [("a", 1), ("a", 2), ("b", 1), ("b", 1)]])
def test_round_trip(frame, path, labels):
    """Any frame comes back as it was, whatever its index."""
    if labels:
        frame.index = pd.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else labels

    write_parquet(frame, path)

    pd.testing.assert_frame_equal(read_parquet(path), frame)


def test_chosen_columns_and_rows(frame, path):
    """Columns and rows can be chosen; the area beside a mask filters, and is not read back."""
    write_parquet(frame, path)

    result = read_parquet(path, columns=["mask"], filters=[("mask_area", ">", 100)])

    assert list(result) == ["mask"]
    assert result["mask"].tolist() == frame["mask"][1:3].tolist()


def test_counts_have_no_dictionary_and_no_statistics(frame, path):
    """COCO bytes hardly repeat: they are plain, zstd, without minimum and maximum; other columns keep theirs."""
    write_parquet(frame, path)

    counts, area = _column(path, "mask.counts"), _column(path, "mask_area")

    assert counts.compression == "ZSTD"
    assert not any("DICTIONARY" in encoding for encoding in counts.encodings)
    assert counts.statistics is None
    assert any("DICTIONARY" in encoding for encoding in area.encodings)
    assert area.statistics.max == frame["mask"].map(lambda mask: mask.area, na_action="ignore").max()


def test_no_extension_type_in_the_file(frame, path):
    """The stored Arrow schema names no extension type."""
    write_parquet(frame, path)

    assert b"ARROW:extension" not in path.read_bytes()


def test_page_checksums_find_a_flipped_bit(frame, path):
    """A bit that flips on disk is an error, not another mask."""
    write_parquet(frame, path, compression="none")
    raw = bytearray(path.read_bytes())
    at = raw.index(frame["mask"][1].counts)
    raw[at + 5] ^= 1
    path.write_bytes(raw)

    with pytest.raises(MaskError, match="no sound Parquet file"):
        read_parquet(path)


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"not parquet at all", b"PAR1" + bytes(40) + b"PAR1"])
def test_what_is_no_parquet_is_refused(path, raw):
    """A file of something else is an error of samframe's own that names the file."""
    path.write_bytes(raw)

    with pytest.raises(SamframeError, match=r"masks\.parquet"):
        read_parquet(path)


def test_missing_file_is_told(path):
    """A file that is not there is Python's own error."""
    with pytest.raises(FileNotFoundError):
        read_parquet(path)


def test_truncated_file_is_refused(frame, path):
    """Half a file is an error."""
    write_parquet(frame, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(SamframeError):
        read_parquet(path)


def test_file_of_a_later_version_is_refused(frame, path):
    """A later major version of the metadata is refused with the advice to update."""
    table = to_arrow(frame)
    later = json.dumps({"version": "2.0", "columns": {}}).encode()
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"samframe": later}), path)

    with pytest.raises(SamframeError, match="Update samframe"):
        read_parquet(path)


def test_file_of_masks_that_lie_is_refused(path):
    """A mask whose runs do not fit its size is an error that names the column."""
    bad = pa.array([{"h": 4, "w": 4, "counts": b"o1"}])
    pq.write_table(
        pa.table({"m": bad.cast(to_arrow(pd.DataFrame({"m": pd.array([None], "mask")})).field("m").type)}),
        path,
    )

    with pytest.raises(MaskError, match="Column 'm': Element 0"):
        read_parquet(path)


def test_failed_write_keeps_the_old_file(frame, path, monkeypatch):
    """Where writing fails the file is as it was, and nothing is left beside it."""
    write_parquet(frame, path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_parquet(frame.iloc[:1], path)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_missing_folder_is_told(frame, tmp_path):
    """A folder that is not there is not made."""
    with pytest.raises(FileNotFoundError):
        write_parquet(frame, tmp_path / "nowhere" / "x.parquet")


def test_atomic_write_keeps_permissions_and_links(tmp_path):
    """The file that takes the place has the old permissions; a link stays a link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)

    with atomic_write(link) as temporary:
        temporary.write_text("new")

    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_atomic_write_shows_nothing_before_the_end(tmp_path):
    """Until the block ends a reader sees the old file; an interrupt leaves it."""
    target = tmp_path / "target"
    target.write_text("old")

    def interrupted():
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            assert target.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("name", ["masks.parquet", "MASKS.PARQUET", "masks.pq", "a.b.parquet"])
def test_a_path_that_names_a_file_is_one_file(frame, tmp_path, name):
    """The accessor and the typed function write what read_parquet gives back."""
    frame.sam.to_parquet(tmp_path / name)
    samframe.to_parquet(frame, str(tmp_path / f"too-{name}"), row_group_size=2)

    pd.testing.assert_frame_equal(samframe.read_parquet(tmp_path / name), frame)
    pd.testing.assert_frame_equal(samframe.read_parquet(tmp_path / f"too-{name}"), frame)
    assert pq.ParquetFile(tmp_path / f"too-{name}").num_row_groups == 2
