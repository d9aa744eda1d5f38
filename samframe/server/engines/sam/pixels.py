"""From an image to a model's input, as transformers' own processors make it, without torchvision."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samframe.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

__all__ = ["Preprocessing"]

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5)
_FILES = ("preprocessor_config.json", "processor_config.json")
_BILINEAR = 2  # Pillow's number


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """The image is stretched to a square, bilinear with antialias, and normalised.

    Parameters
    ----------
    side_px : int
        Height and width of the model's input.
    mean, std : tuple of float
        Of each channel, for values from 0 to 1.
    """

    side_px: int
    mean: tuple[float, ...] = _IMAGENET_MEAN
    std: tuple[float, ...] = _IMAGENET_STD

    @classmethod
    def of_folder(cls, folder: Path, *, family: str, side_px: int) -> Preprocessing:
        """Return what a model's folder asks for, or its family's own where it says nothing.

        Parameters
        ----------
        folder : Path
            Holds ``preprocessor_config.json`` or ``processor_config.json``.
        family : {"sam2", "sam3"}
            Decides mean and std where the folder does not.
        side_px : int
            The side that the model was built for.

        Raises
        ------
        OptionError
            If the folder asks for something that this preprocessing does not do.
        """
        told = _settings(folder)
        default = (_IMAGENET_MEAN, _IMAGENET_STD) if family == "sam2" else (_HALF, _HALF)
        size = told.get("size") or {"height": side_px, "width": side_px}
        sides = {size.get("height"), size.get("width")} if isinstance(size, dict) else {size}
        if (
            sides != {side_px}
            or told.get("resample", _BILINEAR) != _BILINEAR
            or told.get("do_pad")
            or not all(told.get(name, True) for name in ("do_resize", "do_rescale", "do_normalize"))
            or told.get("rescale_factor", 1 / 255) != 1 / 255
        ):
            raise OptionError(
                f"{folder}: its preprocessor asks for {json.dumps(told)[:200]}; samframe stretches images to "
                f"{side_px} x {side_px} px, bilinear, and normalises them. Take the files that came with the weights."
            )
        return cls(
            side_px=side_px,
            mean=tuple(told.get("image_mean") or default[0]),
            std=tuple(told.get("image_std") or default[1]),
        )

    def tensor(self, rgb: NDArray[np.uint8]) -> torch.Tensor:
        """Return the model's input.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The image.

        Returns
        -------
        torch.Tensor of float32, shape (1, 3, side, side)
            On the CPU, whatever the model's device: a mask does not depend on where it was made more than it must.
        """
        import torch  # noqa: PLC0415 - heavy, and may be missing

        image = torch.from_numpy(np.array(rgb.transpose(2, 0, 1), order="C"))[None]
        side = (self.side_px, self.side_px)
        if image.shape[-2:] != side:
            # torch resizes 8 bits in fixed point where the processor has the instructions, and so does torchvision.
            exact = torch.backends.cpu.get_cpu_capability() in {"AVX2", "AVX512"} or platform.machine() in {
                "aarch64",
                "arm64",
            }
            resized = torch.nn.functional.interpolate(
                image if exact else image.float(),
                size=side,
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
            image = resized if exact else resized.round_().to(torch.uint8)
        mean, std = (torch.tensor(values) * 255.0 for values in (self.mean, self.std))
        return image.float().sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))


def _settings(folder: Path) -> dict[str, Any]:
    for name in _FILES:
        try:
            told = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise OptionError(f"{folder / name} cannot be read ({error}).") from None
        if isinstance(told, dict):
            inner = told.get("image_processor", told)
            return inner if isinstance(inner, dict) else {}
    return {}
