"""``samframe.dask.segment``: every partition through the ordinary engine, lazily."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from samframe.dask.call import PartitionCall, make_call
from samframe.dask.place import where_the_ledger_is
from samframe.dask.stopping import note_call, segment_until_stopped
from samframe.frame import CallOptions, SegmentOptions, empty_result
from samframe.ground.signature import with_options

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["segment"]


@with_options(CallOptions)
def segment(
    ddf: Any,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> Any:
    """Segment a Dask DataFrame, lazily: :func:`samframe.segment` on each partition when it is computed.

    All partitions share one pace, one ``max_cost`` and one ledger: equal rows in different partitions are paid once,
    and computing the result again, or another one that is made of it, costs nothing. Partitions, index and order are
    kept. After a Ctrl-C, or once nobody wants the result, partitions under way send nothing more.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Any partitions, empty ones too. Columns of arrays, bytes or points need
        ``dask.config.set({"dataframe.convert-string": False})`` before they are loaded: Dask makes text of objects.
    image_col, prompt_col, **options
        Those of :func:`samframe.segment`. Relative paths start at the workers' working directory; ``progress`` is of no
        effect, as the cluster's dashboard shows it. The API key is not sent to the workers: set ``SEGMIND_API_KEY``
        there.

    Returns
    -------
    dask.dataframe.DataFrame
        With the columns that :func:`samframe.segment` adds. In ``error``, "Row 3" counts within the partition.

    Raises
    ------
    OptionError
        If an option or a column is wrong. Nothing was sent.

    Examples
    --------
    >>> import dask.dataframe as dd, samframe.dask  # doctest: +SKIP
    >>> ddf = dd.read_parquet("s3://bucket/rows/")  # doctest: +SKIP
    >>> ddf.sam.segment("url", "prompt", rate_limit=1000, max_cost=50).sam.to_parquet("out/")  # doctest: +SKIP
    """
    call = make_call(image_col, prompt_col, options, run=f"dask-{uuid.uuid4().hex}")
    note_call(call.name)
    meta = empty_result(ddf._meta, call.checked())  # noqa: SLF001 - Dask's own name for it
    return ddf.map_partitions(partial(where_the_ledger_is, task=segment_partition), call, meta=meta)


def segment_partition(part: pd.DataFrame, call: PartitionCall) -> pd.DataFrame:
    """Segment one partition on this machine."""
    if part.empty:
        return empty_result(part, call.checked())
    return segment_until_stopped(
        part, call.image_col, call.prompt_col, call_id=call.name, client=call.client.here(), **call.options
    )
