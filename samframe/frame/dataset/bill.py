"""``plan_dataset``: the bill of a table larger than memory, batch by batch. Nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from samframe.frame.call import CallOptions, SegmentOptions, Work
from samframe.frame.dataset.sources import find_sources
from samframe.ground.signature import with_options
from samframe.jobs import Plan, join_surveys
from samframe.segmind import Client

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Sequence

__all__ = ["plan_dataset"]


@with_options(CallOptions)
def plan_dataset(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    *,
    batch_rows: int = 2000,
    **options: Unpack[SegmentOptions],
) -> Plan:
    """Return the bill of the same :func:`samframe.segment_dataset` call: images are read and hashed, nothing is sent.

    Equal rows count once, wherever they are; that takes about 200 bytes of memory a distinct job.
    """
    call = CallOptions.of("plan_dataset", image_col, prompt_col, options).row_by_row("plan_dataset")
    client = call.client if call.client is not None else Client()
    call = replace(call, client=client)
    found = join_surveys(
        Work(frame, call, dry=True).survey()
        for one in find_sources(source)
        for frame in one.batches(batch_rows)
    )
    limit = call.rate_limit if call.rate_limit is not None else client.rate_limit
    return found.plan(rate_limit=limit, max_cost=call.max_cost)
