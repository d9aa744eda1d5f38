"""A Dask DataFrame of masks to a dataset's folder and back: a file a partition, written where the partition is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.export import PARTS, finish_parts, write_part
from samframe.export import read_parquet as read_part

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pandas as pd

    from samframe.export import FileEntry

__all__ = ["read_parquet", "to_parquet"]


def to_parquet(
    ddf: Any, path: str | os.PathLike[str], *, overwrite: bool = False, compute: bool = True, **options: Any
) -> Any:
    """Write each partition as a Parquet file of a dataset's folder, which :func:`samframe.read_parquet` reads too.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        With masks or without.
    path : path
        A folder that all workers see. It is made where it is missing. The parts lie in ``data/``; the manifest comes
        last, so that a reader sees all of them or none.
    overwrite : bool
        Whether the dataset of an earlier call is replaced.
    compute : bool
        Whether to write now; else what is returned does, when it is computed.
    **options
        Those of :func:`samframe.export.write_parquet`.

    Raises
    ------
    OptionError
        If there are parts already, and ``overwrite`` is False.
    """
    from dask import delayed  # noqa: PLC0415 - Dask's own entry

    folder = Path(path).expanduser().absolute()
    old = sorted((folder / PARTS).glob("*.parquet"))
    if old and not overwrite:
        raise OptionError(
            f"{folder} holds {len(old)} Parquet files already. Pass overwrite=True to replace them."
        )
    names = [f"part-{number:05d}.parquet" for number in range(ddf.npartitions)]
    write = delayed(write_part, pure=False)
    parts = [write(part, folder, name, **options) for part, name in zip(ddf.to_delayed(), names, strict=True)]
    leftovers = [file for file in old if file.name not in names]
    done = delayed(_finish, pure=False)(folder, parts, leftovers)
    return done.compute() if compute else done


def read_parquet(path: str | os.PathLike[str], *, columns: Sequence[str] | None = None) -> Any:
    """Read the parts of a dataset's folder, a partition a file; masks come back as dtype ``mask``.

    Parameters
    ----------
    path : path
        A folder that :func:`to_parquet` or :func:`samframe.segment_dataset` wrote.
    columns : sequence of str, optional
        Columns to read; all by default.

    Raises
    ------
    OptionError
        If it holds no parts.
    MaskError
        When it is computed, if a file is not sound.
    """
    import dask.dataframe as dd  # noqa: PLC0415 - with Dask's own entries above

    files = sorted((Path(path).expanduser().absolute() / PARTS).glob("*.parquet"))
    if not files:
        raise OptionError(f"{path} holds no {PARTS}/*.parquet.")
    meta = _read(files[0], columns).iloc[:0]
    return dd.from_map(_read, files, columns=columns, meta=meta)


def _read(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    return read_part(file, columns=columns)


def _finish(folder: Path, parts: list[FileEntry], leftovers: list[Path]) -> None:
    """Put the manifest in place, then remove what it does not name."""
    finish_parts(folder, parts)
    for file in leftovers:
        file.unlink(missing_ok=True)
