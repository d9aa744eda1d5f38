"""The dispatcher and its steps: submit, collect, fetch, keep, look for what is in doubt."""

from samframe.jobs.engine.session import Session, Settings

__all__ = ["Session", "Settings"]
