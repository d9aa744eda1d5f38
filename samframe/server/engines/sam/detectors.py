"""Words to boxes: an open-vocabulary detector, whose boxes then prompt SAM 2."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import OptionError
from samframe.server.engines.cache import ByteCache
from samframe.server.engines.sam.errors import import_transformers
from samframe.server.engines.sam.loading import load_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from samframe.server.engines.sam.device import Placement
    from samframe.server.engines.sam.weights import Weights
    from samframe.server.protocol import Picture

__all__ = ["BoxDetector", "Detections", "load_detector"]

#: Boxes kept of one prompt, the surest first.
_MOST_BOXES = 64
#: Room for what OWLv2 made of the last images: 11 MB each at 960 px.
_IMAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Detections:
    """What a prompt found, the surest first.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        Left, top, right, bottom in pixels of the image.
    scores : ndarray of float32, shape (n,)
        From 0 to 1.
    best_score : float
        The highest score of all, kept or not.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    best_score: float


class BoxDetector:
    """A detector that takes words.

    Parameters
    ----------
    weights : Weights
        Where the model lies.
    model, image_processor, tokenizer : object
        Of transformers.
    placement : Placement
        The model's device.
    threshold : float
        Boxes with a lower score are no answer.
    """

    family = ""
    default_threshold = 0.0

    def __init__(
        self,
        weights: Weights,
        *,
        model: Any,
        image_processor: Any,
        tokenizer: Any,
        placement: Placement,
        threshold: float | None,
    ) -> None:
        self.name = f"{self.family}@{weights.digest}"
        self.threshold = self.default_threshold if threshold is None else threshold
        self._model = model
        self._image_processor = image_processor
        self._tokenizer = tokenizer
        self._placement = placement

    def find(self, picture: Picture, prompt: str) -> Detections:
        """Return the boxes of a prompt."""
        import torch  # noqa: PLC0415 - heavy, and may be missing

        with torch.inference_mode():
            logits, boxes = self._predict(picture, prompt)
        best = logits.float().sigmoid().amax(-1)[0].cpu().numpy()
        order = np.argsort(-best, kind="stable")
        order = order[best[order] > self.threshold][:_MOST_BOXES]
        xyxy = _corners(boxes[0].float().cpu().numpy()) * self._scale(picture.size_hw)
        height, width = picture.size_hw
        xyxy = xyxy.clip(0, np.array([width, height, width, height], np.float32))
        order = order[((xyxy[order, 2] > xyxy[order, 0]) & (xyxy[order, 3] > xyxy[order, 1]))]
        return Detections(xyxy[order], best[order], float(best.max(initial=0.0)))

    def _predict(self, picture: Picture, prompt: str) -> tuple[Any, Any]:
        """Return logits (1, n, n_words) and boxes (1, n, 4): centre, width and height, as shares of the input."""
        raise NotImplementedError

    def _scale(self, size_hw: tuple[int, int]) -> NDArray[np.float32]:
        height, width = size_hw
        return np.array([width, height, width, height], np.float32)

    def _pixel_inputs(self, picture: Picture) -> dict[str, Any]:
        # Told, not guessed: an image of 3 rows looks like one whose channels come first.
        made = self._image_processor(
            images=[picture.pixels()], return_tensors="pt", input_data_format="channels_last"
        )
        return {name: value.to(self._placement.device) for name, value in made.items()}

    def _text_inputs(self, text: str, **options: Any) -> dict[str, Any]:
        made = self._tokenizer([text], return_tensors="pt", **options)
        return {name: value.to(self._placement.device) for name, value in made.items()}


class GroundingDino(BoxDetector):
    """Grounding DINO: it looks at image and words together, so every prompt costs a whole pass."""

    family = "grounding-dino"
    default_threshold = 0.3

    def _predict(self, picture: Picture, prompt: str) -> tuple[Any, Any]:
        # The model was taught on lower case phrases that end in a full stop.
        text = prompt.strip().lower()
        out = self._model(
            **self._pixel_inputs(picture), **self._text_inputs(text if text.endswith(".") else text + ".")
        )
        return out.logits, out.pred_boxes


class Owlv2(BoxDetector):
    """OWLv2: what it made of an image serves all prompts about it."""

    family = "owlv2"
    default_threshold = 0.2

    def __init__(self, weights: Weights, **parts: Any) -> None:
        super().__init__(weights, **parts)
        self._images: ByteCache[tuple[Any, Any]] = ByteCache(_IMAGE_BYTES)

    def _predict(self, picture: Picture, prompt: str) -> tuple[Any, Any]:
        features, boxes = self._image_features(picture)
        text = self._text_inputs(
            f"a photo of {prompt.strip()}", padding="max_length", max_length=16, truncation=True
        )
        query = self._model.owlv2.get_text_features(**text)
        query = getattr(query, "pooler_output", query)
        query = query / query.norm(p=2, dim=-1, keepdim=True)
        logits, _ = self._model.class_predictor(features, query[None], text["input_ids"][None, :, 0] > 0)
        return logits, boxes

    def _image_features(self, picture: Picture) -> tuple[Any, Any]:
        kept = self._images.get(picture.key)
        if kept is None:
            feature_map, _ = self._model.image_embedder(**self._pixel_inputs(picture))
            features = feature_map.flatten(1, 2)
            kept = (features, self._model.box_predictor(features, feature_map))
            self._images.put(
                picture.key, kept, n_bytes=sum(part.numel() * part.element_size() for part in kept)
            )
        return kept

    def _scale(self, size_hw: tuple[int, int]) -> NDArray[np.float32]:
        # The input is the image padded to a square at the right or at the bottom.
        return np.full(4, max(size_hw), np.float32)


_KINDS: dict[str, tuple[type[BoxDetector], str, str]] = {
    "grounding-dino": (GroundingDino, "GroundingDinoForObjectDetection", "GroundingDinoImageProcessorPil"),
    "owlv2": (Owlv2, "Owlv2ForObjectDetection", "Owlv2ImageProcessorPil"),
}


def load_detector(
    weights: Weights, placement: Placement, *, threshold: float | None, announce: Callable[[str], None]
) -> BoxDetector:
    """Load a text model.

    Parameters
    ----------
    weights : Weights
        Of Grounding DINO or OWLv2.
    placement : Placement
        Device.
    threshold : float, optional
        Least score of a box; None: the kind's own.
    announce : callable
        Is told what takes long.

    Raises
    ------
    OptionError
        If it is another kind of model, or cannot be loaded.
    """
    if weights.model_type not in _KINDS:
        raise OptionError(
            f"{weights.source} is a model of type {weights.model_type!r}; text= takes a detector that finds boxes by "
            'words: "IDEA-Research/grounding-dino-tiny", "google/owlv2-base-patch16-ensemble".'
        )
    if weights.model_type == "owlv2" and importlib.util.find_spec("scipy") is None:
        raise OptionError("OWLv2's preprocessing needs scipy, which is not installed: pip install scipy.")
    kind, model_name, processor_name = _KINDS[weights.model_type]
    model_class, processor_class, tokenizer_class = import_transformers(
        model_name, processor_name, "AutoTokenizer"
    )
    model = load_model(model_class, weights, placement, announce=announce)
    try:
        image_processor = processor_class.from_pretrained(weights.folder, local_files_only=True)
        tokenizer = tokenizer_class.from_pretrained(weights.folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(
            f"{weights.source} lacks the files of its processor or tokenizer ({error}): take the whole folder."
        ) from None
    return kind(
        weights,
        model=model,
        image_processor=image_processor,
        tokenizer=tokenizer,
        placement=placement,
        threshold=threshold,
    )


def _corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    centre, half = boxes[:, :2], boxes[:, 2:] * np.float32(0.5)
    return np.concatenate([centre - half, centre + half], axis=1)
