"""``samframe.options``: what calls take where they are given nothing."""

from __future__ import annotations

import asyncio
import threading

import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.frame import CallOptions
from samframe.ground.options import store_folder
from samframe.testing import make_scene


@pytest.fixture(autouse=True)
def clean():
    yield
    samframe.options.reset()


def test_a_call_takes_client_and_store_from_the_options(tmp_path):
    """Nothing else is passed, and what is paid for is in that store."""
    df = pd.DataFrame({"image": [make_scene("flat", 5000, size=128).image], "prompt": ["yellow rectangle"]})

    with samframe.offline() as client, samframe.options(client=client, store=tmp_path / "store"):
        out = df.sam.segment(progress=False)
        again = df.sam.plan()

    assert out["status"].tolist() == ["completed"]
    assert (tmp_path / "store").is_dir()
    assert again.usd_high == 0


def test_a_call_s_own_keyword_goes_first(tmp_path):
    """Options are defaults."""
    samframe.options.store = tmp_path / "one"

    assert store_folder(None) == tmp_path / "one"
    assert store_folder(tmp_path / "two") == tmp_path / "two"


def test_limits_hold_for_every_call():
    """A call that says nothing of money has the options' limit."""
    with samframe.options(max_cost=0.25, rate_limit=30):
        call = CallOptions("image", "prompt")
        own = CallOptions("image", "prompt", max_cost=1.0)

    assert (call.max_cost, call.rate_limit, own.max_cost) == (0.25, 30, 1.0)


def test_blocks_nest_and_end():
    """The innermost says it; an error inside takes nothing along."""
    samframe.options.max_cost = 5
    with samframe.options(max_cost=1):
        with samframe.options(max_cost=None, rate_limit=7):
            assert (samframe.options.max_cost, samframe.options.rate_limit) == (None, 7)
        assert samframe.options.max_cost == 1
    with pytest.raises(ZeroDivisionError), samframe.options(max_cost=2):
        1 / 0  # noqa: B018
    assert samframe.options.max_cost == 5
    assert "max_cost=5" in repr(samframe.options)


def test_a_block_holds_in_its_own_thread_and_task():
    """Another thread does not see it, a task started within does."""
    seen = []

    async def look():
        return samframe.options.max_cost

    with samframe.options(max_cost=3):
        thread = threading.Thread(target=lambda: seen.append(samframe.options.max_cost))
        thread.start()
        thread.join()
        assert asyncio.run(look()) == 3
    assert seen == [None]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_costs": 1}, "no 'max_costs'"),
        ({"max_cost": -1}, "max_cost"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"store": 3}, "store"),
    ],
)
def test_what_is_no_option_is_refused(given, words):
    """By name and by value, in both spellings."""
    with pytest.raises(OptionError, match=words), samframe.options(**given):
        pass
    name, value = next(iter(given.items()))
    with pytest.raises((OptionError, AttributeError), match=words):
        setattr(samframe.options, name, value)
