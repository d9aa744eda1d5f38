"""A mask becomes the bytes of an output file, in every form that the API may be using."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samframe.server.config import OutputForm

__all__ = ["CONTENT_TYPES", "SUFFIXES", "mask_file", "overlay_file", "styled_file"]

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
CONTENT_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".zip": "application/zip",
}
_WORD = 65535


def mask_file(mask: NDArray[np.bool_], form: OutputForm) -> bytes:
    """Encode a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask.
    form : OutputForm
        Container, mode, values and size.

    Returns
    -------
    bytes
        The file.
    """
    return _encoded(_picture(mask, form), form)


def styled_file(rgb: NDArray[np.uint8], mask: NDArray[np.bool_], form: OutputForm) -> bytes:
    """Encode a mask in a style that needs the image, or that is no plain mask.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The image.
    mask : ndarray of bool, shape (H, W)
        The mask.
    form : OutputForm
        Style, container and size.

    Returns
    -------
    bytes
        The file.
    """
    opaque = np.where(mask, np.uint8(255), np.uint8(0))
    match form.style:
        case "alpha":
            pixels = np.dstack([np.full_like(rgb, 255), opaque])
        case "cut-out":
            pixels = np.dstack([rgb, opaque])
        case "coloured":
            pixels = np.where(mask[..., None], np.array([30, 144, 255], np.uint8), np.uint8(0))
        case "soft":
            slope = np.linspace(0, 96, mask.shape[1]).astype(np.uint8)
            pixels = np.where(mask, np.uint8(200), slope[None, :])
        case "overlay":
            pixels = _painted(rgb, mask)
        case _:
            return mask_file(mask, form)
    return _encoded(_fitted(Pillow.fromarray(pixels), form), form)


def _encoded(picture: Pillow.Image, form: OutputForm) -> bytes:
    out = io.BytesIO()
    match form.file_format:
        case "PNG":
            picture.save(out, "PNG", compress_level=1)
        case "JPEG":
            picture.save(out, "JPEG", quality=form.quality)
        case "WEBP":
            picture.save(out, "WEBP", quality=form.quality, lossless=form.quality > 95, method=0)  # noqa: PLR2004
    return out.getvalue()


def _picture(mask: NDArray[np.bool_], form: OutputForm) -> Pillow.Image:
    if form.letterbox:
        return _fitted(_picture(mask, replace(form, size_hw=None, letterbox=False)), form)
    if form.size_hw is not None:
        height, width = form.size_hw
        rows = np.arange(height) * mask.shape[0] // height
        cols = np.arange(width) * mask.shape[1] // width
        mask = mask[rows[:, None], cols[None, :]]
    match form.mode:
        case "I;16":
            high = _WORD if form.high == 255 else form.high  # noqa: PLR2004 - 8 bits' white
            return Pillow.fromarray(np.where(mask, np.uint16(high), np.uint16(0)))
        case "P":
            picture = Pillow.fromarray(mask.astype(np.uint8)).convert("P")
            picture.putpalette([0, 0, 0, form.high, form.high, form.high])
            return picture
        case "1":
            return Pillow.fromarray(mask)
        case mode:
            grey = Pillow.fromarray(np.where(mask, np.uint8(form.high), np.uint8(0)))
            return grey if mode == "L" else grey.convert(mode)


def _fitted(picture: Pillow.Image, form: OutputForm) -> Pillow.Image:
    """Return the picture at the form's size, with black bars where it keeps its aspect ratio."""
    if form.size_hw is None:
        return picture
    height, width = form.size_hw
    if not form.letterbox:
        return picture.resize((width, height), Pillow.Resampling.NEAREST)
    scale = min(width / picture.width, height / picture.height)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    ground = Pillow.new(picture.mode, (width, height))
    if picture.mode == "P":
        ground.putpalette(picture.getpalette() or [])
    ground.paste(
        picture.resize(inner, Pillow.Resampling.NEAREST), ((width - inner[0]) // 2, (height - inner[1]) // 2)
    )
    return ground


def overlay_file(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> bytes:
    """Encode the image with the mask painted over it, as PNG.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The image.
    mask : ndarray of bool, shape (H, W)
        The mask.
    """
    out = io.BytesIO()
    Pillow.fromarray(_painted(rgb, mask)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _painted(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    painted = rgb.copy()
    painted[mask] = (rgb[mask].astype(np.uint16) + np.array([255, 32, 64], np.uint16)) // 2
    return painted
