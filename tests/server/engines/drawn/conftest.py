from __future__ import annotations

import numpy as np
import pytest

from samframe.server.engines.drawn import OfflineEngine


@pytest.fixture(scope="session")
def engine():
    return OfflineEngine()


@pytest.fixture
def card():
    """A white card with a red square on the left, a larger red circle on the right, and a blue square below."""
    rgb = np.full((120, 200, 3), 244, np.uint8)
    y, x = np.mgrid[:120, :200]
    rgb[20:50, 20:50] = (208, 40, 40)
    rgb[(y - 45) ** 2 + (x - 140) ** 2 <= 30**2] = (208, 40, 40)
    rgb[75:105, 40:70] = (40, 80, 205)
    return rgb
