"""Which engine made a mask, and whether it is SAM: the one rule, over the texts of the ``engine`` column.

The hosted service tells no name; the offline engine's is ``offline/<version>``; a SAM on the user's own machine is
``sam2/<size>@<digest of its weights>``, with what else decides its masks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["EngineName", "count_offline", "is_offline", "offline_warning", "read_engine"]

# "sam2/hiera-tiny@0123456789ab+bf16+grounding-dino@ba9876543210>0.4"
_SAM = re.compile(r"sam(?P<version>\d+)(?:/(?P<size>[\w.-]+))?@(?P<digest>[0-9a-f]+)\b.*", re.DOTALL)
_SHORT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineName:
    """What an engine's name says.

    Parameters
    ----------
    name : str or None
        As stored; None where none is told, as by the hosted service.
    is_offline : bool
        Whether it is the offline engine: a region grower that is not SAM, whose masks are no training data.
    is_sam : bool or None
        Whether it is a Segment Anything model; None where the name does not tell.
    label : str
        A few words for people.
    """

    name: str | None
    is_offline: bool
    is_sam: bool | None
    label: str


def read_engine(engine: object) -> EngineName:
    """Return what a cell of the engine column says.

    Examples
    --------
    >>> read_engine("offline/1.0").label
    'offline engine, not SAM 2'
    >>> read_engine("sam2/hiera-tiny@0123456789ab").label
    'SAM 2 hiera-tiny on your own machine (01234567)'
    >>> read_engine(None).is_sam
    True
    """
    name = engine.strip() if isinstance(engine, str) else ""
    if not name:
        return EngineName(name=None, is_offline=False, is_sam=True, label="the hosted service")
    if name.casefold().startswith("offline"):
        return EngineName(name=name, is_offline=True, is_sam=False, label="offline engine, not SAM 2")
    found = _SAM.fullmatch(name)
    if found is None:
        return EngineName(name=name, is_offline=False, is_sam=None, label=name)
    size = f" {found['size']}" if found["size"] else ""
    label = f"SAM {found['version']}{size} on your own machine ({found['digest'][:_SHORT]})"
    return EngineName(name=name, is_offline=False, is_sam=True, label=label)


def is_offline(engine: object) -> bool:
    """Say whether a cell of the engine column names the offline engine, which is not SAM 2."""
    # The same rule as `read_engine`, for columns of a million rows.
    return isinstance(engine, str) and engine.strip().casefold().startswith("offline")


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
