"""What a call asks of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samframe.jobs.model import JobState, Patience, Retry
from samframe.segmind import Reader, make_reader

if TYPE_CHECKING:
    from pathlib import Path

    from samframe.jobs.shared import Exchange

__all__ = ["Settings"]

_RETAKE = {Retry.FAILED: JobState.FAILED, Retry.IN_DOUBT: JobState.IN_DOUBT, Retry.LOST: JobState.LOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a call asks of the engine.

    Attributes
    ----------
    store : Path
        Folder of the ledger and the artifacts.
    rate_limit : float or None
        Requests a minute; None learns it.
    max_cost : float or None
        US dollars; the hard stop.
    retry : frozenset of Retry
        Settled states to pay for again.
    refresh : bool
        Whether stored results are paid for anew.
    coordinator : Exchange or None
        What several runs share their pace and budget through.
    run : str
        The name of the budget that is shared.
    upload_shared : int or None
        How many jobs must share an image for it to be uploaded once; None: images are always sent inline.
    reader : Reader
        What masks are read with.
    patience : Patience
        How long is waited for what.
    """

    store: Path
    rate_limit: float | None = None
    max_cost: float | None = None
    retry: frozenset[Retry] = frozenset()
    refresh: bool = False
    coordinator: Exchange | None = None
    run: str = ""
    upload_shared: int | None = None
    reader: Reader = field(default_factory=make_reader)
    patience: Patience = field(default_factory=Patience)

    @property
    def consent(self) -> str:
        """What the user agreed to, in a word for the ledger."""
        words = sorted(f"retry={retry.value}" for retry in self.retry)
        if self.refresh:
            words.append("refresh")
        return ",".join(words) or "run"

    @property
    def retake_from(self) -> frozenset[JobState]:
        """The states that may be submitted again."""
        states = {_RETAKE[retry] for retry in self.retry}
        if self.refresh:
            states |= {JobState.STORED, JobState.FAILED, JobState.UNREAD}
        return frozenset(states)
