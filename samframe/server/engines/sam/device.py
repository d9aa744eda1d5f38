"""Which device a model runs on and in which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.server.engines.sam.errors import import_torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch

__all__ = ["Placement", "choose_placement"]

_DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Placement:
    """A device and a type of numbers.

    Parameters
    ----------
    device : torch.device
        ``cpu``, ``cuda:0``, ``mps``.
    dtype : torch.dtype
        ``torch.float32`` or ``torch.bfloat16``.
    """

    device: torch.device
    dtype: torch.dtype

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a context in which the heavy operations run in bfloat16, where that was chosen."""
        return import_torch().autocast(self.device.type, dtype=self.dtype, enabled=bool(self.suffix))  # type: ignore[no-any-return]

    @property
    def suffix(self) -> str:
        """What an engine's name says of the numbers: masks of bfloat16 are others."""
        return "+bf16" if str(self.dtype) == "torch.bfloat16" else ""


def choose_placement(device: str, dtype: str) -> Placement:
    """Return where a model runs.

    Parameters
    ----------
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    dtype : {"float32", "bfloat16"}
        bfloat16 for encoding images: on GPUs that have it about half of the time, and half of the cache.

    Raises
    ------
    OptionError
        If the machine has no such device or the device no such numbers.
    """
    torch = import_torch()
    if dtype not in _DTYPES:
        raise OptionError(f"dtype is one of {', '.join(_DTYPES)}; it is {dtype!r}.")
    chosen = _device(torch, device)
    if dtype == "bfloat16" and chosen.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise OptionError(f'{chosen} has no bfloat16: take dtype="float32".')
    return Placement(chosen, getattr(torch, dtype))


def _device(torch: Any, wanted: str) -> Any:
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return torch.device("cuda:0" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError):
        raise OptionError(f'device is "auto", "cpu", "cuda", "cuda:1" or "mps"; it is {wanted!r}.') from None
    there = {
        "cpu": True,
        "mps": has_mps,
        "cuda": has_cuda and (device.index or 0) < torch.cuda.device_count(),
    }
    if not there.get(device.type, False):
        others = ", ".join(kind for kind, has in (("cpu", True), ("cuda", has_cuda), ("mps", has_mps)) if has)
        raise OptionError(
            f"This machine, or this build of PyTorch ({torch.__version__}), has no device {wanted!r}; it has: "
            f"{others}."
        )
    return torch.device("cuda:0") if wanted == "cuda" else device
