"""How long a rate limit holds: read from whatever form of time a 429 carries."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from samframe.ground.contract import RESET_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LONGEST_WAIT_S", "SHORTEST_WAIT_S", "reset_wait_s"]

SHORTEST_WAIT_S = 1.0
LONGEST_WAIT_S = 120.0

# Above this a number of seconds since 1970 would lie beyond the year 5000: it counts milliseconds, or less.
_MILLISECONDS_FROM = 1e11


def reset_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, between 1 and 120, or None where the headers tell nothing usable.

    The server's reset time is taken against the server's own ``Date``, so that a wrong clock here does no harm.
    ``Retry-After`` is honoured if it comes, though Segmind's contract has none.
    """
    reset = _timestamp(headers.get(RESET_HEADER))
    if reset is not None:
        return _clamp(reset - _now(headers))
    retry_after = headers.get("retry-after")
    if retry_after is None:
        return None
    seconds = _finite(retry_after)
    if seconds is not None:
        return _clamp(seconds) if seconds >= 0 else None
    moment = _http_date(retry_after)
    return None if moment is None else _clamp(moment - _now(headers))


def _clamp(seconds: float) -> float:
    return min(max(seconds, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def _now(headers: Mapping[str, str]) -> float:
    served = _http_date(headers.get("date"))
    return served if served is not None else datetime.now(UTC).timestamp()


def _timestamp(text: str | None) -> float | None:
    """Read ISO 8601, epoch seconds, epoch milliseconds or an HTTP date, as seconds since 1970."""
    if text is None:
        return None
    number = _finite(text)
    if number is not None:
        while number > _MILLISECONDS_FROM:
            number /= 1000
        return number
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return _http_date(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _http_date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):  # OverflowError: a year of twenty digits
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
