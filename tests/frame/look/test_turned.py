"""Photographs that are stored turned: segmented, and looked at in each view, as if they were stored upright."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.images.geometry import turn
from samframe.masks import Mask
from samframe.testing import make_scene
from samframe.widgets.sheet import painted_tile

SIDE = 400
BACK = {6: 8, 8: 6}
ORIENTATIONS = [2, 3, 4, 5, 6, 7, 8]


class Photo:
    """A scene of 240 x 320 pixels, upright and as a camera stores it."""

    def __init__(self, orientation):
        self.orientation = orientation
        self.scene = make_scene("flat", 5001, size=320)
        # The one that is whole in the picture, whose sides differ so that a wrong turn shows.
        found = [one for one in self.scene.objects if not one.mask[240:].any()]
        self.object = max(found, key=lambda one: one.mask.sum())
        self.upright = self.scene.image[:240]
        self.mask = self.object.mask[:240]

    def stored(self, raster):
        """Return an upright raster as the camera stores it."""
        return turn(raster, BACK.get(self.orientation, self.orientation))

    def file(self, *, is_turned):
        out, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = self.orientation if is_turned else 1
        Image.fromarray(self.stored(self.upright) if is_turned else self.upright).save(out, "PNG", exif=exif)
        return out.getvalue()

    def point(self, *, is_turned):
        there = np.zeros(self.mask.shape, dtype=bool)
        there[self.object.point_xy[1], self.object.point_xy[0]] = True
        ((y, x),) = np.argwhere(self.stored(there) if is_turned else there)
        return [(int(x), int(y))]

    def frame(self, *, is_turned):
        mask = Mask.from_numpy(self.stored(self.mask) if is_turned else self.mask)
        return pd.DataFrame(
            {
                "image": [self.file(is_turned=is_turned)],
                "prompt": ["thing"],
                "points": [self.point(is_turned=is_turned)],
                "mask": pd.array([mask], dtype="mask"),
            }
        )


@pytest.fixture(params=ORIENTATIONS)
def photo(request):
    return Photo(request.param)


@pytest.fixture
def both(photo):
    return [photo.frame(is_turned=is_turned) for is_turned in (True, False)]


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_points_go_and_masks_come_back_on_the_stored_raster(tmp_path, orientation):
    """A point of the stored raster finds its object through the offline engine, and its mask lies on that raster."""
    photo = Photo(orientation)
    df = photo.frame(is_turned=True).drop(columns="mask").assign(prompt=None)
    with samframe.offline() as client:
        out = df.sam.segment(coordinates_col="points", client=client, store=tmp_path, progress=False)

    assert out["mask"][0].iou(Mask.from_numpy(photo.stored(photo.mask))) > 0.9


def test_tiles_of_the_gallery(both):
    """Picture and mask of a tile are those of the upright file, byte for byte."""
    turned, upright = (df.sam.view().gallery._tiles.make([0], side=SIDE)[0] for df in both)

    assert turned == upright
    assert turned.size_hw == (240, 320)


def test_pictures_painted_in_python(both):
    """Snapshots, the progress panel and plain pages paint the upright picture with its mask."""
    turned, upright = (painted_tile(df["image"][0], df["mask"][0], side=SIDE) for df in both)

    np.testing.assert_array_equal(turned, upright)


def test_plots(both):
    """A plot shows picture, mask and points upright, its axes in pixels of that."""
    turned, upright = (df.sam.plot(coordinates_col="points")[0] for df in both)

    np.testing.assert_array_equal(turned.images[0].get_array(), upright.images[0].get_array())
    assert turned.get_xlim() == upright.get_xlim() == (-0.5, 319.5)
    offsets = [axes.collections[-1].get_offsets() for axes in (turned, upright)]
    np.testing.assert_array_equal(*offsets)


def test_reports(both, tmp_path):
    """A report's thumbnail and overlay are those of the upright file."""
    data = []
    for df in both:
        df.sam.to_html(tmp_path / "report.html", size_px=SIDE)
        page = (tmp_path / "report.html").read_text("utf-8")
        data.append(json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[1]))
    turned, upright = data

    assert turned["images"] == upright["images"]
    assert turned["rows"][0]["mask"] == upright["rows"][0]["mask"]
    assert turned["rows"][0]["size"] == [240, 320]
