"""`Mask.plot`: exact pixels, holes, and the Axes it is given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from samframe.masks import Mask


def seen(mask, *, scale=8, **options):
    """Return the mask as it is drawn: which pixels of the image have the mask's colour at their centre."""
    height, width = mask.size_hw
    figure = Figure(figsize=(width * scale / 100, height * scale / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    mask.plot(axes, color="black", alpha=1.0, outline=False, **options)
    axes.set_aspect("auto")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., 0]
    return picture[scale // 2 :: scale, scale // 2 :: scale][:height, :width] < 128


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)))
def test_drawn_pixels_are_the_masks(pixels):
    """What is filled is what the mask covers: holes stay free, parts that touch by a corner stay parts."""
    assert np.array_equal(seen(Mask.from_numpy(pixels)), pixels)


def test_fits_an_image_that_is_there():
    """Over an image the mask adds to the Axes and leaves the view as it is."""
    axes = Figure().add_subplot()
    axes.imshow(np.zeros((30, 40)))
    axes.set_xlim(10, 20)
    given_axes = Mask.from_numpy(np.eye(30, 40)).plot(axes)

    assert given_axes is axes
    assert axes.get_xlim() == (10, 20)
    assert len(axes.patches) == 1


@pytest.mark.parametrize("pixels", [np.zeros((4, 6)), np.ones((4, 6)), np.zeros((0, 3))])
def test_alone_it_has_the_frame_of_its_image(pixels):
    """Without Axes it makes some, of the image's size, rows from top to bottom; pyplot is not asked."""
    axes = Mask.from_numpy(pixels).plot()
    FigureCanvasAgg(axes.figure).draw()

    assert axes.get_aspect() == 1.0
    assert plt.get_fignums() == []


def test_colour_and_outline():
    """The fill is see-through in the colour that is asked for, the line is solid or absent."""
    mask = Mask.from_numpy(np.eye(5))
    patch = mask.plot(color="red", alpha=0.25).patches[0]
    without = mask.plot(color="red", outline=False).patches[0]

    assert (patch.get_facecolor(), patch.get_edgecolor()) == ((1, 0, 0, 0.25), (1, 0, 0, 1))
    assert without.get_edgecolor()[3] == 0
