"""A client's process that dies at a chosen moment: nothing it does afterwards reaches the ledger or the API."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from samframe.jobs import Ledger

if TYPE_CHECKING:
    from pathlib import Path


class Death(BaseException):
    """The process is gone."""


class Process:
    """One life of the client: counts its writes and calls, and dies at a chosen one."""

    def __init__(self, dies_at: int | None) -> None:
        self.left = dies_at
        self.dead = False

    def point(self) -> None:
        """Something the world could see is about to happen, or has just happened."""
        if self.dead:
            raise Death
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                raise Death


def mortal_ledger(process: Process, clock):
    """Return what opens a real ledger that dies before or after any of its commits."""

    def open_ledger(folder: Path) -> Ledger:
        ledger = Ledger(folder, clock=clock, group_s=0.0)
        submit = ledger._writer.submit

        def mortal_submit(work, *, urgent=True):
            future: Future = Future()
            try:
                process.point()
                result = submit(work, urgent=urgent).result()
                process.point()
            except BaseException as error:  # noqa: BLE001 - Death, too, is for the one who waits
                future.set_exception(error)
            else:
                future.set_result(result)
            return future

        ledger._writer.submit = mortal_submit
        return ledger

    return open_ledger
