"""Prompts for drawn scenes: what is there, with the masks that are meant, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn import COLOURS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from samframe.testing.scenes.objects import SceneObject

__all__ = ["absent_prompts", "true_prompts"]

#: Shapes that one may honestly take for one another.
_ALIKE: dict[str, set[str]] = {
    "circle": {"ellipse"},
    "ellipse": {"circle"},
    "square": {"rectangle"},
    "rectangle": {"square"},
}
#: An object covered more than this may look like another shape.
_WHOLE = 0.97


def _union(objects: Sequence[SceneObject]) -> NDArray[np.bool_]:
    return np.asarray(np.logical_or.reduce([o.mask for o in objects]), np.bool_)


def _ranked(objects: Sequence[SceneObject], rank: str, size: int) -> SceneObject | None:
    """Return the one object that a rank means, or None where it would be a matter of opinion."""
    centres = {id(o): [float(axis.mean()) for axis in np.nonzero(o.mask)] for o in objects}
    middle = (size - 1) / 2
    keys: dict[str, Callable[[SceneObject], float]] = {
        "largest": lambda o: -float(o.mask.sum()),
        "smallest": lambda o: float(o.mask.sum()),
        "leftmost": lambda o: centres[id(o)][1],
        "rightmost": lambda o: -centres[id(o)][1],
        "topmost": lambda o: centres[id(o)][0],
        "bottommost": lambda o: -centres[id(o)][0],
        "centre": lambda o: float(np.hypot(centres[id(o)][0] - middle, centres[id(o)][1] - middle)),
    }
    key = keys[rank]
    first, second = sorted(objects, key=key)[:2]
    gap = key(second) - key(first)
    margin = 0.25 * first.mask.sum() if rank in ("largest", "smallest") else 0.06 * size
    return first if gap > margin else None


def true_prompts(
    objects: Sequence[SceneObject], *, rs: np.random.RandomState, size: int, by_colour: bool
) -> dict[str, NDArray[np.bool_]]:
    """Return prompts with the union of the visible masks that each means.

    Parameters
    ----------
    objects : sequence of SceneObject
    rs : numpy.random.RandomState
        Chooses the ranks that are asked for.
    size : int
        Side of the image in pixels.
    by_colour : bool
        False where all objects have the background's colour.

    Returns
    -------
    dict of str to ndarray of bool, shape (size, size)
    """
    groups: dict[str, list[SceneObject]] = {}
    for o in objects:
        if by_colour:
            groups.setdefault(f"{o.colour} {o.shape}", []).append(o)
            groups.setdefault(f"{o.colour} object", []).append(o)
        groups.setdefault(o.shape, []).append(o)
    prompts = {_plural(words, len(found)): _union(found) for words, found in groups.items()}
    several = {"object": list(objects)} | {words: found for words, found in groups.items() if len(found) > 1}
    for words, found in several.items():
        rank = ("largest", "smallest", "leftmost", "rightmost", "topmost", "bottommost", "centre")[
            rs.randint(7)
        ]
        chosen = _ranked(found, rank, size)
        if chosen is not None:
            prompts[f"{rank} {words}"] = chosen.mask
    prompts["background"] = ~_union(objects)
    return prompts


def _plural(words: str, count: int) -> str:
    if count == 1:
        return words
    return words + ("es" if words.endswith("cross") else "s")


def absent_prompts(
    objects: Sequence[SceneObject], *, rs: np.random.RandomState, background: str
) -> tuple[str, ...]:
    """Return prompts for things that are not in the scene.

    Left out is what one could argue about: a circle where there is an ellipse of that colour, a shape that a half
    covered object may seem to have, and the background seen through a ring.

    Parameters
    ----------
    objects : sequence of SceneObject
    rs : numpy.random.RandomState
        Chooses among the many things that are absent.
    background : str
        Colour word of the background.

    Returns
    -------
    tuple of str
    """
    used = {o.colour for o in objects}
    unused = [c for c in COLOURS if c not in used | {background}]
    prompts = [f"{unused[i]} {SHAPES[rs.randint(len(SHAPES))]}" for i in rs.permutation(len(unused))[:2]]
    prompts.append(f"{unused[rs.randint(len(unused))]} object")
    if background not in used:
        if not any(o.shape == "ring" for o in objects):
            prompts.append(f"{background} {SHAPES[rs.randint(len(SHAPES))]}")
        for colour in sorted(used):
            same = [o for o in objects if o.colour == colour]
            missing = _missing_shapes(same)
            if missing:
                prompts.append(f"{colour} {missing[rs.randint(len(missing))]}")
        missing = _missing_shapes(objects)
        if missing:
            prompts.append(missing[rs.randint(len(missing))])
    return tuple(dict.fromkeys(prompts))


def _missing_shapes(objects: Sequence[SceneObject]) -> list[str]:
    """Return the shapes that none of these objects has or might be taken for; none where one is half covered."""
    if any(o.visible < _WHOLE for o in objects):
        return []
    seen = {o.shape for o in objects}
    seen |= {alike for shape in seen for alike in _ALIKE.get(shape, set())}
    return [shape for shape in SHAPES if shape not in seen]
