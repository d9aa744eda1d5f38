"""SAM 3: a concept in words, or boxes as examples of it, gives every instance in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.server.engines.sam.sam2 import Embedding
from samframe.server.protocol import EngineRefused, Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.engines.sam.device import Placement
    from samframe.server.engines.sam.pixels import Preprocessing
    from samframe.server.protocol import Picture

__all__ = ["TorchSam3"]

_WORDS = 32  # the length that the model was trained with


class TorchSam3:
    """The concept model in PyTorch.

    Parameters
    ----------
    model : transformers.Sam3Model
        In evaluation mode, on its device.
    tokenizer : object
        Of transformers.
    preprocessing : Preprocessing
        How its input is made.
    placement : Placement
        Device and numbers.
    threshold : float
        Instances with a lower score are no answer.
    """

    default_threshold = 0.5

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        preprocessing: Preprocessing,
        placement: Placement,
        *,
        threshold: float | None,
    ) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.placement = placement
        self.threshold = self.default_threshold if threshold is None else threshold
        self._tokenizer = tokenizer

    def encode(self, rgb: NDArray[np.uint8]) -> Embedding:
        """Return what the model makes of an image, uint8 of shape (H, W, 3)."""
        import torch  # noqa: PLC0415 - heavy, and may be missing

        with torch.inference_mode(), self.placement.autocast():
            seen = self.model.get_vision_features(
                pixel_values=self.preprocessing.tensor(rgb).to(self.placement.device)
            )
        # Only what decoding reads is kept: the encoder's last state is as large again.
        kept = type(seen)(
            fpn_hidden_states=seen.fpn_hidden_states, fpn_position_encoding=seen.fpn_position_encoding
        )
        tensors = [*kept.fpn_hidden_states, *kept.fpn_position_encoding]
        return Embedding(kept, sum(tensor.numel() * tensor.element_size() for tensor in tensors))

    def find(self, embedding: Embedding, prompt: str, picture: Picture) -> list[Instance]:
        """Return the instances of a concept, the surest first.

        Raises
        ------
        EngineRefused
            If there is none.
        """
        import torch  # noqa: PLC0415 - heavy, and may be missing

        words = self._tokenizer(
            [prompt], return_tensors="pt", padding="max_length", max_length=_WORDS, truncation=True
        )
        with torch.inference_mode(), self.placement.autocast():
            out = self.model(
                vision_embeds=embedding.value,
                input_ids=words["input_ids"].to(self.placement.device),
                attention_mask=words["attention_mask"].to(self.placement.device),
            )
            scores = out.pred_logits.sigmoid()
            if out.presence_logits is not None:
                scores = scores * out.presence_logits.sigmoid()
        instances = self._instances(out, scores[0].float().cpu().numpy(), picture.size_hw)
        if not instances:
            raise EngineRefused(
                f"Nothing in the image matches {prompt!r}: the best of the candidates scores "
                f"{float(scores.max()):.2f}, below {self.threshold:g}"
            )
        return instances

    def _instances(self, out: Any, scores: NDArray[np.float32], size_hw: tuple[int, int]) -> list[Instance]:
        import torch  # noqa: PLC0415 - heavy, and may be missing

        height, width = size_hw
        whole = np.array([width, height, width, height], np.float32)
        order = [int(at) for at in np.argsort(-scores, kind="stable") if scores[at] > self.threshold]
        found = []
        for at in order:
            shares = torch.nn.functional.interpolate(
                out.pred_masks[:, at : at + 1].float().cpu().sigmoid(),
                size=size_hw,
                mode="bilinear",
                align_corners=False,
            )
            box = out.pred_boxes[0, at].float().cpu().numpy() * whole
            found.append(
                Instance(
                    mask=(shares[0, 0] > 0.5).numpy(),  # noqa: PLR2004 - half of the sigmoid
                    score=float(scores[at]),
                    box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                )
            )
        return found
