"""A loop whose clock jumps: backoffs and polls take no time, threads are waited for."""

from __future__ import annotations

import asyncio
import selectors


class _FastSelector:
    """Waits for threads as one must, and skips every wait for the clock."""

    def __init__(self, loop: FastLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None):
        events = self._real.select(0)
        if events or timeout == 0:
            return events
        if self._loop.threads_at_work or timeout is None:
            return self._real.select(0.01)
        self._loop.skipped_s += timeout
        return []

    def __getattr__(self, name: str):
        return getattr(self._real, name)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next thing to do, so that backoffs and polls take no time."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self.threads_at_work = 0
        super().__init__(_FastSelector(self))

    def time(self) -> float:
        return super().time() + self.skipped_s

    def run_in_executor(self, executor, function, *args):
        self.threads_at_work += 1
        future = super().run_in_executor(executor, function, *args)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: object) -> None:
        self.threads_at_work -= 1

    async def shutdown_default_executor(self, *limit):
        """Wait for the threads' end: from Python 3.12 on the wait has a time limit, which must not be skipped."""
        self.threads_at_work += 1
        try:
            await super().shutdown_default_executor(*limit)
        finally:
            self.threads_at_work -= 1
