"""Drawn scenes with known truth: five styles, four to seven objects, prompts with the masks they must give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samframe.server.engines.drawn import COLOURS
from samframe.testing.scenes.layout import Placed, arrange, visible_coverage
from samframe.testing.scenes.objects import SceneObject
from samframe.testing.scenes.paint import TEXTURES, Texture, light_field, paint_layer
from samframe.testing.scenes.shapes import depth_map, innermost_xy
from samframe.testing.scenes.wording import absent_prompts, true_prompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REPORTING_SEEDS", "STYLES", "TUNING_SEEDS", "Scene", "SceneObject", "make_scene"]

STYLES: tuple[str, ...] = ("flat", "noisy", "texture", "clutter", "camo")

#: The engine was tuned on these seeds only; figures are reported, and floors held, on the others.
TUNING_SEEDS = range(1000)
REPORTING_SEEDS = range(5000, 6000)

_MIN_SIZE = 64
#: An object has the pixels that it covers by half.
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A drawn image and everything that is true of it.

    Parameters
    ----------
    style : str
        One of `STYLES`.
    seed : int
        The scene is a function of style, seed and size.
    image : ndarray of uint8, shape (size, size, 3)
        sRGB.
    background : str
        The background's colour word.
    objects : tuple of SceneObject
        Bottom to top.
    prompts : dict of str to ndarray of bool, shape (size, size)
        Prompts a person might type, each with the union of the masks it means.
    absent_prompts : tuple of str
        Prompts for things that are not there. The only right answer is to refuse.
    """

    style: str
    seed: int
    image: NDArray[np.uint8]
    background: str
    objects: tuple[SceneObject, ...]
    prompts: dict[str, NDArray[np.bool_]]
    absent_prompts: tuple[str, ...]

    def points(
        self, index: int, positives: int = 1, removes: int = 0
    ) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the point prompts of object `index` as keyword arguments for an engine; see `SceneObject.points`."""
        return self.objects[index].points(positives, removes)


def make_scene(style: str, seed: int, *, size: int = 512) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    style : str
        ``"flat"``; ``"noisy"`` (noise and a fall of light); ``"texture"`` (patterns in lightness); ``"clutter"``
        (objects cover one another, on an uneven ground); ``"camo"`` (all of one colour, only the pattern differs).
    seed : int
        Two calls with the same style, seed and size give the same scene, on every platform: the stream of
        `numpy.random.RandomState` is frozen.
    size : int
        Side of the square image in pixels.

    Returns
    -------
    Scene

    Raises
    ------
    ValueError
        If the style is unknown, or the size below 64 pixels.

    Examples
    --------
    >>> scene = make_scene("flat", 7, size=128)
    >>> scene.image.shape, scene.objects[0].mask.dtype.name
    ((128, 128, 3), 'bool')
    """
    if style not in STYLES:
        raise ValueError(f"style is {style!r}, must be one of {', '.join(STYLES)}")
    if size < _MIN_SIZE:
        raise ValueError(f"size is {size}, must be at least {_MIN_SIZE} pixels")
    rs = np.random.RandomState([seed, STYLES.index(style)])
    background, placed = arrange(rs, style, size)
    seen = visible_coverage([p.coverage for p in placed])
    image = _paint(rs, style, size, background, placed)
    objects = _with_points(rs, placed, _truths(seen))
    return Scene(
        style=style,
        seed=seed,
        image=image,
        background=background,
        objects=objects,
        prompts=true_prompts(objects, rs=rs, size=size, by_colour=style != "camo"),
        absent_prompts=absent_prompts(objects, rs=rs, background=background),
    )


def _truths(seen: list[NDArray[np.float32]]) -> list[NDArray[np.bool_]]:
    """Return where each layer covers at least half of a pixel; of two halves the upper one has the pixel."""
    masks: list[NDArray[np.bool_]] = []
    free = np.ones(seen[0].shape, np.bool_)
    for coverage in reversed(seen):
        masks.append(np.asarray((coverage >= _HALF) & free, np.bool_))
        free &= ~masks[-1]
    return masks[::-1]


def _texture(rs: np.random.RandomState, size: int, swing: tuple[float, float]) -> Texture:
    kind = TEXTURES[rs.randint(len(TEXTURES))]
    period = max(4.0, float(rs.uniform(9, 18)) * size / 512)
    return Texture(kind, period, float(rs.uniform(0, math.pi)), float(rs.uniform(*swing)))


def _textures(rs: np.random.RandomState, style: str, size: int, count: int) -> list[Texture | None]:
    """Return one texture for the background and one for each object."""
    if style in ("flat", "noisy"):
        return [None] * (count + 1)
    if style == "texture":
        return [_texture(rs, size, (12, 26)), *(_texture(rs, size, (16, 34)) for _ in range(count))]
    if style == "clutter":
        ground = Texture("blobs", 40.0 * size / 512, 0.0, 14.0)
        return [ground, *(_texture(rs, size, (8, 20)) if rs.randint(2) else None for _ in range(count))]
    ground = Texture("blobs", max(4.0, 7 * size / 512), 0.0, float(rs.uniform(14, 22)))
    kinds = [k for k in TEXTURES if k != "blobs"]
    return [
        ground,
        *(
            Texture(
                kinds[rs.randint(len(kinds))],
                max(4.0, float(rs.uniform(8, 16)) * size / 512),
                float(rs.uniform(0, math.pi)),
                float(rs.uniform(30, 45)),
            )
            for _ in range(count)
        ),
    ]


def _paint(
    rs: np.random.RandomState, style: str, size: int, background: str, placed: list[Placed]
) -> NDArray[np.uint8]:
    """Return the finished picture: ground, objects bottom to top, light, noise."""
    textures = _textures(rs, style, size, len(placed))
    ground = np.asarray(COLOURS[background], np.float32)
    picture = paint_layer(tuple(ground + rs.uniform(-8, 8, 3)), textures[0], size, rs)
    ground_shift = picture.mean(axis=(0, 1)) - ground
    for one, texture in zip(placed, textures[1:], strict=True):
        shift = ground_shift if style == "camo" else rs.uniform(-10, 10, 3)
        layer = paint_layer(tuple(np.asarray(COLOURS[one.colour]) + shift), texture, size, rs)
        picture += one.coverage[..., None] * (layer - picture)
    if style in ("noisy", "clutter"):
        strength, sigma = (0.3, rs.uniform(9, 18)) if style == "noisy" else (0.12, 5.0)
        picture *= light_field(size, float(rs.uniform(0, 2 * math.pi)), strength)
        picture += sigma * rs.standard_normal(picture.shape).astype(np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _with_points(
    rs: np.random.RandomState, placed: list[Placed], masks: list[NDArray[np.bool_]]
) -> tuple[SceneObject, ...]:
    """Return the objects with their masks and prompt points."""
    centres = [innermost_xy(mask) for mask in masks]
    free = ~np.logical_or.reduce(masks)
    free_depth = depth_map(free)
    objects = []
    for i, (one, mask, centre) in enumerate(zip(placed, masks, centres, strict=True)):
        others = [c for j, c in enumerate(centres) if j != i]
        near = min(others, key=lambda c: math.dist(c, centre))
        objects.append(
            SceneObject(
                shape=one.shape,
                colour=one.colour,
                mask=mask,
                visible=float(mask.sum() / max(1, (one.coverage >= _HALF).sum())),
                point_xy=centre,
                extra_xy=_extra_points(rs, mask, centre),
                remove_xy=(near, _ground_point(free_depth, centre)),
            )
        )
    return tuple(objects)


def _extra_points(
    rs: np.random.RandomState, mask: NDArray[np.bool_], first: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """Return two pixels well inside a mask, far from the first point and from each other."""
    depth = depth_map(mask)
    ys, xs = np.nonzero(depth >= max(1.0, 0.45 * depth.max()))
    some = rs.randint(0, len(xs), 64)
    candidates = [(int(xs[i]), int(ys[i])) for i in some]
    chosen = [first]
    for _ in range(2):
        chosen.append(max(candidates, key=lambda c: min(math.dist(c, p) for p in chosen)))
    return tuple(chosen[1:])


def _ground_point(free_depth: NDArray[np.int32], centre: tuple[int, int]) -> tuple[int, int]:
    """Return the nearest pixel to an object that is clearly background."""
    clear = min(0.02 * free_depth.shape[0], float(free_depth.max()))
    ys, xs = np.nonzero(free_depth >= clear)
    nearest = int(np.argmin((xs - centre[0]) ** 2 + (ys - centre[1]) ** 2))
    return int(xs[nearest]), int(ys[nearest])
