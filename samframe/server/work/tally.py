"""What a server has seen: running counts inside, a frozen copy outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Counters", "Tally"]


@dataclass(slots=True)
class Tally:
    """Running counts; `Counters` documents and copies them."""

    requests: int = 0
    submits: int = 0
    accepted: int = 0
    failed: int = 0
    billed: int = 0
    polls: int = 0
    results: int = 0
    downloads: int = 0
    uploads: int = 0
    credits: int = 0
    history: int = 0
    refused_429: int = 0

    def count(self, endpoint: str) -> None:
        """Count a request to an endpoint."""
        self.requests += 1
        name = _COUNTED.get(endpoint)
        if name is not None:
            setattr(self, name, getattr(self, name) + 1)


_COUNTED = {
    "submit": "submits",
    "status": "polls",
    "result": "results",
    "output": "downloads",
    "upload": "uploads",
    "credits": "credits",
    "history": "history",
    "history_item": "history",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a server has seen so far.

    Parameters
    ----------
    requests : int
        Requests of every kind.
    submits, polls, results, downloads, uploads, credits, history : int
        Requests by route, refused and faulty ones included.
    accepted, failed, billed : int
        Jobs that were accepted; of these, those that FAILED and those that were charged.
    refused_429 : int
        Requests answered with 429.
    """

    requests: int
    submits: int
    accepted: int
    failed: int
    billed: int
    polls: int
    results: int
    downloads: int
    uploads: int
    credits: int
    history: int
    refused_429: int

    @classmethod
    def of(cls, tally: Tally) -> Counters:
        """Copy running counts."""
        return cls(**asdict(tally))
