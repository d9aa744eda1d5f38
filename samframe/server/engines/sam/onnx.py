"""An exported SAM 2 in onnxruntime: no PyTorch, a tenth of the installed size, and quicker on a CPU."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from samframe.errors import OptionError
from samframe.server.engines.sam.sam2 import Decoded, Embedding, Prompts, prompts_of

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from samframe.server.protocol import Question

__all__ = [
    "ABOUT_FILE",
    "DECODER_FILE",
    "ENCODER_FILE",
    "OnnxAbout",
    "OnnxSam2",
    "is_onnx_folder",
    "load_onnx",
]

ABOUT_FILE, ENCODER_FILE, DECODER_FILE = "samframe-onnx.json", "encoder.onnx", "decoder.onnx"
_FORMAT = 1
_CORNERS = (2, 3)
_NO_POINT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxAbout:
    """What the two graphs need beside them.

    Parameters
    ----------
    name : str
        Name of the engine that was exported: model and digest of its weights.
    side_px : int
        Height and width of the model's input.
    mean, std : tuple of float
        Of each channel, for values from 0 to 1.
    stability : (float, float) or None
        Where one mask is wanted and its outline is unsure, the best of three takes its place: the width of the band
        around 0 that is looked at, and the least share that must be sure. None: never.
    """

    name: str
    side_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stability: tuple[float, float] | None

    def to_json(self) -> str:
        """Return it as the text of a file."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({"format": _FORMAT, **told}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> OnnxAbout:
        """Read the text of a file.

        Raises
        ------
        ValueError
            If it is anything else, or of a newer format.
        """
        told = json.loads(text)
        if not isinstance(told, dict) or told.get("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT}")
        try:
            stability = told["stability"]
            return cls(
                name=str(told["name"]),
                side_px=int(told["side_px"]),
                mean=tuple(map(float, told["mean"])),
                std=tuple(map(float, told["std"])),
                stability=None if stability is None else (float(stability[0]), float(stability[1])),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"it lacks {error}") from None


def is_onnx_folder(source: str | os.PathLike[str]) -> bool:
    """Tell whether a folder was written by ``samframe export-onnx``."""
    return (Path(source).expanduser() / ABOUT_FILE).is_file()


def load_onnx(source: str | os.PathLike[str], *, device: str) -> OnnxSam2:
    """Load an exported model.

    Parameters
    ----------
    source : str or path
        The folder.
    device : str
        ``"auto"`` and ``"cpu"``: the processor; ``"cuda"``: a GPU, where onnxruntime-gpu is installed.

    Raises
    ------
    OptionError
        If onnxruntime is missing, has no such device, or the files are damaged.
    """
    folder = Path(source).expanduser()
    try:
        import onnxruntime  # noqa: PLC0415 - may be missing
    except ImportError as error:
        raise OptionError(
            f"{folder} holds an exported model, and onnxruntime cannot be imported ({error}): "
            "pip install 'samframe[sam-onnx]'."
        ) from None
    provider = "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"
    if device not in {"auto", "cpu", "cuda"} or provider not in onnxruntime.get_available_providers():
        raise OptionError(
            f"onnxruntime has no device {device!r} here; it has {', '.join(onnxruntime.get_available_providers())}. "
            'device="cpu" always works.'
        )
    try:
        about = OnnxAbout.from_json((folder / ABOUT_FILE).read_text(encoding="utf-8"))
        encoder, decoder = (
            onnxruntime.InferenceSession(str(folder / name), providers=[provider])
            for name in (ENCODER_FILE, DECODER_FILE)
        )
    except Exception as error:  # noqa: BLE001 - onnxruntime raises classes of its own
        raise OptionError(
            f"The exported model in {folder} cannot be loaded ({' '.join(str(error).split())[:200]}): "
            "run samframe export-onnx again."
        ) from None
    return OnnxSam2(about, encoder, decoder)


class OnnxSam2:
    """The two graphs: one encode an image, one decode an object.

    Parameters
    ----------
    about : OnnxAbout
        What they need beside them.
    encoder, decoder : onnxruntime.InferenceSession
        Pixels to three levels of features; features and points to four masks with their scores.
    """

    def __init__(self, about: OnnxAbout, encoder: Any, decoder: Any) -> None:
        self.about = about
        self._encoder = encoder
        self._decoder = decoder

    @property
    def name(self) -> str:
        """Name of the engine: masks may differ in single pixels from those of PyTorch."""
        return f"{self.about.name}+onnx"

    def encode(self, rgb: NDArray[np.uint8]) -> Embedding:
        """Return what the model makes of an image, uint8 of shape (H, W, 3)."""
        side = self.about.side_px
        square = np.asarray(
            Pillow.fromarray(rgb).resize((side, side), Pillow.Resampling.BILINEAR), np.float32
        )
        mean, std = (np.array(values, np.float32) * 255 for values in (self.about.mean, self.about.std))
        pixels = np.ascontiguousarray(((square - mean) / std).transpose(2, 0, 1))[None]
        levels = tuple(self._encoder.run(None, {"pixels": pixels}))
        return Embedding(levels, sum(level.nbytes for level in levels))

    def decode(self, embedding: Embedding, question: Question, *, size_hw: tuple[int, int]) -> Decoded:
        """Return the objects of a question.

        Raises
        ------
        EngineRefused
            If the question cannot be put to the model.
        """
        prompts = prompts_of(question, size_hw=size_hw, side_px=self.about.side_px)
        masks, scores = [], []
        for at in range(1 if prompts.boxes is None else len(prompts.boxes)):
            logits, score = self._best(embedding, prompts, at)
            masks.append(enlarged(logits, size_hw) > 0.0)
            scores.append(score)
        return Decoded(masks, scores)

    def _best(self, embedding: Embedding, prompts: Prompts, at: int) -> tuple[NDArray[np.float32], float]:
        points, labels = _tokens(prompts, at)
        fine, middle, coarse = embedding.value
        told = {"fine": fine, "middle": middle, "coarse": coarse, "points": points, "labels": labels}
        logits, ious = (part[0, 0] for part in self._decoder.run(None, told))
        best = 1 + int(ious[1:].argmax())
        if not prompts.is_ambiguous and self._is_sure(logits[0]):
            best = 0
        return logits[best], float(ious[best])

    def _is_sure(self, logits: NDArray[np.float32]) -> bool:
        if self.about.stability is None:
            return True
        band, least = self.about.stability
        inside, near = int((logits > band).sum()), int((logits > -band).sum())
        return near == 0 or inside / near >= least


def _tokens(prompts: Prompts, at: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the points of one object, a box as its two corners, and the mark that ends them."""
    points = np.zeros((0, 2), np.float32) if prompts.points is None else prompts.points[at]
    labels = np.zeros(0, np.int64) if prompts.labels is None else prompts.labels[at]
    if prompts.boxes is not None:
        points = np.concatenate([points, prompts.boxes[at].reshape(2, 2)])
        labels = np.concatenate([labels, np.array(_CORNERS, np.int64)])
    points = np.concatenate([points, np.zeros((1, 2), np.float32)])
    labels = np.concatenate([labels, np.array([_NO_POINT], np.int64)])
    return points[None, None], labels[None, None]


def enlarged(logits: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Scale a picture of numbers, bilinear between the centres of pixels, without antialias.

    Parameters
    ----------
    logits : ndarray of float32, shape (h, w)
        The picture.
    size_hw : (int, int)
        Height and width of the result.
    """
    rows, columns = (_weights(old, new) for old, new in zip(logits.shape, size_hw, strict=True))
    low, high, share = rows
    tall = logits[low] * (1 - share)[:, None] + logits[high] * share[:, None]
    low, high, share = columns
    wide = tall[:, low] * (1 - share) + tall[:, high] * share
    return wide.astype(np.float32, copy=False)


def _weights(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    centres = np.arange(new, dtype=np.float32) + np.float32(0.5)
    at = (centres * np.float32(old / new) - np.float32(0.5)).clip(0, None).astype(np.float32)
    low = np.minimum(at.astype(np.int64), old - 1)
    return low, np.minimum(low + 1, old - 1), (at - low).astype(np.float32)
