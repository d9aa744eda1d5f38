"""The queue that keeps jobs about one image together."""

import asyncio

from samframe.server.work.queue import GroupedQueue


def order(groups, **options):
    """Put all items, then take all."""

    async def run():
        queue = GroupedQueue(**options)
        for n, group in enumerate(groups):
            queue.put((group, n), group=group)
        return [await queue.get() for _ in groups]

    return asyncio.run(run())


def test_jobs_about_one_image_follow_each_other_in_the_order_they_came():
    """Images come in the order of their first job."""
    assert order("ababca") == [("a", 0), ("a", 2), ("a", 5), ("b", 1), ("b", 3), ("c", 4)]


def test_single_items_are_first_come_first_served():
    """Every item a group of its own."""
    assert [n for _, n in order(range(20))] == list(range(20))


def test_one_image_with_many_jobs_lets_others_have_their_turn():
    """After so many of one group the next has its turn, and the rest comes later."""
    assert [group for group, _ in order("aaaaab", most_in_turn=2)] == ["a", "a", "b", "a", "a", "a"]


def test_an_item_that_comes_while_its_group_is_at_work_goes_before_others():
    """As in a run that submits while the model works."""

    async def run():
        queue = GroupedQueue()
        queue.put("a1", group="a")
        queue.put("b1", group="b")
        taken = [await queue.get()]
        queue.put("a2", group="a")
        return [*taken, await queue.get(), await queue.get()]

    assert asyncio.run(run()) == ["a1", "a2", "b1"]


def test_a_waiting_taker_gets_what_comes_later():
    """``get`` waits, and the first items of other groups can be looked at."""

    async def run():
        queue = GroupedQueue()
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        for item in ("a1", "b1", "b2", "c1"):
            queue.put(item, group=item[0])
        first = await asyncio.wait_for(waiting, 5)
        return first, queue.first_of_others(5), queue.first_of_others(1), "a" in queue, "b" in queue

    assert asyncio.run(run()) == ("a1", ["b1", "c1"], ["b1"], False, True)
