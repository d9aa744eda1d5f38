"""The rate limit: a fixed window or a token bucket, and the ways to write the time of its reset."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, assert_never

if TYPE_CHECKING:
    from samframe.server.config import ServerConfig

__all__ = ["FixedWindow", "Limiter", "TokenBucket", "make_limiter", "write_reset"]


class Limiter(Protocol):
    """Counts requests."""

    def admit(self, now: float) -> float | None:
        """Count a request at `now` (seconds): None lets it in, else the time of the reset."""
        ...


class FixedWindow:
    """So many requests in a window that starts with its first request.

    Parameters
    ----------
    limit : int
        Requests in a window.
    window_s : float
        Its length in seconds.
    """

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._start = -math.inf
        self._used = 0

    def admit(self, now: float) -> float | None:
        """Count a request at `now` (seconds): None lets it in, else the time of the reset."""
        if not 0 <= now - self._start < self._window_s:
            self._start, self._used = now, 0
        if self._used >= self._limit:
            return self._start + self._window_s
        self._used += 1
        return None


class TokenBucket:
    """A bucket that fills evenly; a request takes one token.

    Parameters
    ----------
    rate : float
        Tokens a second.
    burst : int
        Capacity; it starts full.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._then = -math.inf

    def admit(self, now: float) -> float | None:
        """Count a request at `now` (seconds): None lets it in, else the time of the next token."""
        if self._then != -math.inf:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._then) * self._rate)
        self._then = now
        # Whoever waits for exactly the reset gets in: seconds since the epoch have no finer grain than 2e-7.
        if self._tokens >= 1 - 1e-4:
            self._tokens -= 1
            return None
        return now + (1 - self._tokens) / self._rate


def make_limiter(config: ServerConfig) -> Limiter | None:
    """Return the limiter of a configuration, None where nothing is limited."""
    if config.rate_limit is None:
        return None
    match config.rate_kind:
        case "fixed":
            return FixedWindow(config.rate_limit, config.rate_window_s)
        case "token":
            rate = config.rate_limit / config.rate_window_s
            return TokenBucket(rate, config.rate_burst or max(1, int(rate)))
        case _:
            assert_never(config.rate_kind)


def write_reset(reset_at: float, *, reset_format: str) -> str:
    """Write the time of a reset as the header does.

    Parameters
    ----------
    reset_at : float
        Seconds since the epoch.
    reset_format : {"iso", "epoch", "epoch_ms"}
        ISO 8601 with milliseconds and ``Z``, whole seconds rounded up, or milliseconds rounded up.
    """
    milliseconds = math.ceil(reset_at * 1000 - 1e-3)
    match reset_format:
        case "epoch":
            return str(math.ceil(milliseconds / 1000))
        case "epoch_ms":
            return str(milliseconds)
        case _:
            moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
