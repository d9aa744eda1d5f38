"""``samframe.dask.plan``: the bill of all partitions together. Nothing is sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from samframe.dask.call import PartitionCall, make_call
from samframe.dask.place import where_the_ledger_is
from samframe.frame import CallOptions, SegmentOptions, survey
from samframe.ground.signature import with_options
from samframe.jobs import Plan, Survey

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["plan"]

_COLUMNS = {
    "key": "object", "step": "object", "is_stored": "bool", "n_rows": "int64", "invalid": "int64", "price": "float64",
    "price_source": "object",
}  # fmt: skip


@with_options(CallOptions)
def plan(
    ddf: Any,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> Plan:
    """Return the bill of the same :func:`samframe.dask.segment` call: it reads and hashes all images, on the workers.

    Equal rows of different partitions count once. Parameters are those of :func:`samframe.segment`.
    """
    call = make_call(image_col, prompt_col, options, run="plan")
    meta = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in _COLUMNS.items()})
    found = ddf.map_partitions(partial(where_the_ledger_is, task=plan_partition), call, meta=meta).compute()
    jobs = found[found["key"] != ""]
    counts = jobs.groupby("key", sort=False).agg({"step": "first", "is_stored": "first", "n_rows": "sum"})
    checked = call.checked()
    return Survey(
        steps=dict(counts["step"]),
        n_rows={key: int(count) for key, count in counts["n_rows"].items()},
        stored=frozenset(counts.index[counts["is_stored"].astype(bool)]),
        invalid=int(found["invalid"].sum()),
        price_usd=float(found["price"].max()) if len(found) else 0.0,
        price_source=str(found["price_source"].iloc[0]) if len(found) else "",
    ).plan(
        rate_limit=checked.rate_limit if checked.rate_limit is not None else _clients_limit(call),
        max_cost=checked.max_cost,
    )


def plan_partition(part: pd.DataFrame, call: PartitionCall) -> pd.DataFrame:
    """Return a partition's jobs, one a row, and a row without a key for its invalid rows."""
    if part.empty:
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in _COLUMNS.items()})
    found: Survey = survey(part, call.checked())
    rows: list[tuple[Any, ...]] = [
        (key, step, key in found.stored, found.n_rows[key], 0, found.price_usd, found.price_source)
        for key, step in found.steps.items()
    ]
    rows.append(("", None, False, 0, found.invalid, found.price_usd, found.price_source))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _clients_limit(call: PartitionCall) -> float | None:
    return call.client.client.rate_limit if call.client.client is not None else None
