"""``samframe check --local``: it tells trained weights from others."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from samframe.cli import main  # noqa: E402 - after the skip
from samframe.cli.local_models.check import _THINGS, check_local  # noqa: E402
from samframe.server.engines.sam import SamEngine  # noqa: E402
from samframe.server.engines.sam.sam2 import Decoded, Embedding  # noqa: E402
from samframe.testing import sample_photo  # noqa: E402


class GoodModel:
    """Answers a box with the ellipse in it that has the area by hand, a point with what it lies in."""

    def encode(self, rgb):
        return Embedding(rgb.shape[:2], 1)

    def decode(self, embedding, question, *, size_hw):
        spot = question.boxes[0] if question.boxes else question.points[0]
        thing = next(one for one in _THINGS if spot in (one.box, one.point) and self._is_of(one, size_hw))
        left, top, right, bottom = thing.box
        ratio = (thing.area / (np.pi / 4 * (right - left) * (bottom - top))) ** 0.5
        y, x = np.mgrid[: size_hw[0], : size_hw[1]]
        x = (x - (left + right) / 2) / ((right - left) / 2 * ratio)
        y = (y - (top + bottom) / 2) / ((bottom - top) / 2 * ratio)
        return Decoded([x**2 + y**2 <= 1], [0.95])

    def _is_of(self, thing, size_hw):
        with Image.open(sample_photo(thing.photo)) as picture:
            return picture.size == size_hw[::-1]


def test_masks_of_the_right_size_in_the_right_place_pass():
    """All five things."""
    engine = SamEngine("sam2/good@0", points=GoodModel(), cache_bytes=0)

    found = list(check_local(engine))

    assert all(finding.is_good for finding in found), [finding.text for finding in found]
    assert len(found) == 6


def test_random_weights_are_told(sam2, capsys):
    """The exit status says so too."""
    code = main(["check", "--local", str(sam2[0]), "--device", "cpu"])

    out = capsys.readouterr().out
    assert code == 1
    assert "NOT" in out
    assert "not masks of trained weights" in out
    assert "licence of the weights: Apache-2.0" in out
