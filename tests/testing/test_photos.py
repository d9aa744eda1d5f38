from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from samframe.errors import OptionError
from samframe.server.engines.drawn import OfflineEngine
from samframe.testing import SAMPLE_PHOTOS, sample_photo

#: Lowest and highest share of the picture, in thousandths, that a good mask covers: judged by eye, with room.
SHARES = {
    "coffee": (45, 62),
    "red porcelain": (290, 400),
    "cup": (80, 120),
    "left eye": (20, 36),
    "right eye": (9, 22),
    "nose": (4, 8),
}
PROMPTS = [(photo, prompt) for photo, prompts in SAMPLE_PHOTOS.items() for prompt in prompts]


def test_the_photographs_are_small_and_credited():
    """Both together take less than 90 kB, and each has its line in the credits."""
    paths = [sample_photo(name) for name in SAMPLE_PHOTOS]
    credit = (paths[0].parent / "CREDITS.md").read_text(encoding="utf-8")

    assert sum(path.stat().st_size for path in paths) < 90_000
    assert all(path.name in credit for path in paths)
    assert credit.count("CC0") >= len(paths)


@pytest.mark.parametrize(("photo", "prompt"), PROMPTS, ids=lambda v: getattr(v, "name", v))
def test_the_engine_answers_every_sample_prompt(photo, prompt):
    """The mask holds the points, leaves out the removes, and is a part of the picture."""
    rgb = np.asarray(Image.open(sample_photo(photo)).convert("RGB"))
    mask = OfflineEngine().segment(rgb, points=prompt.points, remove_points=prompt.remove_points).mask

    assert all(mask[y, x] for x, y in prompt.points)
    assert not any(mask[y, x] for x, y in prompt.remove_points)
    assert SHARES[prompt.name][0] <= 1000 * mask.mean() <= SHARES[prompt.name][1]


def test_an_unknown_photograph_is_an_error():
    """The message lists those there are."""
    with pytest.raises(OptionError, match="coffee, chelsea"):
        sample_photo("astronaut")
