"""The API's wire contract served locally, with an engine behind it: for newcomers, CI and tests.

It shares only the contract's constants with samframe's client. Its own engine is not SAM 2.
"""

from __future__ import annotations

from samframe.server._config import OutputForm, ServerConfig, lognormal
from samframe.server._engines import DrawnEngine
from samframe.server._faults import Fault
from samframe.server._jobs import JobView
from samframe.server._local import LocalServer
from samframe.server._serve import serve
from samframe.server._tally import Counters

__all__ = [
    "Counters",
    "DrawnEngine",
    "Fault",
    "JobView",
    "LocalServer",
    "OutputForm",
    "ServerConfig",
    "lognormal",
    "serve",
]
