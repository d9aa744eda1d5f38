"""The ``samframe`` command: demo, segment, serve, credits, ledger, export, verify."""

from samframe.cli._main import main

__all__ = ["main"]
