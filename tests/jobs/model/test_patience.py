"""How long a run waits, and how that is given."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import samframe
from samframe.jobs import Patience


def test_patience_is_checked():
    """Names and numbers, before anything is read."""
    frame = pd.DataFrame({"image": ["a.png"], "prompt": ["boy"]})
    with pytest.raises(samframe.OptionError, match="queue"):
        frame.sam.plan(patience={"quue": 3})
    with pytest.raises(samframe.OptionError, match="above 0"):
        frame.sam.plan(patience=-1)
    assert dataclasses.asdict(Patience())["queue"] == 900
