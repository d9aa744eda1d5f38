"""What the name of an engine says: the one rule for rows, exports and people."""

import pandas as pd
import pytest

from samframe.ground.engine import is_offline, read_engine


@pytest.mark.parametrize(
    ("name", "is_sam", "label"),
    [
        ("offline/1.0", False, "offline engine, not SAM 2"),
        (" Offline ", False, "offline engine, not SAM 2"),
        ("sam2/hiera-tiny@0123456789ab", True, "SAM 2 hiera-tiny on your own machine (01234567)"),
        ("sam2/hiera@0123456789ab+bf16+owlv2@ba98>0.4", True, "SAM 2 hiera on your own machine (01234567)"),
        ("sam2/hiera-large@0123456789ab+onnx", True, "SAM 2 hiera-large on your own machine (01234567)"),
        ("sam3@0123456789ab", True, "SAM 3 on your own machine (01234567)"),
        (None, True, "the hosted service"),
        ("", True, "the hosted service"),
        (pd.NA, True, "the hosted service"),
        (float("nan"), True, "the hosted service"),
        ("drawn/1", None, "drawn/1"),
        ("sam2", None, "sam2"),
        ("mysam2/x@12", None, "mysam2/x@12"),
    ],
)
def test_a_name_tells_whether_it_is_sam(name, is_sam, label):
    """And whether it is the offline engine, whose masks are no training data."""
    read = read_engine(name)

    assert (read.is_sam, read.label) == (is_sam, label)
    assert read.is_offline is is_offline(name) is (label == "offline engine, not SAM 2")
