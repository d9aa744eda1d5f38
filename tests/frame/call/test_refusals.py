"""What is refused before anything is sent: control characters, endless prompts, keys in cells."""

import pandas as pd
import pytest

import samframe
from samframe.frame.cells.refusals import why_no_image, why_no_prompt

KEY = "SG_feedfacecafebeef"


@pytest.mark.parametrize(
    "text", ["boy", "a\tb", "two\nlines", "x" * 2000, "SG_background", "task-force", "café ☕"]
)
def test_text_is_a_prompt(text):
    """Whatever people write."""
    assert why_no_prompt(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\x00b", "U+0000"),
        ("a\x1bb", "U+001B"),
        ("x" * 2001, "2,001 characters"),
        (f"use {KEY}", "API key (SG_…)"),
        ("sk-abcdefghijklmnopqrstuvwx", "API key (sk-…)"),
    ],
)
def test_what_is_no_prompt_is_named(text, words):
    """With the reason, and nothing of a key."""
    reason = why_no_prompt(text)

    assert words in reason
    assert KEY not in reason


def test_a_longer_prompt_may_be_allowed():
    """The limit is an option."""
    assert why_no_prompt("x" * 3000, longest=4000) is None


@pytest.mark.parametrize("cell", [KEY, f"https://host/x.png?key={KEY}", f"folder/{KEY}.png"])
def test_a_key_as_an_image_is_masked(cell):
    """Not even the message about the missing file shows it."""
    assert KEY not in why_no_image(cell)


def test_nothing_is_sent_and_nothing_is_kept(tmp_path):
    """Rows fail one by one, named, the key masked; the ledger never sees them."""
    photo = samframe.testing.sample_photo("coffee")
    df = pd.DataFrame(
        {"image": [photo, photo, KEY, photo], "prompt": ["a\x00b", f"my key {KEY}", "boy", "x" * 100_000]}
    )
    with samframe.offline() as client:
        out = df.sam.segment(client=client, store=tmp_path, progress=False)
    with samframe.Ledger(tmp_path) as ledger:
        kept = ledger.to_frame()

    assert out["status"].tolist() == ["failed"] * 4
    assert out["error"].str.contains("Not sent, nothing charged").all()
    assert out["error"].str.startswith("Row ").all()
    assert KEY not in " ".join(out["error"])
    assert len(kept) == 0
