"""A second export writes what changed and nothing else; ids stay."""

import pandas as pd
import pytest

import samframe
from samframe.masks import Mask

ROWS = 200


@pytest.fixture
def frame():
    """200 rows in data files of 20, each with a mask of its own."""
    masks = [Mask.from_bbox((row % 20, row // 20, 3, 4), (40, 50)) for row in range(ROWS)]
    return pd.DataFrame(
        {
            "image": [f"photos/{row // 2}.jpg" for row in range(ROWS)],
            "prompt": [f"thing {row % 2}" for row in range(ROWS)],
            "mask": pd.array(masks, dtype="mask"),
        }
    )


@pytest.fixture
def export(tmp_path):
    """Export a frame and return the paths of the files that were written for it."""
    dataset = tmp_path / "dataset"

    def state():
        files = (path for path in dataset.rglob("*") if path.is_file())
        return {path.relative_to(dataset).as_posix(): path.stat() for path in files}

    def run(frame, **options):
        before = state()
        frame.sam.to_parquet(dataset, **{"rows_per_file": 20, **options})
        after = state()
        run.removed = sorted(before.keys() - after.keys())
        pd.testing.assert_frame_equal(samframe.read_parquet(dataset), frame)
        assert samframe.verify(dataset).ok
        return sorted(
            path
            for path, status in after.items()
            if path not in before
            or (status.st_ino, status.st_mtime_ns) != (before[path].st_ino, before[path].st_mtime_ns)
        )

    run.dataset = dataset
    return run


def _kinds(paths):
    return [path.split("/")[0] for path in paths]


def _ids(dataset):
    return pd.concat([pd.read_parquet(path) for path in sorted((dataset / "data").iterdir())])[
        "annotation_id"
    ].tolist()


def test_the_same_frame_again_writes_nothing(frame, export):
    """An export of an unchanged frame touches no file."""
    assert len(export(frame)) == ROWS + 10 + 2

    assert export(frame) == []


def test_a_corrected_mask_writes_its_file_and_its_data_file(frame, export):
    """One mask that changed: one data file, one mask, the manifest; the report is the same and stays."""
    export(frame)
    ids = _ids(export.dataset)
    frame.loc[57, "mask"] = Mask.from_bbox((30, 30, 5, 5), (40, 50))

    written = export(frame)

    assert _kinds(written) == ["data", "manifest.json", "masks"]
    assert written[0].startswith("data/part-00002-")
    assert _kinds(export.removed) == ["data", "masks"]
    assert _ids(export.dataset) == ids


def test_a_grown_frame_writes_the_last_data_file_and_the_new_masks(frame, export):
    """Rows that are added change the last data file; those before stay, ids too."""
    export(frame.iloc[:190])
    ids = _ids(export.dataset)

    written = export(frame)

    assert _kinds(written) == ["data", "fidelity.json", "manifest.json", *["masks"] * 10]
    assert len(export.removed) == 1
    assert _ids(export.dataset)[:190] == ids


def test_the_bytes_of_a_delta_are_those_of_what_changed(frame, export):
    """One row more in 200 writes less than a tenth of the whole, the manifest apart."""
    whole = export(frame.iloc[:199])
    size = {path: (export.dataset / path).stat().st_size for path in whole}

    written = export(frame)

    delta = sum((export.dataset / path).stat().st_size for path in written if path != "manifest.json")
    assert delta < 0.1 * sum(bytes_ for path, bytes_ in size.items() if path != "manifest.json") + 4096


def test_sorted_rows_share_their_masks_and_keep_their_ids(frame, export):
    """Another order writes data files; no mask is written again, and each row keeps its id."""
    export(frame)
    by_row = dict(zip(frame.index, _ids(export.dataset), strict=True))
    turned = frame.iloc[::-1]

    written = export(turned)

    assert set(_kinds(written)) == {"data", "manifest.json"}
    assert _ids(export.dataset) == [by_row[row] for row in turned.index]


def test_removed_rows_take_their_files_with_them(frame, export):
    """Files that no row needs are removed; a user's own file in the folder stays."""
    export(frame)
    (export.dataset / "README.md").write_text("mine")

    export_without_check = samframe.to_parquet(frame.iloc[:20], export.dataset, rows_per_file=20)

    assert export_without_check.rows_written == 20
    assert len(list((export.dataset / "masks").rglob("*.png"))) == 20
    assert len(list((export.dataset / "data").iterdir())) == 1
    assert (export.dataset / "README.md").read_text() == "mine"


@pytest.mark.parametrize("kind", ["masks", "data"])
@pytest.mark.parametrize("is_gone", [False, True])
def test_what_is_damaged_or_gone_is_written_again(frame, export, kind, is_gone):
    """An export heals what verify found: a file that was altered or removed is written anew, and no other."""
    export(frame)
    path = next(path for path in (export.dataset / kind).rglob("*") if path.is_file())
    raw = path.read_bytes()
    path.write_bytes(raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:])
    if is_gone:
        path.unlink()

    written = export(frame)

    assert written == [path.relative_to(export.dataset).as_posix()]


def test_other_artifacts_take_the_place_of_the_first(frame, export):
    """From PNG to NumPy and to none: the files that are no longer named go."""
    export(frame)
    export(frame, artifacts="npz")
    assert {path.suffix for path in (export.dataset / "masks").rglob("*.*")} == {".npz"}

    export(frame, artifacts="none")

    assert not (export.dataset / "masks").exists()
