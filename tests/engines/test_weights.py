"""Where weights are looked for, what is refused, and the remedy that each error names."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from samframe.errors import OptionError  # noqa: E402 - after the skip
from samframe.server.engines.sam import load_sam  # noqa: E402
from samframe.server.engines.sam.errors import is_out_of_memory  # noqa: E402
from samframe.server.engines.sam.weights import _why_not_fetched  # noqa: E402

HUB_ID = "facebook/sam2.1-hiera-tiny"


def copied(folder, to, *, without=()):
    shutil.copytree(folder, to)
    for name in without:
        (to / name).unlink()
    return to


def fails(model, match, **options):
    with pytest.raises(OptionError, match=match):
        load_sam(model, device="cpu", **options)


def test_the_name_is_the_weights_not_the_folder(sam2, tmp_path):
    """A copy under another name is the same engine; one other weight makes it another."""
    from transformers import Sam2Model

    twin = copied(sam2[0], tmp_path / "renamed")
    model = Sam2Model.from_pretrained(sam2[0])
    with torch.no_grad():
        model.no_memory_embedding += 1e-6
    model.save_pretrained(tmp_path / "other")

    names = [load_sam(folder, device="cpu").name for folder in (sam2[0], twin, tmp_path / "other")]

    assert names[0] == names[1] != names[2]
    assert names[0].startswith("sam2/hiera@")


def test_the_four_sizes_are_told_apart():
    """Width and depth of the backbone name the size."""
    from transformers import Sam2Config, Sam2HieraDetConfig, Sam2VisionConfig

    from samframe.server.engines.sam.load import _size_name

    def config(width, blocks):
        backbone = Sam2HieraDetConfig(hidden_size=width, blocks_per_stage=blocks)
        return Sam2Config(vision_config=Sam2VisionConfig(backbone_config=backbone))

    sizes = [(96, [1, 2, 7, 2]), (96, [1, 2, 11, 2]), (112, [2, 3, 16, 3]), (144, [2, 6, 36, 4])]
    assert [_size_name(config(*size)) for size in sizes] == [
        "hiera-tiny",
        "hiera-small",
        "hiera-base-plus",
        "hiera-large",
    ]


def test_no_such_folder_tells_what_a_model_is(tmp_path):
    """In place of transformers' remark on the form of repository ids."""
    fails(tmp_path / "none", "There is no folder .*none")
    fails("./none", "There is no folder")
    fails("a b/c", "There is no folder")


def test_folders_and_files_that_are_no_model_are_told_apart(sam2, tmp_path):
    """Empty, without configuration, with pickled weights only, a checkpoint of Meta's own code."""
    (tmp_path / "empty").mkdir()
    fails(tmp_path / "empty", r"config\.json.*it is empty")

    bare = copied(sam2[0], tmp_path / "bare", without=["model.safetensors"])
    (bare / "pytorch_model.bin").write_bytes(b"\x80\x04")
    fails(bare, r"holds no \*\.safetensors .*pytorch_model\.bin.*can run code")

    (tmp_path / "sam2.1_hiera_tiny.pt").write_bytes(b"PK")
    fails(tmp_path / "sam2.1_hiera_tiny.pt", "is a file: give the folder")

    (bare / "config.json").write_text("{")
    fails(bare, r"config\.json cannot be read")


def test_damaged_weights_are_told(sam2, tmp_path):
    """A file cut short, as a broken download leaves it."""
    short = copied(sam2[0], tmp_path / "short")
    raw = (short / "model.safetensors").read_bytes()
    (short / "model.safetensors").write_bytes(raw[: len(raw) // 2])

    fails(short, "may be damaged or cut short")


def test_weights_with_holes_are_refused_not_filled_at_random(sam2, tmp_path):
    """By itself transformers initialises what is missing at random, and only logs it."""
    from safetensors.torch import load_file, save_file

    holed = copied(sam2[0], tmp_path / "holed")
    tensors = load_file(holed / "model.safetensors")
    del tensors["no_memory_embedding"]
    save_file(tensors, holed / "model.safetensors", metadata={"format": "pt"})
    fails(holed, "1 tensors are missing or have another shape")

    wide = copied(sam2[0], tmp_path / "wide")
    told = json.loads((wide / "config.json").read_text())
    told["mask_decoder_config"]["iou_head_hidden_dim"] = 64
    (wide / "config.json").write_text(json.dumps(told))
    fails(wide, "cannot be loaded|another shape")


def test_other_models_are_refused_by_their_kind(sam2, owlv2):
    """A detector is no SAM, and a SAM is no detector."""
    fails(owlv2[0], "is a model of type 'owlv2'")
    fails(sam2[0], "text= takes a detector", text=sam2[0])


def test_sam2_video_checkpoints_load_as_image_models(sam2, photo, tmp_path):
    """Meta's folders at the hub hold the video model: the same weights and more."""
    from transformers import Sam2VideoConfig, Sam2VideoModel

    torch.manual_seed(0)
    told = sam2[1].config.to_dict()
    parts = {name: told[name] for name in ("vision_config", "prompt_encoder_config", "mask_decoder_config")}
    for part in parts.values():
        part.pop("model_type", None)
    video = Sam2VideoModel(
        Sam2VideoConfig(
            **parts,
            image_size=256,
            memory_attention_hidden_size=32,
            memory_attention_feed_forward_hidden_size=32,
            memory_attention_num_layers=1,
            memory_attention_rope_feat_sizes=[16, 16],
            memory_encoder_hidden_size=32,
            memory_encoder_output_channels=16,
            mask_downsampler_embed_dim=32,
            memory_fuser_num_layers=1,
            memory_fuser_embed_dim=32,
            memory_fuser_intermediate_dim=32,
        )
    )
    video.load_state_dict(sam2[1].state_dict(), strict=False)
    video.save_pretrained(tmp_path / "video")

    made, twin = (load_sam(folder, device="cpu") for folder in (tmp_path / "video", sam2[0]))

    masks = [engine.segment(photo(), points=[(60, 40)]).mask for engine in (made, twin)]
    assert np.array_equal(*masks)
    assert made.name != twin.name


def test_a_hub_id_is_not_fetched_unless_asked(monkeypatch, tmp_path):
    """The message names the cache and both ways on."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    fails(HUB_ID, r"is not in the Hugging Face cache .*download=True .*--download")


def test_a_cached_id_needs_no_network(sam2, tmp_path):
    """The layout that the hub's client leaves: blobs, snapshots, refs. In a process of its own, offline."""
    cache, revision = tmp_path / "hub", "0" * 40
    snapshot = cache / "models--facebook--sam2.1-hiera-tiny" / "snapshots" / revision
    shutil.copytree(sam2[0], snapshot)
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text(revision)
    code = (
        "import tiny_models, sys; tiny_models.stub_torchvision_operators()\n"
        "from samframe.server.engines.sam import load_sam\n"
        f"print(load_sam({HUB_ID!r}, device='cpu').name)"
    )

    done = run(code, HF_HUB_CACHE=str(cache), HF_HUB_OFFLINE="1")

    assert done.stdout.strip() == load_sam(sam2[0], device="cpu").name, done.stderr

    (snapshot / "model.safetensors").unlink()
    done = run(code, HF_HUB_CACHE=str(cache), HF_HUB_OFFLINE="1")
    assert "is only in part in the Hugging Face cache" in done.stderr


def test_an_unreachable_hub_is_told():
    """With download=True and no way out of this machine."""
    code = (
        "import tiny_models; tiny_models.stub_torchvision_operators()\n"
        "from samframe.server.engines.sam import load_sam\n"
        "load_sam('samframe/no-such-model', download=True)"
    )

    done = run(code, HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="0")
    assert "The Hugging Face hub could not be reached for samframe/no-such-model" in done.stderr

    done = run(code, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids" in done.stderr


def test_gated_and_unknown_models_are_told():
    """By the classes of the hub's client, whatever their texts."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    class GatedError(GatedRepoError):
        def __init__(self):
            Exception.__init__(self, "403")

    class UnknownError(RepositoryNotFoundError):
        def __init__(self):
            Exception.__init__(self, "404")

    assert "Accept it at https://huggingface.co/facebook/sam3" in _why_not_fetched(
        "facebook/sam3", GatedError()
    )
    assert "knows no model a/b" in _why_not_fetched("a/b", UnknownError())
    assert "make room" in _why_not_fetched("a/b", OSError(28, "No space left on device: 'space'"))


def test_a_torchvision_that_does_not_fit_is_named(sam2):
    """The import of Sam2Model fails then with other words. Here the CPU build of torch meets such a torchvision."""
    code = "from samframe.server.engines.sam import load_sam; load_sam({!r}, device='cpu')"
    done = run(code.format(str(sam2[0])))
    if done.returncode == 0:
        return  # a torchvision that fits: nothing to tell

    assert "torchvision is installed and does not work beside torch" in done.stderr
    assert "pip uninstall torchvision" in done.stderr


def test_without_torch_the_extra_is_named(sam2, tmp_path):
    """A folder before torch on the path that fails to import stands for a machine without it."""
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')")
    done = run(
        f"from samframe.server.engines.sam import load_sam; load_sam({str(sam2[0])!r})",
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )

    assert "pip install 'samframe[sam]'" in done.stderr
    assert "sam-onnx" in done.stderr


def test_devices_and_numbers_that_are_not_there_are_told(sam2):
    """With what there is."""
    if not torch.cuda.is_available():
        with pytest.raises(OptionError, match="has no device 'cuda'"):
            load_sam(sam2[0], device="cuda")
    with pytest.raises(OptionError, match="device is"):
        load_sam(sam2[0], device="gpu")
    with pytest.raises(OptionError, match="dtype is one of"):
        load_sam(sam2[0], dtype="float16")
    for cache_mb in (-1, 1.5, True):
        with pytest.raises(OptionError, match="cache_mb"):
            load_sam(sam2[0], cache_mb=cache_mb)
    with pytest.raises(OptionError, match="text_threshold"):
        load_sam(sam2[0], text_threshold=2)


def test_bfloat16_encodes_close_to_float32_under_a_name_of_its_own(sam2, photo):
    """Half of the cache; points stay exact, as decoding is in float32."""
    exact, short = (load_sam(sam2[0], device="cpu", dtype=dtype) for dtype in ("float32", "bfloat16"))

    masks = [engine.segment(photo(), points=[(60, 40)]).mask for engine in (exact, short)]

    assert short.name == exact.name + "+bf16"
    assert short.cached_bytes * 2 == exact.cached_bytes
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.8


def test_out_of_memory_is_known_by_kind_and_by_words():
    """Of CUDA, of the CPU's allocator, of Python."""
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("x"))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: ..."))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


def run(code, **environment):
    """Run code in a process of its own, with the tests' helpers in reach."""
    here = Path(__file__).parent
    path = environment.pop("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    root = here.parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*([path] if path else []), str(root), str(here)]),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=100,
        check=False,
    )
