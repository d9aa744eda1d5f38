"""The options that name a SAM on this machine, alike for every command that takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["add_local_options", "check_no_local_options", "local_options"]

_DEFAULTS: Mapping[str, Any] = {
    "text": None,
    "device": "auto",
    "dtype": "float32",
    "cache_mb": 512,
    "download": False,
    "text_threshold": None,
}


def add_local_options(group: Any) -> None:
    """Add what goes with a model's weights to a parser or a group of it."""
    group.add_argument(
        "--text", metavar="PATH_OR_ID", help="a detector that finds boxes by words, for prompts"
    )
    group.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: a GPU where there is one)"
    )
    group.add_argument(
        "--dtype", default="float32", choices=["float32", "bfloat16"], help="numbers for encoding images"
    )
    group.add_argument(
        "--cache-mb", type=int, default=512, metavar="MB",
        help="for what the model made of images, 16 MB each (default: %(default)s)",
    )  # fmt: skip
    group.add_argument("--download", action="store_true", help="fetch weights from the hub, once")
    group.add_argument(
        "--text-threshold", type=float, metavar="SCORE", help="least score of what words find, 0 to 1"
    )


def local_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options as keywords of :func:`samframe.local`."""
    return {name: getattr(arguments, name) for name in _DEFAULTS}


def check_no_local_options(arguments: argparse.Namespace, owner: str) -> None:
    """Refuse options of a model where no model is named.

    Raises
    ------
    OptionError
        With the option that names one.
    """
    for name, default in _DEFAULTS.items():
        if getattr(arguments, name) != default:
            raise OptionError(f"--{name.replace('_', '-')} goes with {owner}.")
