"""A frame for every test of the gallery."""

import pytest
from viewer_frames import frame_of


@pytest.fixture
def df():
    return frame_of()
