"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import samframe

MODULES = [
    module.name
    for module in pkgutil.walk_packages(samframe.__path__, "samframe.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["samframe", *MODULES])
def test_examples_run(name, tmp_path, monkeypatch):
    """A module's examples hold, each with a store of its own."""
    monkeypatch.setenv("SAMFRAME_STORE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)

    assert failed == 0
