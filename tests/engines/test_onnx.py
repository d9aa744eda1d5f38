"""The exported model in onnxruntime: the same masks but for single pixels, without PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from samframe.errors import OptionError  # noqa: E402 - after the skips
from samframe.server.engines.sam import export_onnx, load_sam  # noqa: E402
from samframe.server.engines.sam.onnx import OnnxAbout, enlarged  # noqa: E402


@pytest.fixture(scope="module")
def exported(sam2, tmp_path_factory):
    """Return the folder of the tiny SAM 2, exported."""
    return export_onnx(sam2[0], tmp_path_factory.mktemp("onnx") / "tiny")


def test_the_masks_are_those_of_pytorch_but_for_single_pixels(sam2, exported, photo):
    """All kinds of questions: resizing rounds otherwise here and there, and so a few pixels at the edge differ."""
    import exactness

    engines = load_sam(sam2[0], device="cpu"), load_sam(exported)
    rgb = photo((180, 240))
    for name, asked in exactness.questions((180, 240)).items():
        ours, theirs = (engine.segment(rgb, key="one", **asked) for engine in engines)

        union = (ours.mask | theirs.mask).sum()
        assert (ours.mask & theirs.mask).sum() / union > 0.97, name
        assert ours.score == pytest.approx(theirs.score, abs=1e-3)
    assert engines[1].name == engines[0].name + "+onnx"
    assert engines[1].n_encodes == 1


def test_the_graphs_are_the_model(sam2, exported):
    """The same pixels give the same features, to five digits."""
    onnx = load_sam(exported)._points
    pixels = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 4 - 2
    levels = sam2[1].get_image_embeddings(pixels)

    made = onnx._encoder.run(None, {"pixels": pixels.numpy()})

    assert all(np.abs(one.numpy() - two).max() < 1e-4 for one, two in zip(levels, made, strict=True))


@pytest.mark.parametrize("size_hw", [(300, 200), (40, 90), (64, 64), (1, 1), (2000, 3)])
def test_masks_are_enlarged_as_pytorch_does(size_hw):
    """Larger, smaller, thin."""
    logits = np.random.RandomState(0).randn(64, 64).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None, None], size=size_hw, mode="bilinear", align_corners=False
    )[0, 0].numpy()

    assert enlarged(logits, size_hw).dtype == np.float32
    assert np.abs(enlarged(logits, size_hw) - expected).max() < 1e-4


def test_it_runs_where_pytorch_is_not(exported, photo, tmp_path):
    """In a process in which torch and transformers cannot be imported."""
    np.save(tmp_path / "rgb.npy", photo())
    for name in ("torch", "transformers"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')")
    code = (
        "import numpy, sys; from samframe.server.engines.sam import load_sam\n"
        f"made = load_sam({str(exported)!r}).segment(numpy.load({str(tmp_path / 'rgb.npy')!r}), points=[(60, 40)])\n"
        "print(made.mask.sum(), 'torch' in sys.modules)"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[2])])

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )

    expected = load_sam(exported).segment(photo(), points=[(60, 40)]).mask.sum()
    assert done.stdout.split() == [str(expected), "False"], done.stderr


def test_what_does_not_fit_is_told(sam2, exported, tmp_path):
    """A folder in use, a damaged export, an export that did not end, a text model, another device."""
    with pytest.raises(OptionError, match="is not empty: give a new folder"):
        export_onnx(sam2[0], exported)
    with pytest.raises(OptionError, match="a text model needs the one in PyTorch"):
        load_sam(exported, sam2[0])
    with pytest.raises(OptionError, match="onnxruntime has no device 'mps'"):
        load_sam(exported, device="mps")
    with pytest.raises(OptionError, match="runs in float32"):
        load_sam(exported, dtype="bfloat16")

    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "samframe-onnx.json").write_text((exported / "samframe-onnx.json").read_text())
    (broken / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(OptionError, match="run samframe export-onnx again"):
        load_sam(broken)


def test_what_goes_beside_the_graphs_is_read_back():
    """And another format is refused."""
    about = OnnxAbout(
        name="sam2/x@1", side_px=64, mean=(0.1, 0.2, 0.3), std=(1, 1, 1), stability=(0.05, 0.98)
    )

    assert OnnxAbout.from_json(about.to_json()) == about
    for text in ("[]", "{}", json.dumps({"format": 2}), json.dumps({"format": 1})):
        with pytest.raises(ValueError, match=r"format|lacks"):
            OnnxAbout.from_json(text)


def test_the_command_exports(sam2, tmp_path, capsys):
    """``samframe export-onnx MODEL FOLDER``."""
    from samframe.cli import main

    assert main(["export-onnx", str(sam2[0]), str(tmp_path / "out")]) == 0
    assert "samframe.local" in capsys.readouterr().out
    assert main(["export-onnx", str(sam2[0]), str(tmp_path / "out")]) == 2
