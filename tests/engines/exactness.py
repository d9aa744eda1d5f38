"""Images of eight kinds and questions of every kind, with the answers of transformers' own processor and model."""

import io
from dataclasses import dataclass, field

import numpy as np
import tiny_models
from PIL import Image

from samframe.server.protocol import Picture

SIDE_PX = 256
#: The last bit of a score depends on where in memory the numbers lie; a mask's cut hides that.
SCORE_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question about an image, as shares of its width and height; the answer when it was asked."""

    kind: str
    name: str
    asked: dict = field(hash=False)


def image_files(photo):
    """Return a file's bytes by the kind of image: eight kinds."""
    rgb = Image.fromarray(photo((150, 220), seed=1))
    turned = Image.Exif()
    turned[274] = 6  # orientation: to be turned by 90 degrees
    wide = Image.fromarray(photo((90, 2500), seed=2))
    kinds = {
        "jpeg": (Image.fromarray(photo((180, 140), seed=3)), "JPEG", {"quality": 90}),
        "grey": (rgb.convert("L"), "PNG", {}),
        "rgba": (_with_alpha(rgb), "PNG", {}),
        "palette": (rgb.quantize(64), "PNG", {}),
        "thin": (Image.fromarray(photo((12, 300), seed=4)), "PNG", {}),
        "one pixel off the side": (Image.fromarray(photo((SIDE_PX + 1, SIDE_PX - 1), seed=5)), "PNG", {}),
        "turned by EXIF": (rgb, "JPEG", {"exif": turned, "quality": 95}),
        "over 2048": (wide, "PNG", {}),
    }
    files = {}
    for kind, (image, file_format, options) in kinds.items():
        out = io.BytesIO()
        image.save(out, file_format, **options)
        files[kind] = out.getvalue()
    return files


def _with_alpha(rgb):
    alpha = np.tile(np.linspace(0, 255, rgb.width).astype(np.uint8), (rgb.height, 1))
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(alpha))
    return rgba


def questions(size_hw):
    """Return a question of each kind: points, points to exclude, boxes, and one of each together."""
    height, width = size_hw

    def at(x, y):
        return (round(x * (width - 1), 1), round(y * (height - 1), 1))

    def box(left, top, right, bottom):
        return (*at(left, top), *at(right, bottom))

    return {
        "a point": {"points": [at(0.3, 0.4)]},
        "another point": {"points": [at(0.8, 0.6)]},
        "points": {"points": [at(0.3, 0.4), at(0.7, 0.2), at(0.5, 0.9)]},
        "a point and one to exclude": {"points": [at(0.3, 0.4)], "remove_points": [at(0.8, 0.7)]},
        "a box": {"boxes": [box(0.1, 0.2, 0.7, 0.9)]},
        "boxes": {"boxes": [box(0.1, 0.2, 0.5, 0.9), box(0.5, 0.1, 0.95, 0.6), box(0.0, 0.0, 1.0, 0.5)]},
        "a box and a point": {"boxes": [box(0.1, 0.2, 0.7, 0.9)], "points": [at(0.3, 0.4)]},
        "boxes and a point to exclude": {
            "boxes": [box(0.1, 0.2, 0.5, 0.9), box(0.5, 0.1, 0.95, 0.6)],
            "remove_points": [at(0.45, 0.4)],
        },
    }


def pixels_of(raw):
    """Return the pixels of a file as the server decodes them: as stored."""
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def truth(model, rgb):
    """Return each question about an image with the union of the masks that transformers makes, and the scores."""
    answers = {}
    for name, asked in questions(rgb.shape[:2]).items():
        masks, scores = tiny_models.oracle_mask(model, rgb, side_px=SIDE_PX, **asked)
        answers[name] = (asked, np.any(masks, axis=0), min(scores))
    return answers


def wrong_answers(engine, rgb_of, truths):
    """Return which questions an engine answers by other bits than transformers, asked in turns over the images.

    Parameters
    ----------
    engine : ServedEngine
        What is judged.
    rgb_of : dict
        Pixels by the kind of image.
    truths : dict
        What `truth` gave, by the kind of image.
    """
    wrong = []
    names = list(next(iter(truths.values())))
    pictures = {kind: Picture.of(rgb) for kind, rgb in rgb_of.items()}
    for name in names:
        for kind, answers in truths.items():
            asked, mask, score = answers[name]
            try:
                made = engine.segment(rgb_of[kind], key=pictures[kind].key, **asked)
            except Exception as error:  # noqa: BLE001 - a mutant may break in any way
                wrong.append((kind, name, repr(error)))
                continue
            if made.mask.shape != mask.shape or not np.array_equal(made.mask, mask):
                wrong.append((kind, name, "mask"))
            elif abs(made.score - score) > SCORE_TOLERANCE:
                wrong.append((kind, name, "score"))
    return wrong
