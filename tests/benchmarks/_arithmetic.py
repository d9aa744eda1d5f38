"""What a run of many rows takes, by a small sample: the account's limit, the client's CPU, and the last jobs."""

from __future__ import annotations

from _service import PRICE_USD

__all__ = ["least_s", "shown", "simulate"]


def least_s(rows: int, per_minute: int, cpu_s: float) -> float:
    """Return what the account's limit asks for, or the client's CPU where that is more."""
    return max(rows * 60 / per_minute, cpu_s)


def simulate(
    rows: int, per_minute: int, sample: dict[str, float], sample_rows: int, sample_per_minute: int
) -> dict[str, float]:
    """Return what so many distinct rows take, by a small sample: the limit's time or the CPU's, then the last jobs'."""
    scaled = {name: value * rows / sample_rows for name, value in sample.items()}
    last = max(0.0, sample["seconds"] - least_s(sample_rows, sample_per_minute, sample["cpu"]))
    return scaled | {
        "seconds": least_s(rows, per_minute, scaled["cpu"]) + last,
        "usd": rows * PRICE_USD,
    }


def shown(what: str, rows: int, figures: dict[str, float]) -> dict:
    seconds = figures["seconds"]
    return {
        "": what,
        "rows": f"{rows:,}",
        "time": f"{seconds:,.0f} s" if seconds < 7200 else f"{seconds / 86400:,.1f} days",
        "client CPU": f"{figures['cpu']:,.0f} s" if seconds < 7200 else f"{figures['cpu'] / 3600:,.1f} h",
        "requests": f"{figures['requests']:,.0f}",
        "paid": f"${figures['usd']:,.2f}",
        **{f"{name} MB": f"{figures[name] / 1e6:,.1f}" for name in ("ledger", "artifacts", "parts")},
        **{
            f"{name} bytes a row": f"{figures[name] / rows:,.0f}" for name in ("ledger", "artifacts", "parts")
        },
    }
