"""The public API as a type checker sees it: mypy and pyright read this file, nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pandas as pd

import samframe

df = pd.DataFrame({"image": ["a.jpg"], "prompt": ["boy"]})


def the_call_and_its_bill() -> None:
    """The functions behind ``df.sam`` take their keywords by name and give what they say."""
    plan = samframe.plan(df, "image", "prompt", max_cost=1.0)
    assert_type(plan, samframe.Plan)
    out = samframe.segment(df, "image", "prompt", retry="failed", details=True, rate_limit=60)
    assert_type(out, pd.DataFrame)
    assert_type(samframe.start(df, "image", None, coordinates_col="points"), samframe.Run)
    samframe.segment(df, "image", "prompt", max_costs=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    samframe.segment(df, "image", "prompt", max_cost="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def in_a_coroutine() -> None:
    """The coroutine gives a frame."""
    assert_type(await samframe.asegment(df), pd.DataFrame)


def clients() -> None:
    """A client of the API, and one that needs neither key nor network."""
    with samframe.offline(workers=2) as client:
        samframe.segment(df, client=client)
    other: samframe.Client = samframe.Client("SG_0123456789abcdef", base_url="http://127.0.0.1:8000")
    samframe.segment(df, client=other)


def masks() -> None:
    """A mask is a value with sizes, boxes and set operations."""
    mask = samframe.Mask.from_bbox((2, 2, 5, 5), (12, 16))
    assert_type(mask.area, int)
    assert_type(mask.size_hw, tuple[int, int])
    assert_type(mask & ~mask, samframe.Mask)
    assert_type(mask.iou(mask), float)


def files(folder: Path) -> None:
    """Exports give a report, readers a frame, the ledger its records."""
    assert_type(
        samframe.to_coco(df, folder / "coco", split={"train": 0.8, "val": 0.2}), samframe.ExportReport
    )
    assert_type(samframe.read_parquet(folder), pd.DataFrame)
    with samframe.Ledger(folder) as ledger:
        assert_type(ledger.to_frame(), pd.DataFrame)
    try:
        samframe.segment(df)
    except samframe.CreditsError as error:
        assert_type(str(error), str)
