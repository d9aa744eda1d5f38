"""The dispatcher and its steps: submit, collect, fetch, keep, look for what is in doubt."""

from samframe.jobs.engine.session import Session
from samframe.jobs.engine.settings import Settings
from samframe.jobs.engine.several import instances_of

__all__ = ["Session", "Settings", "instances_of"]
