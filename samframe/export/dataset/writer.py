"""A frame to a dataset's folder: new files first, the manifest last, so that it is the old dataset or the new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from samframe._version import __version__
from samframe.errors import MaskError, OptionError
from samframe.export.dataset.columns import added_columns, distinct_masks, mask_arrays
from samframe.export.dataset.facts import count_contents, count_values, make_report, make_warnings
from samframe.export.dataset.images import IMAGE_MODES, RowImages, find_images, image_path
from samframe.export.dataset.mask_files import ARTIFACTS, artifact_path, read_artifact, write_artifact
from samframe.export.dataset.parts import PartOptions, plan_parts, write_parts
from samframe.export.files import (
    MANIFEST,
    FileEntry,
    Folder,
    LocalFolder,
    Manifest,
    PathBase,
    Store,
    find_base,
    is_own_file,
    open_folder,
    read_manifest,
)
from samframe.export.rows import IMAGE_BYTES, frame_table, quote_json
from samframe.ground.cells import text_or_none, without_folders

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

    import pandas as pd
    import pyarrow as pa

    from samframe.export.report import ExportReport

__all__ = ["write_dataset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The call's options, checked."""

    image_col: Hashable | None
    prompt_col: Hashable | None
    points_cols: tuple[Hashable, ...]
    error_col: Hashable | None
    split_col: Hashable | None
    artifacts: str
    images: str
    paths: str
    partition_by: tuple[Hashable, ...]
    image_root: str | os.PathLike[str] | None
    quote_formulas: bool
    parts: PartOptions


def write_dataset(
    df: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    image_col: Hashable | None = "image",
    prompt_col: Hashable | None = "prompt",
    points_cols: Sequence[Hashable] = (),
    error_col: Hashable | None = "error",
    split_col: Hashable | None = None,
    artifacts: Literal["png", "npz", "none"] = "png",
    images: Literal["reference", "copy", "embed"] = "reference",
    paths: Literal["relative", "absolute"] = "relative",
    partition_by: str | Sequence[str] = (),
    image_root: str | os.PathLike[str] | None = None,
    rows_per_file: int = 16_384,
    row_group_size: int = 4096,
    compression: str = "zstd",
    quote_formulas: bool = False,
) -> ExportReport:
    """Write a frame as a dataset's folder, or bring the one that is there up to date.

    ::

        dataset/
          manifest.json           what the dataset is made of: every file with its SHA-256 and length
          fidelity.json           what was read back after writing
          data/part-00000-....parquet     all columns, masks as struct<h, w, counts>, areas, boxes, ids
          masks/3f/3f81....png    one file a distinct mask
          images/a0/a09c....jpg   one file a distinct image, where images="copy"

    Files are named after their content. A second export writes those that are new, then the manifest, which is put in
    place at once; what no manifest names any more is removed last. A reader that follows the manifest sees the old
    dataset or the new one, whenever this process ends.

    Parameters
    ----------
    df : pandas.DataFrame
        Any frame; column names are unique.
    path : path or fsspec URL
        A folder that is new, empty, or a dataset already.
    image_col, prompt_col : column name or None
        What the masks are of; where the frame has no such column, nothing is looked for.
    points_cols : sequence of column names
        Columns of coordinates: they tell rows of one image and prompt apart, for their ids.
    error_col : column name or None
        Column of messages, from which folders of this machine are cut out.
    split_col : column name, optional
        Column with each row's split, counted in the manifest.
    artifacts : {"png", "npz", "none"}
        One file a distinct mask: a PNG of 1 bit a pixel, a compressed NumPy array ``mask``, or none.
    images : {"reference", "copy", "embed"}
        Image cells as they are; the files in ``images/`` too; or their bytes in the data. URLs stay URLs. Pillow images
        and arrays, which no table holds, are kept as PNG in any case.
    paths : {"relative", "absolute"}
        Whether absolute paths of this machine are written relative to the dataset, and made absolute when it is read.
    partition_by : column name or several
        One folder a value: ``data/label=car/part-...``; the column stays in the files.
    image_root : path, optional
        A folder that confines image paths; stored paths are relative to it.
    rows_per_file, row_group_size : int
        Rows of a data file, and of its row groups.
    compression : str
        As in :func:`pyarrow.parquet.write_table`.
    quote_formulas : bool
        Whether text of the frame in the JSON files that a spreadsheet would calculate gets an apostrophe in front. The
        data files hold what the frame holds in any case.

    Returns
    -------
    ExportReport
        Measured by reading back what was written.

    Raises
    ------
    OptionError
        If an option or a column is wrong, the folder holds something else, or another process writes there.
    MaskError
        If the dataset that is there is damaged, or what was read back is not what was written.
    OSError
        If a file cannot be written; a dataset that was there is as it was.
    """
    named = [None if name not in df.columns else name for name in (image_col, prompt_col)]
    options = _Options(
        image_col=named[0],
        prompt_col=named[1],
        points_cols=tuple(points_cols),
        error_col=error_col,
        split_col=split_col,
        artifacts=artifacts,
        images=images,
        paths=paths,
        partition_by=(partition_by,) if isinstance(partition_by, str) else tuple(partition_by),
        image_root=image_root,
        quote_formulas=quote_formulas,
        parts=PartOptions(
            rows_per_file=rows_per_file, row_group_size=row_group_size, compression=compression
        ),
    )
    _check(df, options)
    folder = open_folder(path)
    with folder.locked():
        store = Store(folder, _existing(folder))
        return _write(df, store, options)


def _write(df: pd.DataFrame, store: Store, options: _Options) -> ExportReport:
    folder = store.folder
    rows = _row_images(df, options)
    base = _base(df, folder, options)
    added = added_columns(
        df,
        rows,
        base,
        image_col=options.image_col,
        prompt_col=options.prompt_col,
        points_cols=options.points_cols,
        artifacts=options.artifacts,
        images=options.images,
        is_partitioned=bool(options.partition_by),
    )
    table, index = _table(df, added, options, rows, base)
    masks = [] if options.artifacts == "none" else _write_masks(df, store, options.artifacts)
    images = [] if options.images == "embed" else _write_images(rows, store)
    embedded = rows.pictures if IMAGE_BYTES in added else None
    parts = plan_parts(df, options.partition_by, embedded, options.parts)
    entries = (*write_parts(table, parts, embedded, store, options.parts), *images, *masks)
    warnings = make_warnings(
        df, rows, base, images=options.images, has_image_root=options.image_root is not None
    )
    if options.paths == "relative":
        warnings = [without_folders(text) for text in warnings]
    report = make_report(df, folder.shown, warnings)
    shown = quote_json if options.quote_formulas else lambda facts: facts
    manifest = Manifest(
        generation=1,
        samframe_version=__version__,
        counts=shown(count_contents(df, entries)),
        splits=shown(count_values(df, options.split_col)),
        options=shown(_described(options)),
        index=index,
        warnings=shown(warnings),
        files=entries,
    )
    store.commit(manifest, report.to_json(shown).encode())
    return report


def _described(options: _Options) -> dict[str, Any]:
    """Return the options as the manifest keeps them."""
    names = ("image_col", "prompt_col", "split_col")
    return {
        **{name: text_or_none(getattr(options, name)) for name in names},
        "points_cols": [str(name) for name in options.points_cols],
        "artifacts": options.artifacts,
        "images": options.images,
        "paths": options.paths,
        "partition_by": [str(name) for name in options.partition_by],
    }


def _row_images(df: pd.DataFrame, options: _Options) -> RowImages:
    if options.image_col is None:
        return RowImages(pictures=[None] * len(df))
    return find_images(df, options.image_col, mode=options.images, image_root=options.image_root)


def _base(df: pd.DataFrame, folder: Folder, options: _Options) -> PathBase | None:
    if options.paths == "absolute":
        return None
    root = folder.root if isinstance(folder, LocalFolder) else None
    cells = [] if options.image_col is None else df[options.image_col].tolist()
    return find_base(root, cells, image_root=options.image_root)


def _check(df: pd.DataFrame, options: _Options) -> None:
    if not df.columns.is_unique or df.columns.nlevels > 1:
        raise OptionError(
            "A dataset has unique column names of one level: rename or flatten df.columns first."
        )
    for name, given, known in (
        ("artifacts", options.artifacts, ARTIFACTS),
        ("images", options.images, IMAGE_MODES),
        ("paths", options.paths, ("relative", "absolute")),
    ):
        if given not in known:
            raise OptionError(
                f"{name} is {', '.join(map(repr, known[:-1]))} or {known[-1]!r}; it is {given!r}."
            )
    for least, name in (
        (options.parts.rows_per_file, "rows_per_file"),
        (options.parts.row_group_size, "row_group_size"),
    ):
        if least < 1:
            raise OptionError(f"{name} is a number of at least 1; it is {least!r}.")
    for column in (
        *options.partition_by,
        *options.points_cols,
        *([options.split_col] if options.split_col is not None else []),
    ):
        if column not in df.columns:
            raise OptionError(f"The frame has no column {column!r}.")
    if options.images != "reference" and options.image_col is None:
        raise OptionError(f"images={options.images!r} needs the column of images: name it with image_col.")


def _existing(folder: Folder) -> Manifest | None:
    """Return the manifest of the dataset that is there, None where there is none.

    Raises
    ------
    OptionError
        If the folder holds something else.
    """
    if folder.size(MANIFEST) is not None:
        return read_manifest(folder)
    for path in folder.files():
        if not is_own_file(path):
            raise OptionError(
                f"{folder.shown} is no dataset and not empty ({path!r} is in it): choose another folder."
            )
    return None


def _table(
    df: pd.DataFrame, added: dict[str, Any], options: _Options, rows: RowImages, base: PathBase | None
) -> tuple[pa.Table, dict[str, Any]]:
    if rows.in_memory and options.image_col is not None:
        df = df.copy(deep=False)
        cells = df[options.image_col].astype(object).copy()
        cells.iloc[rows.in_memory] = None
        df[options.image_col] = cells
    return frame_table(df, added, base=base, image_col=options.image_col, error_col=options.error_col)


def _write_masks(df: pd.DataFrame, store: Store, kind: str) -> list[FileEntry]:
    entries: dict[str, FileEntry] = {}
    for _, array in mask_arrays(df):
        for _, mask in distinct_masks(array):
            path = artifact_path(mask, kind)
            if path in entries or 0 in mask.size_hw:
                continue
            entry = store.kept(path)
            if entry is None:
                data = write_artifact(mask, kind)
                if read_artifact(data, kind) != mask:
                    raise MaskError(f"{path} was not read back as it was written. The dataset is as it was.")
                entry = store.put(path, data, kind="mask")
            entries[path] = entry
    return list(entries.values())


def _write_images(rows: RowImages, store: Store) -> list[FileEntry]:
    entries: dict[str, FileEntry] = {}
    for picture in rows.pictures:
        if picture is None or (path := image_path(picture)) in entries:
            continue
        kept = store.kept(path)
        is_whole = kept is not None and kept.sha256 == picture.sha256
        entries[path] = (
            kept if kept is not None and is_whole else store.put(path, picture.read(), kind="image")
        )
    return list(entries.values())
