"""Loads a model of transformers from a folder, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.server.engines.sam.errors import HARDWARE_ADVICE, import_torch, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.server.engines.sam.device import Placement
    from samframe.server.engines.sam.weights import Weights

__all__ = ["load_model"]


def load_model(kind: Any, weights: Weights, placement: Placement, *, announce: Callable[[str], None]) -> Any:
    """Load weights into a class of transformers.

    Parameters
    ----------
    kind : type
        For example ``transformers.Sam2Model``.
    weights : Weights
        Where they lie.
    placement : Placement
        Where the model goes.
    announce : callable
        Is told what takes long.

    Returns
    -------
    model
        In evaluation mode, on its device.

    Raises
    ------
    OptionError
        If the weights are damaged, incomplete, or more than the device holds.
    """
    torch = import_torch()
    announce(f"Loading {weights.source} ({weights.digest}) on {placement.device}")
    _quiet()
    try:
        model, told = kind.from_pretrained(
            weights.folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
        _check(weights, told)
        return model.eval().to(placement.device)
    except OptionError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise OptionError(
                f"{placement.device} has no memory for {weights.source}: {HARDWARE_ADVICE}."
            ) from None
        if type(error).__name__ in {"SafetensorError", "RuntimeError", "OSError", "ValueError"}:
            raise OptionError(
                f"The weights of {weights.source} in {weights.folder} cannot be loaded "
                f"({' '.join(str(error).split())[:300]}): the files may be damaged or cut short; fetch them again."
            ) from None
        raise


def _check(weights: Weights, told: dict[str, Any]) -> None:
    """Refuse weights with holes: transformers fills them with random numbers and only logs it."""
    holes = sorted(map(str, told.get("missing_keys") or ())) + sorted(
        str(entry[0] if isinstance(entry, tuple) else entry) for entry in told.get("mismatched_keys") or ()
    )
    if holes:
        raise OptionError(
            f"The weights of {weights.source} do not fit its config.json: {len(holes)} tensors are missing or have "
            f"another shape ({', '.join(holes[:3])}). Take configuration and weights of the same model."
        )


def _quiet() -> None:
    from transformers.utils import logging  # noqa: PLC0415 - heavy

    # Its bars and its advice would stand between the lines of the server's own progress.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
