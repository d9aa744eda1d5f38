"""Users' text in pictures: what is shown, what is cut, which font draws it."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from samframe.plotting.lettering import letter, one_line


def title(text, **rc):
    """Return an artist that was given a text."""
    artist = Figure().add_subplot().set_title("")
    letter(artist, text)
    return artist


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a\n b\t", "a b"),
        ("a\u202eb\u200bc\x00", "abc"),
        ("one two three four", "one two …"),
        ("x" * 50, "xxxxxxxx…"),
        ("赤い車が走る道", "赤い車が…"),
        ("\u200b\n", ""),
        ("e\u0301" * 10, "e\u0301" * 10),
    ],
)
def test_one_line(text, line):
    """Controls go, blanks become one, and what is wider than ten letters is cut, at a word where there is one."""
    assert one_line(text, limit=10) == line


def test_a_million_characters_take_no_time_to_cut():
    """Only the start of a text is looked at."""
    assert len(one_line("ab " * 1_000_000, limit=20)) <= 20


def test_dollars_and_backslashes_are_drawn_as_they_are():
    """Neither mathtext nor TeX reads the text."""
    artist = title("$$\\frac{1}{0}$$")

    assert (artist.get_text(), artist.get_parse_math(), artist.get_usetex()) == (
        "$$\\frac{1}{0}$$",
        False,
        False,
    )


def test_letters_that_no_font_has_are_replaced():
    """A letter that would be missing is drawn as a replacement character, without a warning."""
    artist = title("a\U000f0000b")
    FigureCanvasAgg(artist.figure).draw()

    assert artist.get_text() == "a\ufffdb"


def test_letters_of_another_font_bring_it():
    """Where another font on the machine has the letters, it is added after the usual ones."""
    artist = Figure().add_subplot().set_title("", fontfamily=["DejaVu Sans Mono"])
    letter(artist, "abc שלום")  # the monospaced face has no Hebrew
    FigureCanvasAgg(artist.figure).draw()

    assert artist.get_text() == "abc שלום"
    assert artist.get_fontfamily()[0] == "DejaVu Sans Mono"
    assert len(artist.get_fontfamily()) > 1
