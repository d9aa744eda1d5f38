"""The balance that an account has left, against the bills of a run."""

from __future__ import annotations

from samframe.jobs.model import Budget, Progress
from samframe.jobs.model.money import BalanceWatch


def warnings_of(balances: list[float], *, bill: float = 0.002) -> list[str]:
    """Return what is said of these balances, one after each bill of one price."""
    watch = BalanceWatch()
    told = [watch.saw(left, known=bill * number, price=bill) for number, left in enumerate(balances)]
    return [text for text in told if text is not None]


def test_a_balance_that_falls_as_the_bills_say_is_no_news():
    """Each bill of $0.002 takes $0.002."""
    assert warnings_of([10 - 0.002 * number for number in range(200)]) == []


def test_a_balance_that_falls_much_faster_is_told_once():
    """Jobs that tell $0.002 and take $0.50 are found out within a few, and said once."""
    told = warnings_of([10 - 0.5 * number for number in range(12)])

    assert len(told) == 1
    assert "$1.50" in told[0]
    assert "$0.006" in told[0]


def test_a_balance_that_was_topped_up_is_a_new_beginning():
    """Money that is paid in is not set against what was spent before."""
    assert warnings_of([1.0, 0.998, 20.0, 19.998, 19.996, 19.994, 19.992]) == []


def test_one_large_bill_of_another_program_is_no_alarm_at_once():
    """Two balances say little: others may spend from the same account."""
    assert warnings_of([10.0, 8.0]) == []


def test_the_balance_that_is_shown_is_the_latest_whatever_the_order_of_answers():
    """An answer that comes late tells an older, higher balance; money that is paid in is seen."""
    progress = Progress(rows=10, jobs=10, budget=Budget(price=0.002))
    shown = []
    for remaining in (4.998, 4.982, 4.990, 24.99, 24.988):
        progress.saw_balance(remaining)
        shown.append(progress.remaining_credits)

    assert shown == [4.998, 4.982, 4.982, 24.99, 24.988]


def test_a_plan_says_where_its_price_is_from(make_world):
    """Before the first bill of a model it is the published one, afterwards that of the latest bills; free is free."""
    world = make_world(price_usd=0.007)
    df = world.frame(2)
    options = {"client": world.client, "store": world.store}
    before = df.sam.plan(**options)
    world.run(df.iloc[:1])
    after = df.sam.plan(**options)

    assert (before.price_source, after.price_source) == ("published", "measured")
    assert "$0.002 a job, as published" in str(before)
    assert "$0.007 a job, by your latest bills" in str(after)
