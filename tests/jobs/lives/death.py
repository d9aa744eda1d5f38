"""A client's process that dies at a chosen moment: nothing it does afterwards reaches the ledger or the API."""

from __future__ import annotations

import asyncio
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
    """Return what opens a real ledger that dies before or after any of its commits.

    Each write is waited for where it is asked for, so that a loop whose clock jumps has nothing to jump over.
    """

    def open_ledger(folder: Path) -> Ledger:
        ledger = Ledger(folder, clock=clock, group_s=0.0)
        writer = ledger._writer
        submit = writer.submit

        def told(future, work):
            try:
                process.point()
                result = submit(work).result()
                process.point()
            except BaseException as error:  # noqa: BLE001 - Death, too, is for the one who waits
                future.set_exception(error)
            else:
                future.set_result(result)
            return future

        writer.submit = lambda work, *, urgent=True: told(Future(), work)
        writer.write = lambda work, *, urgent=True: told(asyncio.get_running_loop().create_future(), work)
        return ledger

    return open_ledger
