"""The ``samframe`` command: demo, segment, serve, credits, ledger, export, verify."""

from samframe.cli.command import main

__all__ = ["main"]
