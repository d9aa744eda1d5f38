"""Docstrings against signatures: every parameter that is described is one that the call takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest
from numpydoc.docscrape import NumpyDocString

import samframe

if TYPE_CHECKING:
    from collections.abc import Iterator

#: They need what a machine may lack (torch, onnxruntime), or are programs.
_LEFT_OUT = ("samframe.__main__", "samframe.server.engines.sam")


def described() -> Iterator[tuple[str, Any]]:
    """Yield every function and class of the house that has a docstring, by its full name."""
    for info in pkgutil.walk_packages(samframe.__path__, "samframe."):
        if info.name.startswith(_LEFT_OUT):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != info.name or not callable(value):
                continue
            yield f"{info.name}.{name}", value
            if inspect.isclass(value):
                yield from (
                    (f"{info.name}.{name}.{method}", found)
                    for method, found in vars(value).items()
                    if inspect.isfunction(found)
                )


def drift(value: Any) -> str | None:
    """Return how a docstring differs from the signature, None where it does not."""
    text = inspect.getdoc(value) or ""
    if "Parameters\n" not in text:
        return None
    entries = NumpyDocString(text)["Parameters"]
    # "**options" stands for those of another call, which a signature may spell out.
    names = [name.strip() for entry in entries for name in entry.name.split(",") if "*" not in name]
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return None
    if (
        "self" in parameters
    ):  # a method of an accessor has the docstring of the function that it calls with its frame
        names = [name for name in names if name not in {"df", "ddf", "frame", "masks", "source"}]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    unknown = [name for name in names if name not in parameters]
    if unknown and not takes_any:
        return f"describes {', '.join(unknown)}, which it does not take"
    return None


@pytest.mark.filterwarnings("ignore")  # numpydoc warns of sections that are this house's own
def test_docstrings_describe_what_is_taken():
    """No docstring describes a parameter that its function or class does not take."""
    found = {name: told for name, value in described() if (told := drift(value)) is not None}

    assert found == {}


@pytest.mark.filterwarnings("ignore")
def test_a_drifted_docstring_is_found():
    """The check sees what it is there for."""

    def scale(image: object, *, by: float) -> None:
        """Scale.

        Parameters
        ----------
        image : object
        factor : float
        """

    assert drift(scale) == "describes factor, which it does not take"
