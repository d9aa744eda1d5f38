"""A Dask DataFrame of masks to a folder of Parquet parts and back: a file a partition, written where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.export import read_parquet as read_part
from samframe.export import write_parquet as write_part

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["read_parquet", "to_parquet"]


def to_parquet(
    ddf: Any, path: str | os.PathLike[str], *, overwrite: bool = False, compute: bool = True, **options: Any
) -> Any:
    """Write each partition as ``part-00000.parquet`` and so on; each file appears whole or not at all.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        With masks or without.
    path : path
        A folder that all workers see. It is made where it is missing.
    overwrite : bool
        Whether files of an earlier call may be replaced; those that this call does not write are removed.
    compute : bool
        Whether to write now; else what is returned does, when it is computed.
    **options
        Those of :func:`samframe.export.write_parquet`.

    Raises
    ------
    OptionError
        If the folder holds Parquet files, and ``overwrite`` is False.
    """
    folder = Path(path).expanduser().absolute()
    old = sorted(folder.glob("*.parquet"))
    if old and not overwrite:
        raise OptionError(
            f"{folder} holds {len(old)} Parquet files already. Pass overwrite=True to replace them."
        )
    folder.mkdir(parents=True, exist_ok=True)
    targets = [folder / f"part-{number:05d}.parquet" for number in range(ddf.npartitions)]
    for leftover in set(old) - set(targets):
        leftover.unlink()
    from dask import delayed  # noqa: PLC0415 - Dask's own entry

    write = delayed(write_part, pure=False)
    parts = [write(part, target, **options) for part, target in zip(ddf.to_delayed(), targets, strict=True)]
    done = delayed(_all_written)(parts)
    return done.compute() if compute else done


def read_parquet(path: str | os.PathLike[str], *, columns: Sequence[str] | None = None) -> Any:
    """Read a folder of Parquet parts, a partition a file; masks come back as dtype ``mask``.

    Parameters
    ----------
    path : path
        A folder that :func:`to_parquet` or :func:`samframe.segment_dataset` wrote.
    columns : sequence of str, optional
        Columns to read; all by default.

    Raises
    ------
    OptionError
        If it holds no Parquet file.
    MaskError
        When it is computed, if a file is not sound.
    """
    import dask.dataframe as dd  # noqa: PLC0415 - with its parts above

    files = sorted(Path(path).expanduser().absolute().glob("*.parquet"))
    if not files:
        raise OptionError(f"{path} holds no Parquet file.")
    meta = read_part(files[0], columns=columns).iloc[:0]
    return dd.from_map(_read, files, columns=columns, meta=meta)


def _read(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    return read_part(file, columns=columns)


def _all_written(parts: list[None]) -> None:
    """Stand for the end of the writing."""
