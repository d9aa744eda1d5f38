"""Exports SAM 2 to two ONNX graphs, where PyTorch is, for machines where it is not."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.server.engines.sam.device import choose_placement
from samframe.server.engines.sam.errors import import_torch
from samframe.server.engines.sam.load import load_torch_sam2
from samframe.server.engines.sam.onnx import ABOUT_FILE, DECODER_FILE, ENCODER_FILE, OnnxAbout
from samframe.server.engines.sam.weights import find_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["export_onnx"]

_OPSET = 17


def export_onnx(
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    download: bool = False,
    announce: Callable[[str], None] | None = None,
) -> Path:
    """Write a SAM 2 as ONNX, which ``samframe.local(folder)`` then runs without PyTorch.

    Parameters
    ----------
    model : str or path
        Weights of SAM 2 or 2.1: a folder, or an id of the Hugging Face hub.
    folder : str or path
        Where the files go; it is made, and may not hold another export.
    download : bool
        Whether files that are not in the hub's cache may be fetched.
    announce : callable, optional
        Is told what takes long.

    Returns
    -------
    Path
        The folder: 120 MB for the tiny model.

    Raises
    ------
    OptionError
        If the model cannot be loaded or exported, or the folder is in use.
    """
    announce = announce or (lambda _: None)
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OptionError(f"{target} exists and is not empty: give a new folder.")
    if importlib.util.find_spec("onnx") is None:
        raise OptionError(
            "To export a model, PyTorch needs the package onnx, here and only now: pip install onnx."
        )
    weights = find_weights(model, download=download, announce=announce)
    name, loaded = load_torch_sam2(weights, choose_placement("cpu", "float32"), announce=announce)
    target.mkdir(parents=True, exist_ok=True)
    announce(f"Writing {target / ENCODER_FILE}")
    _export(loaded.model, loaded.preprocessing.side_px, target)
    decoder = loaded.model.mask_decoder
    about = OnnxAbout(
        name=name,
        side_px=loaded.preprocessing.side_px,
        mean=loaded.preprocessing.mean,
        std=loaded.preprocessing.std,
        stability=(
            (
                float(decoder.dynamic_multimask_stability_delta),
                float(decoder.dynamic_multimask_stability_thresh),
            )
            if decoder.dynamic_multimask_via_stability
            else None
        ),
    )
    # Last, so that a folder without it is an export that did not end.
    (target / ABOUT_FILE).write_text(about.to_json(), encoding="utf-8")
    return target


def _export(model: Any, side_px: int, target: Path) -> None:
    torch = import_torch()
    pixels = torch.zeros(1, 3, side_px, side_px)
    points, labels = torch.zeros(1, 1, 2, 2), torch.tensor([[[1, -1]]])
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer's remarks are about branches that do not depend on the input here.
        warnings.simplefilter("ignore")
        levels = model.get_image_embeddings(pixels)
        encoder, decoder = _graphs(torch, model)
        torch.onnx.export(
            encoder,
            (pixels,),
            str(target / ENCODER_FILE),
            input_names=["pixels"],
            output_names=["fine", "middle", "coarse"],
            opset_version=_OPSET,
            dynamo=False,
        )
        torch.onnx.export(
            decoder,
            (*levels, points, labels),
            str(target / DECODER_FILE),
            input_names=["fine", "middle", "coarse", "points", "labels"],
            output_names=["masks", "scores"],
            dynamic_axes={"points": {2: "n_points"}, "labels": {2: "n_points"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def _graphs(torch: Any, model: Any) -> tuple[Any, Any]:
    class Encoder(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Any) -> Any:
            return tuple(self.model.get_image_embeddings(pixels))

    class Decoder(torch.nn.Module):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, fine: Any, middle: Any, coarse: Any, points: Any, labels: Any) -> Any:
            prompts, inner = self.model.prompt_encoder, self.model.mask_decoder
            height, width = prompts.image_embedding_size
            # All four masks go out: which of them is the answer is decided outside of the graph.
            inner._dynamic_multimask_via_stability = lambda masks, scores: (masks, scores)  # noqa: SLF001
            was = inner.dynamic_multimask_via_stability
            inner.dynamic_multimask_via_stability = True
            masks, scores, _, _ = inner(
                image_embeddings=coarse,
                image_positional_embeddings=self.model.get_image_wide_positional_embeddings(),
                # A box goes in as its corners, with the marks 2 and 3.
                sparse_prompt_embeddings=prompts._embed_points(points, labels, pad=False),  # noqa: SLF001
                dense_prompt_embeddings=prompts.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(
                    1, -1, height, width
                ),
                multimask_output=False,
                high_resolution_features=[fine, middle],
            )
            del inner._dynamic_multimask_via_stability  # noqa: SLF001
            inner.dynamic_multimask_via_stability = was
            return masks, scores

    return Encoder().eval(), Decoder().eval()
