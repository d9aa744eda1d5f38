"""The words for what became of a row, which all others take from one place."""

from pathlib import Path

import pytest

import samframe
from samframe.frame.call.result import STATUS_DTYPE
from samframe.ground.status import OTHER_COLOUR, RowStatus, colours, status_colour, text_colour, words_of


def test_the_order_is_that_of_the_frames_categories():
    """The frame's categorical lists the statuses in their order."""
    assert STATUS_DTYPE.categories.tolist() == [status.value for status in RowStatus]


def test_every_status_has_a_colour_of_its_own():
    """No two statuses look the same, and none like a word that is not known."""
    shown = [status_colour(status) for status in RowStatus]

    assert len({*shown, OTHER_COLOUR}) == len(RowStatus) + 1
    assert list(colours()) == [status.value for status in RowStatus]


@pytest.mark.parametrize("word", ["", "done", "<img>"])
def test_an_unknown_word_is_grey(word):
    """A user's own status column may hold anything."""
    assert status_colour(word) == OTHER_COLOUR
    assert text_colour(word) == text_colour(RowStatus.RUNNING)
    assert words_of(word) == word


def test_what_a_later_call_may_change_for_nothing():
    """Unread rows are settled for the run and yet go on for nothing; failed and lost ones need consent."""
    free = {status.value for status in RowStatus if status.may_change_free}

    assert free == {"unread", "running", "cancelled", "skipped"}
    assert RowStatus.UNREAD.is_settled
    assert not RowStatus.UNREAD.is_result


def test_nobody_keeps_a_list_of_statuses():
    """The seven words together stand in one file."""
    package = Path(samframe.__file__).parent
    words = [f'"{status.value}"' for status in (RowStatus.LOST, RowStatus.RUNNING, RowStatus.SKIPPED)]
    holders = [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*"))
        if path.suffix in {".py", ".js"} and all(word in path.read_text("utf-8") for word in words)
    ]

    assert holders == ["ground/status.py"]
