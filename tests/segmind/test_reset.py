"""How long a 429 holds, from whatever form of time it carries."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samframe.ground.contract import RESET_HEADER
from samframe.segmind.reset import reset_wait_s

NOON = 1_760_011_200  # 2025-10-09T12:00:00Z
DATE = "Thu, 09 Oct 2025 12:00:00 GMT"


@pytest.mark.parametrize(
    "reset",
    [
        "2025-10-09T12:00:30Z",
        "2025-10-09T12:00:30.000Z",
        "2025-10-09T12:00:30+00:00",
        "2025-10-09T14:00:30+02:00",
        "2025-10-09 12:00:30",
        " 2025-10-09T12:00:30Z ",
        str(NOON + 30),
        f"{NOON + 30}.0",
        str((NOON + 30) * 1000),
        str((NOON + 30) * 1_000_000),
        "Thu, 09 Oct 2025 12:00:30 GMT",
        "Thu, 09 Oct 2025 14:00:30 +0200",
    ],
)
def test_every_form_of_the_reset(reset):
    """ISO 8601, epoch seconds, milliseconds and less, and HTTP's own dates tell the same moment."""
    assert reset_wait_s({RESET_HEADER: reset, "date": DATE}) == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("2025-10-09T11:00:00Z", 1),
        ("0", 1),
        ("-5", 1),
        ("2025-10-09T13:00:00Z", 120),
        ("9999-12-31T23:59:59Z", 120),
        ("0001-01-01T00:00:00+14:00", 1),
    ],
)
def test_a_reset_is_kept_within_bounds(reset, wait):
    """In the past: a second. An hour ahead, or a broken clock: two minutes at most."""
    assert reset_wait_s({RESET_HEADER: reset, "date": DATE}) == wait


@pytest.mark.parametrize(
    "garbage", ["", "soon", "nan", "inf", "-inf", "2025-13-45", "Thu, 99 Foo 9999", "[]", "\x00"]
)
def test_garbage_is_no_time(garbage):
    """What cannot be read counts as not told, so that the blind wait applies."""
    assert reset_wait_s({RESET_HEADER: garbage, "date": DATE}) is None


def test_no_header_is_no_time():
    """A 429 without a word."""
    assert reset_wait_s({}) is None


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("7", 7),
        ("0", 1),
        ("1e9", 120),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("Thu, 09 Oct 2025 12:00:20 GMT", 20),
        ("Thu, 09 Oct 2025 11:00:00 GMT", 1),
        ("soon", None),
        ("", None),
    ],
)
def test_a_retry_after_is_honoured(retry_after, wait):
    """Segmind's contract has none, but a proxy may send it."""
    assert reset_wait_s({"retry-after": retry_after, "date": DATE}) == wait


def test_a_garbled_reset_falls_back_to_retry_after():
    """One usable header is enough."""
    assert reset_wait_s({RESET_HEADER: "soon", "retry-after": "9", "date": DATE}) == 9


@pytest.mark.parametrize("date", [None, "garbage", "Thu, 09 Oct 99999999999999999999 12:00:00 GMT"])
def test_without_a_date_this_clock_counts(date):
    """The server's Date may be missing or broken."""
    headers = {RESET_HEADER: str(time.time() + 30)} | ({"date": date} if date is not None else {})

    assert reset_wait_s(headers) == pytest.approx(30, abs=1)


def test_a_wrong_clock_here_does_no_harm():
    """Reset and Date are of one clock: years of difference to ours do not matter."""
    assert reset_wait_s({RESET_HEADER: "1000000010", "date": "Sun, 09 Sep 2001 01:46:40 GMT"}) == 10


header_text = (
    st.text(max_size=40)
    | st.from_regex(
        r"[A-Z][a-z]{2}, \d{1,22} [A-Z][a-z]{2} \d{1,25} \d\d:\d\d:\d\d [-+]?\d{0,22}", fullmatch=True
    )
    | st.floats().map(str)
    | st.integers().map(str)
    | st.datetimes().map(str)
)


@settings(max_examples=150, deadline=None)
@given(reset=header_text, retry_after=header_text, date=header_text)
def test_no_header_is_a_crash(reset, retry_after, date):
    """Whatever stands in the headers: a wait between 1 and 120 s, or none."""
    wait = reset_wait_s({RESET_HEADER: reset, "retry-after": retry_after, "date": date})

    assert wait is None or 1 <= wait <= 120
