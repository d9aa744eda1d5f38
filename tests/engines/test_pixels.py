"""The model's input is what transformers' own processor makes, bit for bit."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from samframe.errors import OptionError  # noqa: E402 - after the skip
from samframe.server.engines.sam.pixels import Preprocessing  # noqa: E402

SIZES = [(120, 200), (255, 257), (256, 256), (256, 255), (700, 30), (1, 1), (3, 2000), (2048, 1500)]


@pytest.mark.parametrize("size_hw", SIZES)
def test_pixel_values_are_those_of_the_processor(tiny, photo, size_hw):
    """Sizes larger and smaller than the model's, one pixel off it, thin and tiny: no bit differs."""
    from transformers import Sam2ImageProcessor

    rgb = photo(size_hw)
    expected = Sam2ImageProcessor(size={"height": 256, "width": 256})(
        images=rgb, return_tensors="pt", input_data_format="channels_last"
    ).pixel_values

    assert torch.equal(Preprocessing(side_px=256).tensor(rgb), expected)


def test_sam3_has_its_own_mean_and_side(tiny, photo, tmp_path):
    """SAM 3 normalises with halves."""
    from transformers import Sam3ImageProcessor

    preprocessing = Preprocessing.of_folder(tmp_path, family="sam3", side_px=112)
    expected = Sam3ImageProcessor(size={"height": 112, "width": 112})(
        images=photo(), return_tensors="pt", input_data_format="channels_last"
    ).pixel_values

    assert torch.equal(preprocessing.tensor(photo()), expected)


def test_the_folder_may_tell_another_mean(tiny, photo, tmp_path):
    """``preprocessor_config.json`` as the processor saves it is followed."""
    from transformers import Sam2ImageProcessor

    processor = Sam2ImageProcessor(size={"height": 256, "width": 256}, image_mean=[0.4, 0.5, 0.6])
    processor.save_pretrained(tmp_path)
    preprocessing = Preprocessing.of_folder(tmp_path, family="sam2", side_px=256)

    expected = processor(images=photo(), return_tensors="pt").pixel_values
    assert preprocessing.mean == (0.4, 0.5, 0.6)
    assert torch.equal(preprocessing.tensor(photo()), expected)


@pytest.mark.parametrize(
    "told",
    [{"size": {"height": 512, "width": 512}}, {"do_pad": True}, {"resample": 3}, {"do_normalize": False}],
)
def test_what_cannot_be_followed_is_refused(tmp_path, told):
    """A processor that does something else would make other masks: it is refused, not ignored."""
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))

    with pytest.raises(OptionError, match="preprocessor asks for"):
        Preprocessing.of_folder(tmp_path, family="sam2", side_px=256)


def test_the_image_is_not_changed(photo):
    """The caller's array is read only."""
    rgb = photo()
    before = rgb.copy()
    rgb.setflags(write=False)

    Preprocessing(side_px=64).tensor(rgb)

    assert np.array_equal(rgb, before)
