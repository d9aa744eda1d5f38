"""What every engine takes, gives, refuses and tells of itself."""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from samframe._version import __version__
from samframe.errors import SamframeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "ENGINE_NAME",
    "Engine",
    "EngineFacts",
    "EngineRefused",
    "Instance",
    "Picture",
    "Question",
    "Segmentation",
    "ServedEngine",
    "served",
]

#: Written beside every mask that the offline engine made.
ENGINE_NAME = f"offline/{__version__}"

Point = tuple[float, float]
Box = tuple[float, float, float, float]


class EngineRefused(SamframeError):  # noqa: N818 - a refusal is an answer, not a malfunction
    """The engine will not make this mask, and the message says why.

    For a text prompt the drawn engine's message also tells its vocabulary.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One object of an answer that names several.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        True on this object.
    score : float
        From 0 to 1, as the model gives it.
    box : (float, float, float, float), optional
        Left, top, right, bottom in pixels, as a detector found it.
    """

    mask: NDArray[np.bool_]
    score: float
    box: Box | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """One mask and how sure the engine is of it.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        True on the object; the size of the image that was given. The union where there are several objects.
    score : float
        From 0 to 1: the predicted IoU of SAM, or how well the outline separates inside from outside.
    detail : dict
        What led to the mask: ``engine``, ``mode`` and facts of that mode; ``embedding_cached`` of a SAM.
    instances : tuple of Instance
        The objects one by one, where the question had boxes or its words found some; else empty.
    mask_key : bytes, optional
        What stands for the mask: masks of one size with equal keys are equal, so that they are encoded but once.
    """

    mask: NDArray[np.bool_]
    score: float
    detail: dict[str, Any] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    mask_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What a caller has to know of an engine before it trusts or pays for a mask.

    Parameters
    ----------
    is_sam : bool
        Whether the masks are those of a Segment Anything model.
    is_free : bool
        Whether nobody is charged for a job.
    licence : str
        Of the weights, in a word or a sentence; empty where there are none.
    n_threads : int, optional
        How many jobs it can work on at once. None: as many as the server has workers.
    n_batch : int
        How many images it looks at in one pass; on a GPU that is quicker than one by one.
    takes_text, takes_boxes : bool
        Whether it understands words and boxes.
    tells_score : bool
        Whether its scores mean something.
    words : str
        What the server's banner says of it.
    """

    is_sam: bool
    is_free: bool = True
    licence: str = ""
    n_threads: int | None = None
    n_batch: int = 1
    takes_text: bool = True
    takes_boxes: bool = False
    tells_score: bool = True
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of an image. With a prompt, points and boxes are ignored, as on the wire.

    Parameters
    ----------
    prompt : str, optional
        What to find.
    points, remove_points : sequence of (x, y)
        Pixels on the object, and pixels that do not belong to it.
    boxes : sequence of (left, top, right, bottom)
        Pixels around an object each.
    """

    prompt: str | None = None
    points: Sequence[Point] = ()
    remove_points: Sequence[Point] = ()
    boxes: Sequence[Box] = ()


@dataclass(slots=True, eq=False)
class Picture:
    """An image with its identity, decoded when an engine looks at its pixels, and no more than once.

    Parameters
    ----------
    key : str
        Hexadecimal sha256 of the file's bytes as sent.
    size_hw : (int, int)
        Height and width in pixels.
    decode : callable
        Returns the pixels, uint8 of shape (H, W, 3).
    """

    key: str
    size_hw: tuple[int, int]
    decode: Callable[[], NDArray[np.uint8]]
    _rgb: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, rgb: NDArray[np.uint8]) -> Picture:
        """Return a picture of pixels at hand; its key is the hash of them and of their shape."""
        raw = np.ascontiguousarray(rgb)
        key = hashlib.sha256(repr(raw.shape).encode() + raw.tobytes()).hexdigest()
        return cls(key, (raw.shape[0], raw.shape[1]), lambda: raw, raw)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels, uint8 of shape (H, W, 3).

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        if self._rgb is None:
            self._rgb = self.decode()
        return self._rgb


class Engine(Protocol):
    """The least that the server takes as an engine: anything that turns an image and a question into a mask."""

    def segment(
        self,
        rgb: NDArray[np.uint8],
        *,
        prompt: str | None = None,
        points: Sequence[Point] = (),
        remove_points: Sequence[Point] = (),
    ) -> Segmentation:
        """Segment one image, or raise `EngineRefused`.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            The image.
        prompt : str, optional
            What to find. Where there is a prompt, points are ignored, as on the wire.
        points, remove_points : sequence of (x, y)
            Pixels on the object, and pixels that do not belong to it.

        Raises
        ------
        EngineRefused
            If the engine will not make the mask.
        """
        ...


class ServedEngine(ABC):
    """An engine as the server uses it: it may look at an image's key alone, and keep what it made of the image.

    ``answer`` is called in one thread at a time where ``facts.n_threads`` is 1.
    """

    name: str
    facts: EngineFacts

    @abstractmethod
    def answer(self, picture: Picture, question: Question) -> Segmentation:
        """Segment one image.

        Raises
        ------
        EngineRefused
            If the engine will not make the mask.
        ValueError
            If the image is damaged.
        """

    def warm_up(self) -> None:  # noqa: B027 - most engines have nothing to do
        """Do now what would make the first job slow."""

    def prepare(self, *pictures: Picture) -> bool:  # noqa: ARG002 - most engines have nothing to do
        """Do now what every question about these images needs; return whether anything is kept for them."""
        return False

    def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Release what is held."""

    def segment(
        self,
        rgb: NDArray[np.uint8],
        *,
        key: str | None = None,
        prompt: str | None = None,
        points: Sequence[Point] = (),
        remove_points: Sequence[Point] = (),
        boxes: Sequence[Box] = (),
    ) -> Segmentation:
        """Segment one image, or raise `EngineRefused`.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            The image.
        key : str, optional
            What stands for the image; None: the hash of its pixels, which takes 70 ms at 12 megapixels.
        prompt : str, optional
            What to find. Where there is a prompt, points and boxes are ignored, as on the wire.
        points, remove_points : sequence of (x, y)
            Pixels on the object, and pixels that do not belong to it.
        boxes : sequence of (left, top, right, bottom)
            Pixels around an object each.

        Raises
        ------
        EngineRefused
            If the engine will not make the mask.
        """
        picture = Picture.of(rgb) if key is None else Picture(key, (rgb.shape[0], rgb.shape[1]), lambda: rgb)
        question = Question(prompt=prompt, points=points, remove_points=remove_points, boxes=boxes)
        return self.answer(picture, question)


class _Adapted(ServedEngine):
    """A caller's own engine, of which the server knows no more than ``segment``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = str(getattr(engine, "name", type(engine).__name__))
        facts = getattr(engine, "facts", None)
        takes_boxes = "boxes" in inspect.signature(engine.segment).parameters
        self.facts = (
            facts if isinstance(facts, EngineFacts) else EngineFacts(is_sam=False, takes_boxes=takes_boxes)
        )

    def answer(self, picture: Picture, question: Question) -> Segmentation:
        boxes: dict[str, Any] = {}
        if question.boxes:
            if not self.facts.takes_boxes:
                raise EngineRefused(f"The engine {self.name} takes no boxes")
            boxes["boxes"] = question.boxes
        return self._engine.segment(
            picture.pixels(),
            prompt=question.prompt,
            points=question.points,
            remove_points=question.remove_points,
            **boxes,
        )


def served(engine: Engine | ServedEngine) -> ServedEngine:
    """Return an engine as the server uses it.

    Parameters
    ----------
    engine : ServedEngine or Engine
        An engine of the house, or any object with a ``segment`` method; ``name`` and ``facts`` are taken where it
        has them, else it is free and no SAM.
    """
    return engine if isinstance(engine, ServedEngine) else _Adapted(engine)
