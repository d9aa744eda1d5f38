"""The closed vocabulary of the offline engine: twelve colours, eight shapes, seven ranks, and their spellings.

The drawn scenes of :mod:`samframe.testing` are painted from the same lists by the same author. Scores on those scenes
therefore say that the engine does what it was built to do; they say nothing about photographs.
"""

from __future__ import annotations

__all__ = ["COLOURS", "RANKS", "SHAPES", "SYNONYMS", "vocabulary_text"]

#: Name to sRGB, 0-255.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (208, 40, 40),
    "orange": (245, 140, 20),
    "yellow": (245, 220, 50),
    "green": (45, 160, 65),
    "cyan": (60, 200, 210),
    "blue": (40, 80, 205),
    "purple": (125, 50, 165),
    "pink": (245, 140, 190),
    "brown": (120, 72, 35),
    "white": (244, 244, 244),
    "grey": (128, 128, 128),
    "black": (26, 26, 26),
}

SHAPES: tuple[str, ...] = ("circle", "ellipse", "square", "rectangle", "triangle", "star", "cross", "ring")

RANKS: tuple[str, ...] = ("largest", "smallest", "leftmost", "rightmost", "topmost", "bottommost", "centre")

#: Other spellings of the same words. Nothing here widens the vocabulary's meaning.
SYNONYMS: dict[str, str] = {
    "gray": "grey",
    "violet": "purple",
    "biggest": "largest",
    "center": "centre",
    "central": "centre",
    "oval": "ellipse",
    "disc": "circle",
    "disk": "circle",
    "thing": "object",
    "circles": "circle",
    "ellipses": "ellipse",
    "squares": "square",
    "rectangles": "rectangle",
    "triangles": "triangle",
    "stars": "star",
    "crosses": "cross",
    "rings": "ring",
    "objects": "object",
}


def vocabulary_text() -> str:
    """Return the vocabulary as one sentence, for error messages and help."""
    return (
        f"[{'|'.join(RANKS)}] [{'|'.join(COLOURS)}] [{'|'.join(SHAPES)}|object], in this order, "
        'for example "red circle" or "largest blue object"; or "background"'
    )
