"""Both kernels give the same bytes, one of them is chosen, and nothing malformed reaches C."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import samframe
from samframe import Mask
from samframe.errors import MaskError
from samframe.masks import MaskArray, decode_batch, encode_batch
from samframe.masks.kernels.choice import fast
from samframe.masks.rle import batch, codec, counts, paint
from samframe.masks.shapes import Rings, component_toggles, dilate, erode, rasterise
from samframe.testing import hard_masks, sample_photo

INSTALLED = importlib.util.find_spec("rlemasklib") is not None
quick = importlib.import_module("samframe.masks.kernels.fast") if INSTALLED else None
C = pytest.mark.skipif(not INSTALLED, reason="rlemasklib has no wheel here: NumPy does it all")
PHOTOS = [path.stem for path in (Path(samframe.__file__).parent / "testing" / "photos").glob("*.jpg")]
HARD = [mask.to_numpy() for mask in hard_masks().values()]
NOISE = np.random.default_rng(0).random((300, 200)) < 0.5
PIXELS = [*HARD, NOISE, np.ones((1, 1), bool), np.zeros((1, 9), bool), np.eye(129, dtype=bool)]

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


def agree(pixels: np.ndarray) -> None:
    """Assert that each kernel of rlemasklib that takes a mask gives what NumPy's gives."""
    size = pixels.shape
    rle = codec.encode(pixels)
    toggles = counts.toggles_from_counts(rle, size)
    out = np.zeros(size, dtype=bool)
    painted = quick.decode(rle, out)
    assert not painted or np.array_equal(out, pixels)
    assert quick.encode(pixels) in {None, rle}
    assert quick.encode(np.asfortranarray(pixels)) in {None, rle}
    assert quick.counts(toggles, size) in {None, rle}
    assert quick.canonical(rle, size) in {None, rle}
    assert quick.union([rle, rle], size) in {None, rle}
    found = quick.toggles(rle, size)
    assert found is None or (np.array_equal(found, toggles) and found.dtype == toggles.dtype)
    for connectivity in (4, 8):
        parts = component_toggles(toggles, size, connectivity=connectivity)
        one_by_one = [counts.counts_from_toggles(part, size) for part in parts]
        assert quick.components(rle, size, connectivity) in (None, one_by_one)
        areas = quick.component_areas(rle, size, connectivity)
        assert areas is None or areas.tolist() == [int((p[1::2] - p[::2]).sum()) for p in parts]

    for radius, shape in ((1, "disk"), (3, "disk"), (2, "square"), (4, "square")):
        one, sizes = np.array([0, toggles.size]), np.array([size])
        for kernel, same in ((quick.grown, dilate), (quick.shrunk, erode)):
            made, _ = same(toggles, one, sizes, radius, shape=shape)
            assert kernel(rle, size, radius, shape) in {None, counts.counts_from_toggles(made, size)}


@C
@pytest.mark.parametrize("pixels", PIXELS)
def test_hard_masks_have_equal_bytes_by_both_kernels(pixels):
    """Holes, parts, lines, noise, nothing, everything: C and NumPy agree to the byte."""
    agree(pixels)


@C
@pytest.mark.parametrize("photo", sorted(PHOTOS))
def test_sample_photographs_have_equal_bytes_by_both_kernels(photo):
    """Every photograph that ships with samframe, made black and white at half of the light."""
    agree(np.asarray(Image.open(sample_photo(photo)).convert("L")) > 127)


@C
@given(masks)
def test_any_mask_has_equal_bytes_by_both_kernels(pixels):
    """C and NumPy agree on any small mask."""
    agree(pixels)


@C
@given(hnp.arrays(np.float64, (7, 2), elements=st.floats(-30, 60)), st.integers(1, 40), st.integers(1, 40))
def test_any_polygon_has_equal_bytes_by_both_kernels(corners, height, width):
    """C and NumPy draw the same polygon."""
    rings = Rings.from_lists([[corners]])
    ((_, toggles, _),) = rasterise(rings, [(height, width)], rule="coco")

    expected = counts.counts_from_toggles(toggles, (height, width))
    assert quick.polygon(corners, (height, width)) in {None, expected}


@C
@pytest.mark.parametrize(
    ("text", "size_hw"),
    [
        (b"", (3, 5)),
        (b"\x00", (3, 5)),
        (b"0\x00", (1, 1)),
        (b"@", (3, 5)),
        (b"oooo", (3, 5)),
        (b"o" * 40 + b"0", (3, 5)),
        (b"1" * 30, (3, 5)),
        (b"\xff\xfe", (3, 5)),
        (b"0", (0, 0)),
        (b"0", (0, 7)),
        (b"0", (2**31 - 1, 2**17)),
        (b"PPPP1", (2**16, 2**15)),
    ],
)
def test_what_is_malformed_absurd_or_empty_is_left_to_numpy(text, size_hw):
    """Bytes that are no numbers, sums that do not fit, sizes of 0 or past 2**31 pixels are none of C's business."""
    assert quick.canonical(text, size_hw) is None


@C
def test_runs_of_length_0_and_long_spellings_become_canonical():
    """Counts that are valid but spelt otherwise get the one spelling."""
    for text in (counts.counts_from_runs([3, 0, 2, 4, 6]), b"U03P07", b"500" + counts.counts_from_runs([10])):
        try:
            expected = counts.canonical_counts(text, (3, 5))
        except MaskError:
            expected = None
        assert quick.canonical(text, (3, 5)) in {None, expected}


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: pixels,
        np.asfortranarray,
        lambda pixels: pixels.astype(np.float32),
        lambda pixels: pixels.astype(np.int64) * -3,
        lambda pixels: np.repeat(pixels, 2, axis=1)[:, ::2],
        lambda pixels: np.frombuffer(pixels.tobytes(), dtype=bool).reshape(pixels.shape),
    ],
    ids=["C", "Fortran", "float", "negative", "strided", "read-only"],
)
@pytest.mark.parametrize("pixels", [HARD[0], NOISE])
def test_arrays_of_any_kind_are_encoded(pixels, change):
    """Memory order, dtype, strides and read-only memory make no difference."""
    assert Mask.from_numpy(change(pixels)) == Mask.from_numpy(pixels)
    assert Mask.from_numpy(pixels).counts == codec.encode(pixels)


@pytest.mark.parametrize("side", [9, 130, 240])
def test_stacks_are_those_of_single_masks(side):
    """A stack holds each mask's pixels: small ones, large ones, noise, empty ones, and missing ones."""
    rng = np.random.default_rng(side)
    pixels = np.zeros((12, side, side + 3), dtype=bool)
    pixels[1:4] = rng.random((3, side, side + 3)) < 0.5
    pixels[4, 2:7, 3:8] = pixels[5, :, 2] = pixels[6, -1] = pixels[7] = True
    pixels[8, :-1, 1:4] = pixels[9, 3, 3] = True
    column = MaskArray.from_masks([Mask.from_numpy(one) for one in pixels[:-1]] + [None])

    assert np.array_equal(pd.Series(column).sam.to_numpy(), pixels)
    assert np.array_equal(
        decode_batch([Mask.from_numpy(one).counts for one in pixels], pixels.shape[1:]), pixels
    )
    assert encode_batch(pixels) == [codec.encode(one) for one in pixels] == batch.encode_batch(pixels)
    toggles, offsets = column.pool.toggles(np.arange(11))
    out = np.zeros_like(pixels)
    paint.paint_stack(toggles, offsets, out, np.arange(11))
    assert np.array_equal(out, pixels)


@pytest.mark.parametrize("shape", ["disk", "square"])
def test_columns_are_reshaped_as_their_masks_are(shape):
    """Dilating, eroding and resizing a column gives what each mask gives, sizes mixed and masks missing."""
    forms = [*HARD, NOISE, np.ones((1, 1), bool), np.zeros((0, 4), bool), np.eye(9, 4, dtype=bool)]
    column = pd.Series([Mask.from_numpy(form) for form in forms[::-1]] + [None], dtype="mask")

    for name, arguments in (("dilate", (3,)), ("erode", (2,)), ("dilate", (0,))):
        made = getattr(column.sam, name)(*arguments, shape=shape)
        assert made.isna().tolist() == column.isna().tolist()
        alone = [getattr(mask, name)(*arguments, shape=shape) for mask in column.dropna()]
        assert made.dropna().tolist() == alone
    resized = column.sam.resize((33, 70))
    assert resized.dropna().tolist() == [mask.resize((33, 70)) for mask in column.dropna()]
    with pytest.raises(MaskError, match="radius of 0 or more"):
        column.sam.dilate(-1, shape=shape)
    with pytest.raises(MaskError, match="radius of 0 or more"):
        column.sam.erode(1, shape="star")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_environment_turns_rlemasklib_off():
    """``SAMFRAME_KERNELS=numpy`` keeps rlemasklib out of the process; another word is refused."""
    code = (
        "import sys, samframe; m = samframe.Mask('31', (2, 2)); m.to_numpy(); m.components();"
        "print(samframe.show_versions(as_dict=True)['mask kernels'], 'rlemasklib' in sys.modules)"
    )

    assert run(code, SAMFRAME_KERNELS="numpy").stdout == "numpy False\n"
    assert "SAMFRAME_KERNELS is 'auto' or 'numpy', not 'cuda'" in run(code, SAMFRAME_KERNELS="cuda").stderr


@C
@pytest.mark.parametrize(
    ("version", "kernels"), [("0.8.1", "rlemasklib 0.8.1"), ("0.9.0", "numpy"), ("0.7", "numpy")]
)
def test_only_versions_that_are_tested_are_used(version, kernels):
    """A rlemasklib outside the extra's bounds is left alone."""
    code = (
        "import importlib.metadata as m; whole = m.version;"
        f"m.version = lambda name: {version!r} if name == 'rlemasklib' else whole(name);"
        "from samframe.masks.kernels import in_use; print(in_use())"
    )

    assert run(code, SAMFRAME_KERNELS="auto").stdout == f"{kernels}\n"


def test_import_asks_for_no_kernel():
    """``import samframe`` loads no kernel: it is chosen at the first mask."""
    assert run("import sys, samframe; print('rlemasklib' in sys.modules)").stdout == "False\n"


def test_versions_are_shown(capsys):
    """What is printed names samframe, the kernels, and what is not installed."""
    assert samframe.show_versions() is None
    shown = capsys.readouterr().out
    facts = samframe.show_versions(as_dict=True)

    assert facts is not None
    assert facts["samframe"] == samframe.__version__
    assert facts["mask kernels"] == ("numpy" if fast() is None else f"rlemasklib {facts['rlemasklib']}")
    assert all(f"{version or 'not installed'}\n" in shown for version in facts.values())


@pytest.mark.parametrize("kernels", ["auto", "numpy"])
def test_strings_of_any_kind_are_survived(kernels):
    """Thousands of strings, sound and not, do no more than raise; `fuzz_kernels.py` alone takes a million."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("fuzz_kernels.py"), "5000", "7"],
        env=os.environ | {"SAMFRAME_KERNELS": kernels},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "of them masks" in done.stdout
