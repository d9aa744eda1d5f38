"""What an interrupted call says: the same words after Ctrl-C, a second one, and a cancelled coroutine."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from samframe.frame.call.run import interrupt_text
from samframe.jobs import Budget, Progress, RowStatus


def test_a_cancelled_coroutine_says_what_is_where(make_world):
    """A notebook's Stop cancels the cell's task: CancelledError with the words of Ctrl-C, not a bare one."""
    world = make_world(latency_s=2.0)

    async def cell():
        task = asyncio.ensure_future(
            world.frame(3).sam.asegment(client=world.client, store=world.store, progress=False)
        )
        while not world.server.counters.accepted:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError) as stopped:
        asyncio.run(cell())

    assert "samframe: stopped" in str(stopped.value)
    assert "1 running" in str(stopped.value)


def test_a_second_interrupt_tells_of_what_is_being_sent():
    """It does not wait for answers: the rows that are in doubt for it are counted."""
    progress = Progress(rows=5, budget=Budget(price=0.002))
    progress.by_status[RowStatus.COMPLETED] = 2
    progress.by_status[RowStatus.UNREAD] = 1
    work = SimpleNamespace(progress=progress, has_ended=False, posting_jobs=2)
    text = interrupt_text(work)

    assert "2 rows stored" in text
    assert "1 unread" in text
    assert "2 being sent, which are in doubt" in text
