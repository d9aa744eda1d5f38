"""The engine: keeps what the model made of each image, and answers points, boxes and words."""

from __future__ import annotations

import logging
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from samframe.server.engines.cache import ByteCache
from samframe.server.engines.sam.errors import HARDWARE_ADVICE, is_out_of_memory
from samframe.server.engines.sam.sam2 import TorchSam2
from samframe.server.protocol import (
    EngineFacts,
    EngineRefused,
    Instance,
    Picture,
    Question,
    Segmentation,
    ServedEngine,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from samframe.server.engines.sam.detectors import BoxDetector
    from samframe.server.engines.sam.sam2 import Decoded, Embedding
    from samframe.server.engines.sam.sam3 import TorchSam3

__all__ = ["PointModel", "SamEngine"]

logger = logging.getLogger(__name__)

_WARM_UP_PX = 64


class PointModel(Protocol):
    """A model that answers points and boxes, in PyTorch or in ONNX."""

    def encode(self, rgb: NDArray[np.uint8]) -> Embedding:
        """Return what the model makes of an image."""
        ...

    def decode(self, embedding: Embedding, question: Question, *, size_hw: tuple[int, int]) -> Decoded:
        """Return the objects of a question."""
        ...


class SamEngine(ServedEngine):
    """A Segment Anything model on this machine. One thread at a time may ask it.

    Parameters
    ----------
    name : str
        Model and digest of its weights, for example ``"sam2/hiera-tiny@0123456789ab"``.
    points : PointModel, optional
        Answers points and boxes.
    detector : BoxDetector, optional
        Finds boxes by words, which then prompt `points`.
    concepts : TorchSam3, optional
        Answers words itself.
    licence : str
        Of the weights.
    cache_bytes : int
        Room for what the models made of images; that of the image at hand is kept beside it.
    where : str
        The device, for the banner.
    n_batch : int
        How many images `points` encodes in one pass.
    """

    def __init__(
        self,
        name: str,
        *,
        points: PointModel | None,
        detector: BoxDetector | None = None,
        concepts: TorchSam3 | None = None,
        licence: str = "",
        cache_bytes: int,
        where: str = "cpu",
        n_batch: int = 1,
    ) -> None:
        self.name = name
        self._points = points
        self._detector = detector
        self._concepts = concepts
        self._embeddings: ByteCache[Embedding] = ByteCache(cache_bytes)
        #: Key and embedding of each model's image at hand: jobs about it follow each other, whatever the cache holds.
        self._at_hand: dict[str, tuple[str, Embedding]] = {}
        # Callers other than the server's one model thread wait for their turn.
        self._turn = threading.RLock()
        self.n_encodes = 0
        self._bytes_of_one = 0
        takes_text = detector is not None or concepts is not None
        self.facts = EngineFacts(
            is_sam=True,
            is_free=True,
            licence=licence,
            n_threads=1,
            n_batch=n_batch,
            takes_text=takes_text,
            takes_boxes=points is not None,
            words=f"on {where}; text prompts: {'yes' if takes_text else 'no (give a text model)'}",
        )

    @property
    def cached_bytes(self) -> int:
        """Bytes of what is kept of images."""
        return self._embeddings.used_bytes

    def warm_up(self) -> None:
        """Answer one question about a grey square: the first job pays for no allocation and no compilation."""
        grey = np.full((_WARM_UP_PX, _WARM_UP_PX, 3), 127, np.uint8)
        picture, middle = Picture.of(grey), _WARM_UP_PX / 2
        with self._turn:
            for kind, model in self._kinds():
                embedding, _ = self._embed(kind, model, picture)
                if kind == "points":
                    model.decode(embedding, Question(points=[(middle, middle)]), size_hw=picture.size_hw)
            self._forget()
            self.n_encodes = 0

    def prepare(self, *pictures: Picture) -> bool:
        """Encode images, unless that is done: in one pass where the model takes several and the cache has room."""
        with self._turn:
            if len(pictures) > 1 and isinstance(self._points, TorchSam2):
                self._embed_together(self._points, pictures)
                return True
            for kind, model in self._kinds():
                for picture in pictures:
                    self._embed(kind, model, picture)
        return True

    def _embed_together(self, model: TorchSam2, pictures: Sequence[Picture]) -> None:
        new = {f"points:{one.key}": one for one in pictures}
        new = {key: one for key, one in new.items() if key not in self._embeddings}
        if pictures[0].key not in {one.key for one in new.values()} or len(new) < 2:  # noqa: PLR2004 - a batch
            return  # the image at hand is known: the others' turn comes
        room = self._embeddings.max_bytes // max(1, self._bytes_of_one)
        new = dict(islice(new.items(), max(1, room)))
        try:
            made = model.encode_all([one.pixels() for one in new.values()])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return  # one by one, then
        self.n_encodes += len(made)
        # The image at hand last: it is asked about first, and so must not be the one that has no room.
        for key, embedding in reversed(list(zip(new, made, strict=True))):
            self._embeddings.put(key, embedding, n_bytes=embedding.n_bytes)

    def answer(self, picture: Picture, question: Question) -> Segmentation:
        """Segment one image.

        Raises
        ------
        EngineRefused
            If the question cannot be put to the models, if words find nothing, or if memory runs out.
        """
        with self._turn:
            try:
                if question.prompt is not None and question.prompt.strip():
                    return self._by_words(picture, question.prompt.strip())
                return self._by_points(picture, question, mode="boxes" if question.boxes else "points")
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._forget()
                raise EngineRefused(
                    f"No memory is left for an image of {picture.size_hw[1]} x {picture.size_hw[0]} px "
                    f"({self.facts.words}): {HARDWARE_ADVICE}"
                ) from None

    def close(self) -> None:
        """Let the models and all that is kept go."""
        with self._turn:
            self._forget()
            self._points = self._detector = self._concepts = None

    def _kinds(self) -> list[tuple[str, Any]]:
        kinds: list[tuple[str, Any]] = [("points", self._points), ("concepts", self._concepts)]
        return [(kind, model) for kind, model in kinds if model is not None]

    def _by_points(self, picture: Picture, question: Question, *, mode: str) -> Segmentation:
        if self._points is None:
            raise EngineRefused(f"{self.name} takes words only: these weights answer no points and no boxes")
        embedding, was_cached = self._embed("points", self._points, picture)
        found = self._points.decode(embedding, question, size_hw=picture.size_hw)
        instances = (
            tuple(
                Instance(mask=mask, score=score, box=box)
                for mask, score, box in zip(found.masks, found.scores, question.boxes, strict=True)
            )
            if question.boxes
            else ()
        )
        return Segmentation(
            mask=_union(found.masks),
            score=_clip(min(found.scores)),
            detail={"engine": self.name, "mode": mode, "embedding_cached": was_cached},
            instances=instances,
        )

    def _by_words(self, picture: Picture, prompt: str) -> Segmentation:
        if self._concepts is not None:
            embedding, was_cached = self._embed("concepts", self._concepts, picture)
            instances = self._concepts.find(embedding, prompt, picture)
            return Segmentation(
                mask=_union([instance.mask for instance in instances]),
                score=_clip(max(instance.score for instance in instances)),
                detail={"engine": self.name, "mode": "text", "embedding_cached": was_cached},
                instances=tuple(instances),
            )
        if self._detector is None:
            raise EngineRefused(
                f"{self.name} takes points and boxes, no words: start it with a text model, for example "
                'text="IDEA-Research/grounding-dino-tiny" (on the command line --text)'
            )
        boxes = self._detector.find(picture, prompt)
        if not len(boxes.boxes):
            raise EngineRefused(
                f"Nothing in the image matches {prompt!r}: the best of the candidates scores "
                f"{boxes.best_score:.2f}, below {self._detector.threshold:g}"
            )
        corners = [(float(a), float(b), float(c), float(d)) for a, b, c, d in boxes.boxes]
        return self._by_points(picture, Question(boxes=corners), mode="text")

    def _embed(self, kind: str, model: PointModel | TorchSam3, picture: Picture) -> tuple[Embedding, bool]:
        key = f"{kind}:{picture.key}"
        kept = self._embeddings.get(key)
        at_hand = self._at_hand.get(kind)
        if kept is None and at_hand is not None and at_hand[0] == key:
            kept = at_hand[1]
        if kept is not None:
            self._at_hand[kind] = (key, kept)
            return kept, True
        self._at_hand.pop(kind, None)
        made = self._with_room(lambda: model.encode(picture.pixels()))
        self.n_encodes += 1
        self._bytes_of_one = made.n_bytes
        self._embeddings.put(key, made, n_bytes=made.n_bytes)
        self._at_hand[kind] = (key, made)
        return made, False

    def _with_room(self, work: Callable[[], Embedding]) -> Embedding:
        """Run, and run once more without what is kept of other images where memory ran out."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not len(self._embeddings):
                raise
            logger.warning("Memory ran out: what was kept of %d images is dropped", len(self._embeddings))
            self._forget()
        return work()

    def _forget(self) -> None:
        self._embeddings.clear()
        self._at_hand.clear()


def _union(masks: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    whole = masks[0]
    for mask in masks[1:]:
        whole = whole | mask
    return whole


def _clip(score: float) -> float:
    return min(max(score, 0.0), 1.0)
