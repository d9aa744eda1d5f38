"""The ``samframe`` command: demo, segment, serve, credits."""

from samframe.cli._main import main

__all__ = ["main"]
