"""The progress panel: what it shows, what its button does, what is left of it."""

from __future__ import annotations

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image as PillowImage

from samframe.jobs import Budget, Outcome, Progress, RowStatus
from samframe.masks import Mask
from samframe.segmind import Call
from samframe.widgets import ProgressPanel


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def progress():
    clock = Clock()
    return Progress(rows=100, jobs=90, budget=Budget(price=0.002), clock=clock, started_at=0.0)


@pytest.fixture
def asked():
    """How often the run was asked to stop."""
    return []


@pytest.fixture
def panel(progress, asked):
    return ProgressPanel(progress, stop=lambda: asked.append(1))


def parts(panel, kind):
    """Return the panel's widgets of a kind, inner ones included."""
    found, queue = [], [panel.widget]
    while queue:
        widget = queue.pop(0)
        found += [widget] * isinstance(widget, kind)
        queue += getattr(widget, "children", ())
    return found


def text(panel):
    shown = " ".join(widget.value for widget in parts(panel, ipywidgets.HTML))
    return shown.replace("<span>&#36;</span>", "$")


def test_bar_follows_the_rows(panel, progress):
    """The bar's length is the share of rows that are done."""
    progress.settle(0, 40, Outcome(status=RowStatus.COMPLETED))
    panel.update(progress)
    (bar,) = parts(panel, ipywidgets.IntProgress)

    assert (bar.value, bar.max) == (40, 100)


def test_rows_by_status_are_told(panel, progress):
    """Each status has its count and its word."""
    progress.settle(0, 3, Outcome(status=RowStatus.COMPLETED))
    progress.settle(5, 2, Outcome(status=RowStatus.IN_DOUBT))
    panel.update(progress)

    assert "3 completed" in text(panel)
    assert "2 in doubt" in text(panel)


def test_money_is_told_as_an_interval(panel, progress):
    """Spending is a sum and what may come to it."""
    progress.budget.known, progress.budget.in_doubt = 0.5, 3
    panel.update(progress)

    assert "$0.50 to $0.506 spent" in text(panel)


def test_balance_is_told(panel, progress):
    """The balance is shown once the API told it."""
    progress.remaining_credits = 12.345
    panel.update(progress)

    assert "$12.35 left" in text(panel) or "$12.34 left" in text(panel)


@pytest.mark.parametrize(
    ("seconds", "rate", "left"),
    [
        (10, "2.0 rows/s", "about 40 s"),
        (400, "3.0 rows/min", "about 27 min"),
        (40_000, "0.0 rows/min", "about 44.4 h"),
    ],
)
def test_rate_and_time_left(panel, progress, seconds, rate, left):
    """Pace and time to go are told in fitting units."""
    progress.clock.now = float(seconds)
    progress.settle(0, 20, Outcome(status=RowStatus.COMPLETED))
    panel.update(progress)

    assert rate in text(panel)
    assert left in text(panel)


def test_stopped_rows_are_not_done(panel, progress):
    """After Stop, rows that are under way or were never sent are told as such, with what to do."""
    progress.settle(0, 2, Outcome(status=RowStatus.COMPLETED))
    progress.settle(2, 50, Outcome(status=RowStatus.RUNNING))
    progress.settle(52, 8, Outcome(status=RowStatus.CANCELLED))
    progress.ended_at = 3.0
    panel.close(progress)

    assert "stopped: 2 of 100 done (2 completed), 50 kept, 8 not sent; run again to go on" in text(panel)
    assert "60 of" not in text(panel)


def test_the_phase_is_told_until_the_first_row_is_done(panel, progress):
    """What is done before anything comes back has words; later the figures speak."""
    panel.update(progress)
    early = text(panel)
    progress.calls[Call.SUBMIT] += 3
    panel.update(progress)
    sent = text(panel)
    progress.settle(0, 1, Outcome(status=RowStatus.COMPLETED))
    panel.update(progress)

    assert "preparing images" in early
    assert "3 jobs sent, none is back yet" in sent
    assert "sent" not in text(panel)


def test_message_is_escaped(panel, progress):
    """What a server said cannot become markup."""
    progress.message = "<img src=x onerror=alert(1)>"
    panel.update(progress)

    assert "<img" not in text(panel)
    assert "&lt;img" in text(panel)


def test_stop_asks_once(panel, asked):
    """The button asks the run to stop, once, and says that it does."""
    (button,) = parts(panel, ipywidgets.Button)
    button.click()
    button.click()

    assert len(asked) == 1
    assert (button.disabled, button.description) == (True, "Stopping")


def test_stopping_is_told(panel, progress):
    """After the click the panel says what becomes of jobs that are out."""
    parts(panel, ipywidgets.Button)[0].click()
    panel.update(progress)

    assert "jobs that are out are kept" in text(panel)


def test_closed_panel_is_one_line(panel, progress):
    """In the end there is one line and no button."""
    progress.settle(0, 100, Outcome(status=RowStatus.COMPLETED))
    panel.close(progress)

    assert parts(panel, ipywidgets.Button) == []
    assert "100 of 100 rows: 100 completed" in text(panel)


def test_closed_before_the_first_figures(panel):
    """A run that ended before it had figures says so."""
    panel.close(None)

    assert "before anything was sent" in text(panel)


def settled(row, area):
    pixels = np.zeros((40, 60), dtype=bool)
    pixels.reshape(-1)[:area] = True
    return row, Outcome(status=RowStatus.COMPLETED, mask=Mask.from_numpy(pixels))


def opened(panel):
    (picture,) = parts(panel, ipywidgets.Image)
    return PillowImage.open(io.BytesIO(picture.value)).convert("RGBA")


def test_latest_masks_are_shown_newest_first(progress):
    """Small pictures of the latest rows stand side by side: their images, tinted where the mask is."""
    images = [np.full((40, 60, 3), 10 * row, dtype=np.uint8) for row in range(9)]
    panel = ProgressPanel(progress, stop=lambda: None, image_of=images.__getitem__)
    panel.show_latest([settled(row, 60 * 20) for row in range(9)])
    sheet = opened(panel)
    (newest, *_), (before, *_) = sheet.getpixel((30, 54)), sheet.getpixel((30 + 94, 54))

    assert sheet.size == (6 * 94 - 6, 88)
    assert newest == pytest.approx(80, abs=4)
    assert before == pytest.approx(70, abs=4)
    assert sheet.getpixel((30, 34))[2] > 150


def test_rows_without_a_mask_or_an_image_are_no_trouble(progress):
    """A failed row has no picture; an image that is gone leaves its mask alone."""
    panel = ProgressPanel(progress, stop=lambda: None, image_of=lambda row: "gone.png")
    (picture,) = parts(panel, ipywidgets.Image)
    panel.show_latest([(0, Outcome(status=RowStatus.FAILED))])
    assert picture.layout.display == "none"

    panel.show_latest([settled(1, 900), (2, Outcome(status=RowStatus.FAILED))])
    assert picture.layout.display == ""
    assert opened(panel).size == (88, 88)


def test_same_rows_are_painted_once(progress):
    """While nothing new came, nothing is read and nothing is sent."""
    asked = []
    panel = ProgressPanel(progress, stop=lambda: None, image_of=asked.append)
    for _ in range(3):
        panel.show_latest([settled(1, 900)])

    assert asked == [1]


def test_no_rows():
    """A run over no rows has a panel like any other."""
    panel = ProgressPanel(Progress(rows=0, budget=Budget(price=0.0)), stop=lambda: None)

    assert "<b>0</b> of 0 rows" in text(panel)
