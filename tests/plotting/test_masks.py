"""Pictures of masks: what is drawn where, what is refused, and that nothing is left behind."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib import style as mpl_style
from matplotlib.backends.backend_agg import FigureCanvasAgg

import samframe  # noqa: F401 - registers df.sam
from samframe.errors import OptionError
from samframe.masks import Mask
from samframe.plotting import plot_masks
from samframe.testing import HOSTILE_TEXTS

RED = (200, 30, 30)


def drawn(axes):
    """Return the figure's pixels."""
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def colour_at(axes, x, y):
    """Return the drawn colour at a point of the data, (x, y) in pixels of the image."""
    picture = drawn(axes)
    column, row = axes.transData.transform((x, y))
    return tuple(picture[picture.shape[0] - 1 - round(row), round(column)].tolist())


@pytest.fixture
def frame():
    """Two red images of 40 x 60 pixels: a mask over the left third of the first, none for the second."""
    image = np.full((40, 60, 3), RED, np.uint8)
    left = np.zeros((40, 60), bool)
    left[:, :20] = True
    masks = pd.array([Mask.from_numpy(left), None], dtype="mask")
    return pd.DataFrame(
        {
            "image": [image, image],
            "prompt": ["left $x", "nothing"],
            "mask": masks,
            "status": ["completed", "failed"],
        }
    )


def test_one_axes_for_each_row(frame):
    """Each row that is drawn has its axes, in order."""
    axes = plot_masks(frame)

    assert [one.get_title() for one in axes] == ["left $x", "nothing"]


def test_mask_keeps_its_colours(frame):
    """Inside the mask a pixel has the image's own colour."""
    axes = plot_masks(frame)

    assert colour_at(axes[0], 9, 20) == RED


def test_rest_is_pale(frame):
    """Outside of the mask a pixel is brighter and less colourful than the image."""
    red, green, _ = colour_at(plot_masks(frame)[0], 45, 20)

    assert green > 120
    assert red - green < 100


def test_mask_lies_on_the_image_when_both_are_scaled():
    """A large image is drawn from a thumbnail; the mask's edge is where it is in the image."""
    image = np.full((1500, 900, 3), RED, np.uint8)
    lower = np.zeros((1500, 900), bool)
    lower[1000:] = True
    frame = pd.DataFrame({"image": [image], "mask": pd.array([Mask.from_numpy(lower)], dtype="mask")})
    axes = plot_masks(frame)

    assert colour_at(axes[0], 450, 1030) == RED
    assert colour_at(axes[0], 450, 970) != RED


def test_row_without_a_mask_says_so(frame):
    """A missing mask is written across its tile, and the row's status below it."""
    axes = plot_masks(frame)

    assert [text.get_text() for text in axes[1].texts] == ["no mask"]
    assert axes[1].get_xlabel() == "failed"


def test_points_are_marked(frame):
    """Points to include and to exclude are drawn where they are, from lists as from JSON text."""
    frame = frame.assign(yes=[[[5, 6]], "[7, 8]"], no=["[[50, 30], [52, 31]]", None])
    axes = plot_masks(frame, coordinates_col="yes", remove_coordinates_col="no")
    offsets = [
        [
            mark.get_offsets().tolist()
            for mark in one.collections
            if len(mark.get_offsets()) and mark.get_zorder() == 5
        ]
        for one in axes
    ]

    assert offsets == [[[[5, 6]], [[50, 30], [52, 31]]], [[[7, 8]]]]


def test_titles_and_notes_from_columns_and_lists(frame):
    """Texts come from a column or from a list."""
    axes = plot_masks(frame, titles="status", notes=["one", "two"])

    assert [(one.get_title(), one.get_xlabel()) for one in axes] == [("completed", "one"), ("failed", "two")]


def test_dollars_are_no_mathtext(frame):
    """A prompt with dollar signs is drawn as it is."""
    axes = plot_masks(frame, titles=["$\\frac{1}$", "a $ b $ c"])

    assert drawn(axes[0]).shape[2] == 3


def test_long_titles_are_shortened(frame):
    """A title stays within its tile."""
    axes = plot_masks(frame, titles=["word " * 40, "x" * 400])

    assert max(len(one.get_title()) for one in axes) <= 36


def test_image_that_cannot_be_read_leaves_the_mask(frame):
    """A URL is not downloaded, and a file may be gone: the mask is drawn alone."""
    frame = frame.assign(image=["https://example.com/a.png", "/no/such/file.png"])
    axes = plot_masks(frame)

    assert axes[0].get_xlabel() == "image not shown"
    assert drawn(axes[0]).size


def test_rows_to_draw(frame):
    """``n`` limits the rows, ``cols`` the tiles in a line."""
    many = pd.concat([frame] * 5, ignore_index=True)
    axes = plot_masks(many, n=7, cols=3)
    grid = axes[0].get_subplotspec().get_gridspec()

    assert (len(axes), grid.nrows, grid.ncols) == (7, 3, 3)


def test_no_rows_no_axes(frame):
    """An empty frame gives no axes."""
    assert plot_masks(frame.iloc[:0]).size == 0


def test_empty_and_full_masks_are_drawn():
    """Masks without an outline are no trouble."""
    image = np.zeros((8, 8, 3), np.uint8)
    masks = pd.array([Mask.from_numpy(np.zeros((8, 8))), Mask.from_numpy(np.ones((8, 8)))], dtype="mask")
    axes = plot_masks(pd.DataFrame({"image": [image, image], "mask": masks}))

    assert drawn(axes[0]).size


def test_pyplot_knows_nothing_of_it(frame):
    """No figure is left open in pyplot."""
    plot_masks(frame)

    assert plt.get_fignums() == []


def test_inline_notebook_is_handed_the_figure(frame, monkeypatch):
    """In a kernel with the inline backend the figure is pyplot's, so that it is shown and closed there."""
    monkeypatch.setattr("samframe.ground.figure._draws_inline", lambda: True)
    axes = plot_masks(frame)
    numbers = plt.get_fignums()
    plt.close("all")

    assert numbers == [axes[0].figure.number]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"image_col": "no"}, "no column 'no'"),
        ({"mask_col": "prompt"}, "prompt"),
        ({"coordinates_col": "no"}, "no column 'no'"),
        ({"titles": "no"}, "titles"),
        ({"notes": ["one"]}, "1 texts for 2 rows"),
        ({"n": 0}, "n is"),
        ({"cols": 0}, "cols is"),
    ],
)
def test_wrong_options_are_named(frame, options, word):
    """What cannot be drawn is refused in words."""
    with pytest.raises(OptionError, match=word):
        plot_masks(frame, **options)


def test_accessor_draws_the_same(frame):
    """``df.sam.plot`` is ``plot_masks`` of the frame."""
    axes = frame.sam.plot(titles="status")

    assert [one.get_title() for one in axes] == ["completed", "failed"]


def test_hostile_texts_are_shown_as_text(frame):
    """Prompts, titles and notes of any kind are drawn without a warning, each within its tile."""
    many = pd.concat([frame] * (len(HOSTILE_TEXTS) // 2), ignore_index=True)
    many["prompt"] = pd.Series(HOSTILE_TEXTS, dtype=object)
    many.index = pd.Index(list(HOSTILE_TEXTS), dtype=object)
    axes = plot_masks(many, n=30, notes=list(HOSTILE_TEXTS))
    drawn(axes[0])

    assert axes[0].get_title().startswith("<img src=x onerror=")
    assert max(len(one.get_title()) for one in axes) <= 30


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (16, 4), (40, 8), (200, 12)])
def test_many_rows_have_small_tiles(rows, cols):
    """Up to 400 rows fit: the more there are, the more stand in a line, and the figure stays under 16 inches wide."""
    image = np.zeros((8, 8, 3), np.uint8)
    masks = pd.array([np.eye(8)] * rows, dtype="mask")
    axes = plot_masks(pd.DataFrame({"image": [image] * rows, "mask": masks}), n=400)

    assert axes[0].get_subplotspec().get_gridspec().ncols == cols
    assert axes[0].figure.get_size_inches()[0] < 16


@pytest.mark.parametrize("style", ["dark_background", "ggplot", "grayscale"])
def test_styles_are_followed_and_left_alone(frame, style):
    """Titles take the style's colour, the grid of a style is not drawn over images, no setting changes."""
    with mpl_style.context([style, {"image.origin": "lower"}]):
        before = dict(mpl.rcParams)
        axes = plot_masks(frame)
        assert colour_at(axes[0], 9, 20) == RED
        assert axes[0].title.get_color() == mpl.rcParams["text.color"]
        assert dict(mpl.rcParams) == before


def test_column_that_is_there_twice_is_told(frame):
    """Two columns of one name are no ground to guess."""
    frame.columns = ["image", "image", "mask", "status"]
    with pytest.raises(OptionError, match="2 columns named 'image'"):
        plot_masks(frame)
