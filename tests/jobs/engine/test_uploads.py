"""upload_shared: an image that many rows share is uploaded once; never for a single use; inline where it fails."""

from __future__ import annotations

import pandas as pd
import pytest

from samframe import errors
from samframe.server import Fault


@pytest.fixture
def shared_frame(png):
    """Five prompts for one image, one prompt for another."""
    images = [png(0, (64, 64))] * 5 + [png(1, (64, 64))]
    return pd.DataFrame({"image": images, "prompt": [f"thing {number}" for number in range(6)]})


def test_an_image_of_many_rows_is_uploaded_once(world, shared_frame):
    """One upload, six jobs, and the same masks as without."""
    plain = world.run(shared_frame, store=world.store / "plain")
    uploaded = world.run(shared_frame, upload_shared=3)

    assert world.server.counters.uploads == 1
    assert (uploaded["status"] == "completed").all()
    assert all(plain["mask"] == uploaded["mask"])


def test_it_is_for_those_who_ask(world, shared_frame):
    """Uploaded files are public: without the option there are none."""
    world.run(shared_frame)

    assert world.server.counters.uploads == 0


def test_never_for_a_single_use(world, shared_frame):
    """Neither below the threshold, nor for rows that are stored already."""
    world.run(shared_frame.head(4))
    world.run(shared_frame, upload_shared=2)

    assert world.server.counters.uploads == 0
    assert world.server.counters.submits == 6


def test_stored_rows_stay_stored(world, shared_frame):
    """Sent inline or by URL, it is the same job."""
    world.run(shared_frame)
    before = world.server.counters
    world.run(shared_frame, upload_shared=2)

    assert world.server.counters == before


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR_500, Fault.DROP_ANSWER, Fault.TRUNCATED_JSON])
def test_an_upload_that_fails_is_tried_twice_and_then_left(world, shared_frame, fault):
    """It costs nothing; the image goes inline."""
    world.server.script(fault, on="upload", times=None)
    out = world.run(shared_frame, upload_shared=2)

    assert (out["status"] == "completed").all()
    assert world.server.counters.uploads == 2
    assert world.server.counters.billed == 6


@pytest.mark.parametrize("least", [1, 0, -3, "two"])
def test_a_threshold_of_less_than_two_is_refused(world, shared_frame, least):
    """It would upload for a single use."""
    with pytest.raises(errors.OptionError, match="upload_shared"):
        world.run(shared_frame, upload_shared=least)
