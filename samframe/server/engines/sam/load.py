"""From the name of a model to an engine that is ready."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.server.engines.sam.detectors import load_detector
from samframe.server.engines.sam.device import choose_placement
from samframe.server.engines.sam.engine import SamEngine
from samframe.server.engines.sam.errors import import_transformers
from samframe.server.engines.sam.loading import load_model
from samframe.server.engines.sam.onnx import is_onnx_folder, load_onnx
from samframe.server.engines.sam.pixels import Preprocessing
from samframe.server.engines.sam.sam2 import TorchSam2
from samframe.server.engines.sam.sam3 import TorchSam3
from samframe.server.engines.sam.weights import find_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.server.engines.sam.device import Placement
    from samframe.server.engines.sam.weights import Weights

__all__ = ["load_sam", "load_torch_sam2"]

_SAM2 = frozenset({"sam2", "sam2_video"})
_SAM3 = frozenset({"sam3", "sam3_video"})
#: Width of the first stage and blocks of each stage: what tells Meta's four sizes apart.
_SIZES = {
    (96, (1, 2, 7, 2)): "hiera-tiny",
    (96, (1, 2, 11, 2)): "hiera-small",
    (112, (2, 3, 16, 3)): "hiera-base-plus",
    (144, (2, 6, 36, 4)): "hiera-large",
}
_MB = 1 << 20
#: On a CPU a batch gains nothing.
_GPU_BATCH = 8


def load_sam(
    model: str | os.PathLike[str],
    text: str | os.PathLike[str] | None = None,
    *,
    device: str = "auto",
    dtype: str = "float32",
    cache_mb: int = 512,
    download: bool = False,
    text_threshold: float | None = None,
    announce: Callable[[str], None] | None = None,
) -> SamEngine:
    """Load a Segment Anything model and return it as an engine, warmed up.

    Parameters
    ----------
    model : str or path
        Weights of SAM 2, 2.1 or 3: a folder that ``save_pretrained`` wrote, or an id of the Hugging Face hub.
    text : str or path, optional
        A detector whose boxes prompt SAM 2 where a job brings words: Grounding DINO or OWLv2. SAM 3 needs none.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    dtype : {"float32", "bfloat16"}
        Numbers in which images are encoded.
    cache_mb : int
        Megabytes for what the model made of images; an image of SAM 2 takes 16.
    download : bool
        Whether files that are not in the hub's cache may be fetched.
    text_threshold : float, optional
        Least score of what words find, from 0 to 1; None: the model's usual.
    announce : callable, optional
        Is told what takes long.

    Raises
    ------
    OptionError
        If something is missing, damaged, or does not fit; the message says what to do.
    """
    announce = announce or (lambda _: None)
    _check(cache_mb, text_threshold)
    if is_onnx_folder(model):
        if text is not None:
            raise OptionError(
                f"{os.fspath(model)} is an exported SAM 2: a text model needs the one in PyTorch."
            )
        engine = _onnx(model, device=device, dtype=dtype, cache_bytes=cache_mb * _MB)
        announce(f"Warming up {engine.name}")
        engine.warm_up()
        return engine
    weights = find_weights(model, download=download, announce=announce)
    text_weights = None if text is None else find_weights(text, download=download, announce=announce)
    placement = choose_placement(device, dtype)
    parts: dict[str, Any] = {"cache_bytes": cache_mb * _MB, "where": str(placement.device)}
    if placement.device.type == "cuda":
        parts["n_batch"] = _GPU_BATCH
    if weights.model_type in _SAM2:
        engine = _sam2(weights, text_weights, placement, parts, text_threshold, announce)
    elif weights.model_type in _SAM3:
        if text is not None:
            raise OptionError(f"{weights.source} is SAM 3, which takes words itself: leave text= out.")
        engine = _sam3(weights, placement, parts, text_threshold, announce)
    else:
        raise OptionError(
            f"{weights.source} is a model of type {weights.model_type!r}; samframe runs SAM 2, 2.1 and 3, for example "
            '"facebook/sam2.1-hiera-tiny".'
        )
    announce(f"Warming up {engine.name}")
    engine.warm_up()
    return engine


def _check(cache_mb: int, text_threshold: float | None) -> None:
    if isinstance(cache_mb, bool) or not isinstance(cache_mb, int) or cache_mb < 0:
        raise OptionError(f"cache_mb is a whole number of megabytes, 0 or more; it is {cache_mb!r}.")
    if text_threshold is not None and not 0 <= text_threshold <= 1:
        raise OptionError(f"text_threshold is a score from 0 to 1; it is {text_threshold!r}.")


def load_torch_sam2(
    weights: Weights, placement: Placement, *, announce: Callable[[str], None]
) -> tuple[str, TorchSam2]:
    """Load SAM 2 in PyTorch.

    Returns
    -------
    (str, TorchSam2)
        The engine's name, and the model.

    Raises
    ------
    OptionError
        If it is no SAM 2, or cannot be loaded.
    """
    if weights.model_type not in _SAM2:
        raise OptionError(f"{weights.source} is a model of type {weights.model_type!r}, not SAM 2.")
    (kind,) = import_transformers("Sam2Model")
    model = load_model(kind, weights, placement, announce=announce)
    preprocessing = Preprocessing.of_folder(
        weights.folder, family="sam2", side_px=int(model.config.prompt_encoder_config.image_size)
    )
    name = f"sam2/{_size_name(model.config)}@{weights.digest}{placement.suffix}"
    return name, TorchSam2(model, preprocessing, placement)


def _sam2(
    weights: Weights,
    text: Weights | None,
    placement: Placement,
    parts: dict[str, Any],
    threshold: float | None,
    announce: Callable[[str], None],
) -> SamEngine:
    name, points = load_torch_sam2(weights, placement, announce=announce)
    detector = (
        None if text is None else load_detector(text, placement, threshold=threshold, announce=announce)
    )
    return SamEngine(
        name if detector is None else f"{name}+{detector.name}{_told(threshold)}",
        points=points,
        detector=detector,
        licence="Apache-2.0 (SAM 2's own weights)",
        **parts,
    )


def _onnx(source: str | os.PathLike[str], *, device: str, dtype: str, cache_bytes: int) -> SamEngine:
    if dtype != "float32":
        raise OptionError(f"An exported model runs in float32; dtype is {dtype!r}.")
    points = load_onnx(source, device=device)
    return SamEngine(
        points.name,
        points=points,
        licence="Apache-2.0 (SAM 2's own weights)",
        cache_bytes=cache_bytes,
        where="cpu" if device == "auto" else device,
    )


def _sam3(
    weights: Weights,
    placement: Placement,
    parts: dict[str, Any],
    threshold: float | None,
    announce: Callable[[str], None],
) -> SamEngine:
    kind, tokenizer_class = import_transformers("Sam3Model", "AutoTokenizer")
    model = load_model(kind, weights, placement, announce=announce)
    side_px = int(model.config.vision_config.backbone_config.image_size)
    preprocessing = Preprocessing.of_folder(weights.folder, family="sam3", side_px=side_px)
    try:
        tokenizer = tokenizer_class.from_pretrained(weights.folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(
            f"{weights.source} lacks the files of its tokenizer ({error}): take the whole folder."
        ) from None
    points = None
    if weights.model_type == "sam3_video":  # such a checkpoint holds the tracker too, which answers points
        (tracker_kind,) = import_transformers("Sam3TrackerModel")
        tracker = load_model(tracker_kind, weights, placement, announce=announce)
        points = TorchSam2(tracker, preprocessing, placement)
    return SamEngine(
        f"sam3@{weights.digest}{placement.suffix}{_told(threshold)}",
        points=points,
        concepts=TorchSam3(model, tokenizer, preprocessing, placement, threshold=threshold),
        licence="SAM License (SAM 3's own)",
        **parts,
    )


def _told(threshold: float | None) -> str:
    """Return what a name says of a threshold that is not the usual one: rows of another are others."""
    return "" if threshold is None else f">{threshold:g}"


def _size_name(config: Any) -> str:
    backbone = config.vision_config.backbone_config
    return _SIZES.get((backbone.hidden_size, tuple(backbone.blocks_per_stage)), "hiera")
