from __future__ import annotations

import pytest

from samframe.server.engines.drawn import EngineRefused
from samframe.server.engines.drawn.text import Query, parse_prompt


@pytest.mark.parametrize(
    ("prompt", "query"),
    [
        ("red", Query(colour="red")),
        ("Red Circle.", Query(colour="red", shape="circle")),
        ("  the   largest gray objects ", Query(rank="largest", colour="grey")),
        ("leftmost star", Query(rank="leftmost", shape="star")),
        ("center", Query(rank="centre")),
        ("crosses", Query(shape="cross")),
        ("the background", Query(background=True)),
        ("orange", Query(colour="orange")),
    ],
)
def test_the_grammar_reads_rank_colour_and_shape(prompt, query):
    """Case, blanks, one article, plurals and British or American spelling do not change the meaning."""
    assert parse_prompt(prompt) == query


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        (".", "is empty"),
        ("circle left of the square", "relates"),
        ("red circle and blue square", "relates"),
        ("not the red circle", "negates"),
        ("no background", "negates"),
        ("boy", "'boy', which is not in the vocabulary"),
        ("red car", "'car'"),
        ("круг", "English"),
        ("赤い円", "English"),
        ("circle red", "order"),
        ("red largest circle", "order"),
        ("red blue circle", "order"),
        ("red background", "'background'"),
        ("the", "'the'"),
    ],
)
def test_whatever_the_grammar_does_not_hold_is_refused(prompt, reason):
    """A refusal says why, and tells the vocabulary."""
    with pytest.raises(EngineRefused) as refusal:
        parse_prompt(prompt)

    assert reason in str(refusal.value)
    assert "red|orange" in str(refusal.value)
    assert "circle|ellipse" in str(refusal.value)


def test_a_long_prompt_is_quoted_in_part():
    """A message does not repeat a novel."""
    with pytest.raises(EngineRefused) as refusal:
        parse_prompt("x" * 10_000)

    assert len(str(refusal.value)) < 1000
