"""The API's wire contract served locally, with an engine behind it: for newcomers, CI and tests.

It shares only the contract's constants with samframe's client. Its own engine is not SAM 2.
"""

from __future__ import annotations

from samframe.server.config import OutputForm, ServerConfig, lognormal
from samframe.server.engines import DrawnEngine
from samframe.server.like import options_like
from samframe.server.local import LocalServer
from samframe.server.serve import serve
from samframe.server.wire import Fault
from samframe.server.work import Counters, JobView

__all__ = [
    "Counters",
    "DrawnEngine",
    "Fault",
    "JobView",
    "LocalServer",
    "OutputForm",
    "ServerConfig",
    "lognormal",
    "options_like",
    "serve",
]
