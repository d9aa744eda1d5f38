"""Where a model's weights lie, which model they are, and the digest that names them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.server.engines.sam.errors import import_torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Weights", "find_weights"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
#: All that is loaded: no pickles and no code.
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.onnx")
_FORMATS = ("*.safetensors", "*.onnx")
_DIGITS = 12
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A folder with a model's configuration and weights.

    Parameters
    ----------
    folder : Path
        Holds ``config.json`` and ``*.safetensors``, as ``save_pretrained`` writes them.
    source : str
        What the user named: a path or an id of the hub.
    config : dict
        The content of ``config.json``.
    digest : str
        The first 12 hexadecimal digits of the sha256 of the weights: what they are, wherever they lie.
    """

    folder: Path
    source: str
    config: dict[str, Any]
    digest: str

    @property
    def model_type(self) -> str:
        """What transformers calls the model: ``"sam2"``, ``"sam3"``, ``"grounding-dino"``."""
        return str(self.config.get("model_type", ""))


def find_weights(
    source: str | os.PathLike[str], *, download: bool, announce: Callable[[str], None]
) -> Weights:
    """Find the folder of a model: a path, or an id of the hub whose files are in the user's cache.

    Parameters
    ----------
    source : str or path
        A folder that ``save_pretrained`` wrote, or an id such as ``"facebook/sam2.1-hiera-tiny"``.
    download : bool
        Whether files that are not in the cache may be fetched from the hub.
    announce : callable
        Is told what takes long.

    Raises
    ------
    OptionError
        If there is no such folder or id, if it cannot be fetched, or if it holds no weights that samframe loads.
    """
    text = os.fspath(source)
    folder = Path(text).expanduser()
    if folder.exists():
        return _of_folder(folder, text)
    if isinstance(source, os.PathLike) or not _HUB_ID.fullmatch(text) or text.startswith("."):
        raise OptionError(
            f"There is no folder {folder.absolute()}. A model is a folder with config.json and *.safetensors, or an "
            'id of the Hugging Face hub such as "facebook/sam2.1-hiera-tiny".'
        )
    return _of_folder(_from_hub(text, download=download, announce=announce), text)


def _of_folder(folder: Path, source: str) -> Weights:
    if folder.is_file():
        raise OptionError(
            f"{folder} is a file: give the folder that it lies in. Checkpoints of Meta's own code (*.pt) are not "
            'loaded; the same weights are at the hub, for example "facebook/sam2.1-hiera-tiny".'
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OptionError(
            f"{folder} holds no config.json: it is no model that transformers saved"
            f"{_kinds_in(folder)}. Give a folder that save_pretrained wrote, or an id of the hub."
        ) from None
    except (OSError, ValueError) as error:
        raise OptionError(f"{folder / 'config.json'} cannot be read ({error}).") from None
    files = _weight_files(folder)
    if not files:
        raise OptionError(
            f"{folder} holds no *.safetensors{_kinds_in(folder)}. Pickled weights (*.bin, *.pt) can run code and are "
            "not loaded: save the model again with model.save_pretrained(folder)."
        )
    if not isinstance(config, dict):
        raise OptionError(f"{folder / 'config.json'} is no configuration of a model.")
    return Weights(folder=folder, source=source, config=config, digest=_digest(files))


def _weight_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in _FORMATS for path in folder.glob(pattern))


def _kinds_in(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())[:6] if folder.is_dir() else []
    return f" (it holds {', '.join(names)})" if names else " (it is empty)"


def _digest(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        one = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                one.update(chunk)
        whole.update(one.digest())
    return whole.hexdigest()[:_DIGITS]


def _from_hub(name: str, *, download: bool, announce: Callable[[str], None]) -> Path:
    import_torch()  # a machine without it needs no download
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - comes with transformers
        from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415
        from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError:
        raise OptionError(
            f"{name} is neither a folder here nor can it be looked for at the hub: pip install 'samframe[sam]'."
        ) from None
    try:
        cached = Path(snapshot_download(name, local_files_only=True, allow_patterns=list(_WANTED)))
    except (LocalEntryNotFoundError, OSError, ValueError):
        cached = None
    if cached is not None and (cached / "config.json").exists() and _weight_files(cached):
        return cached
    if not download:
        state = "is not" if cached is None else "is only in part"
        raise OptionError(
            f"{name} {state} in the Hugging Face cache ({HF_HUB_CACHE}), and nothing is fetched unless you say so: "
            "download=True (on the command line --download) fetches it once; or give a folder of your own."
        )
    announce(f"Fetching {name} from the Hugging Face hub, once")
    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED)))
    except Exception as error:  # noqa: BLE001 - the hub's client raises errors of several libraries
        raise OptionError(_why_not_fetched(name, error)) from None


def _why_not_fetched(name: str, error: Exception) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = " ".join(str(error).split())[:200]
    if "GatedRepoError" in kinds:
        return (
            f"{name} is gated: its licence asks for your consent. Accept it at https://huggingface.co/{name}, log in "
            "with `hf auth login`, then try again."
        )
    if "RepositoryNotFoundError" in kinds or "HFValidationError" in kinds:
        return (
            f"The Hugging Face hub knows no model {name} (or it is private and you are not logged in), and there is "
            "no such folder here."
        )
    if "OfflineModeIsEnabled" in kinds or "HF_HUB_OFFLINE" in str(error):
        return (
            f"{name} is not in the cache and HF_HUB_OFFLINE forbids to fetch it: unset it, or give a folder."
        )
    if "OSError" in kinds and "space" in text:
        return f"{name} could not be stored ({text}): make room, or set HF_HOME to another disk."
    return (
        f"The Hugging Face hub could not be reached for {name} ({type(error).__name__}: {text}). Try again online, or "
        "copy the model's folder here from a machine that has it and give its path."
    )
