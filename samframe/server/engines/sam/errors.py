"""Errors of torch, transformers and the model hub, told with what to do about them."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from samframe.errors import OptionError

__all__ = ["HARDWARE_ADVICE", "import_torch", "import_transformers", "is_out_of_memory"]

_EXTRA = "pip install 'samframe[sam]'"
_CPU_BUILD = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
#: What helps where a model does not fit.
HARDWARE_ADVICE = 'take a smaller model, a smaller cache_mb, or device="cpu"'


def import_torch() -> Any:
    """Return torch.

    Raises
    ------
    OptionError
        If it is missing or broken, with the command that installs it.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise OptionError(
            f"A SAM on this machine needs PyTorch, and it cannot be imported ({error}): {_EXTRA}. "
            f"On a machine without a GPU install the small build first: {_CPU_BUILD}. "
            "Or run an exported model without PyTorch: pip install 'samframe[sam-onnx]'."
        ) from None


def import_transformers(*names: str) -> tuple[Any, ...]:
    """Return classes of transformers by their names.

    Parameters
    ----------
    *names : str
        For example ``"Sam2Model"``.

    Raises
    ------
    OptionError
        If transformers is missing, too old for a class, or cannot load because of a torchvision that does not match
        torch.
    """
    torch = import_torch()
    if importlib.util.find_spec("transformers") is None:
        raise OptionError(f"A SAM on this machine needs transformers, which is not installed: {_EXTRA}.")
    module = importlib.import_module("transformers")
    found = []
    for name in names:
        try:
            found.append(getattr(module, name))
        except Exception as error:  # noqa: BLE001 - a broken torchvision raises errors of many kinds in there
            raise OptionError(_why(name, error, torch=torch, transformers=module)) from None
    return tuple(found)


def _why(name: str, error: Exception, *, torch: Any, transformers: Any) -> str:
    if importlib.util.find_spec("torchvision") is not None:
        try:
            importlib.import_module("torchvision")
        except Exception as broken:  # noqa: BLE001 - as above
            return (
                f"torchvision is installed and does not work beside torch {torch.__version__} ({_line(broken)}), so "
                f"transformers cannot load {name}. samframe needs no torchvision: pip uninstall torchvision, or "
                "install the version that was built for this torch; then restart the kernel."
            )
    return (
        f"transformers {transformers.__version__} cannot load {name} ({_line(error)}): "
        f"pip install --upgrade 'samframe[sam]', then restart the kernel."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that a device, or the machine itself, has no memory left."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."  # noqa: PLR2004 - a line and a half
