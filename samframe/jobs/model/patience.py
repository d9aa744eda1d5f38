"""How long a run waits for what, before it leaves a row to a later call, which goes on for nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from samframe.errors import OptionError

__all__ = ["Patience", "check_patience"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds.

    Attributes
    ----------
    queue : float
        For a job to be done, from its submission or from when this call took it up.
    download : float
        For the host of an output that does not give it out.
    server : float
        For a server that answers a submit with an error of its own (HTTP 500), a job.
    """

    queue: float = 900.0
    download: float = 60.0
    server: float = 60.0


def check_patience(value: Any) -> Patience:
    """Return the option ``patience``: seconds for every wait, or a mapping of some of them by name.

    Raises
    ------
    OptionError
        If it is neither, or a wait is not known.
    """
    names = [field.name for field in fields(Patience)]
    if value is None:
        return Patience()
    given = dict(value) if isinstance(value, Mapping) else dict.fromkeys(names, value)
    unknown = sorted(map(str, set(given) - set(names)))
    if unknown:
        raise OptionError(f"patience knows the waits {', '.join(names)}; it knows no {unknown[0]!r}.")
    for seconds in given.values():
        is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
        if not is_number or not 0 < float(seconds) < math.inf:
            raise OptionError(
                f"patience is seconds above 0, or a mapping such as {{'queue': 600}}; it is {value!r}."
            )
    return Patience(**{name: float(seconds) for name, seconds in given.items()})
