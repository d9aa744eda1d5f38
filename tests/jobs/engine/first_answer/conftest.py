from __future__ import annotations

import pytest
from odd_answers import SIZE_HW


@pytest.fixture
def make_service(make_service):
    """A service whose masks are those of the image that is sent."""
    return lambda rewrite=None: make_service(rewrite, mask_hw=SIZE_HW)
