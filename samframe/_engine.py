"""Which engine made a mask, and whether it is SAM: the one rule, over the texts of the ``engine`` column."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["count_offline", "is_offline", "offline_warning"]


def is_offline(engine: object) -> bool:
    """Say whether a cell of the engine column names the offline engine, which is not SAM 2."""
    return isinstance(engine, str) and engine.casefold().startswith("offline")


def count_offline(df: pd.DataFrame, *, engine_col: Hashable = "engine", mask_col: Hashable = "mask") -> int:
    """Return how many masks of a frame are the offline engine's, by its column or else by the frame's attributes."""
    masks = df[mask_col].notna() if mask_col in df.columns else None
    if engine_col in df.columns:
        made = df[engine_col] if masks is None else df.loc[masks.to_numpy(), engine_col]
        return sum(map(is_offline, made.tolist()))
    if masks is None or not any(map(is_offline, df.attrs.get("samframe_engines", ()))):
        return 0
    return int(masks.sum())


def offline_warning(n_rows: int) -> str:
    """Return the warning that goes with masks of the offline engine."""
    rows = "1 mask is" if n_rows == 1 else f"{n_rows:,} masks are"
    return (
        f"{rows} from the offline engine, which is not SAM 2: good for trying things out, not for training."
    )
