"""Signatures of df.sam: every keyword is seen, and each method is its function."""

import inspect

import pandas as pd
import pytest

import samframe
from samframe.export.formats import FORMATS

METHODS = [name for name in dir(pd.DataFrame.sam) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_every_keyword_is_seen(name):
    """No ``**options`` in help() or a tooltip."""
    method = getattr(pd.DataFrame.sam, name)
    kinds = {one.kind for one in inspect.signature(method).parameters.values()}

    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert method.__doc__


@pytest.mark.parametrize(
    "name", ["segment", "annotate", "view", "compare", "suspicion", "to_html", "to_coco"]
)
def test_a_method_has_its_function_s_parameters(name):
    """All but the frame, in the same order."""
    method, function = (inspect.signature(getattr(owner, name)) for owner in (pd.DataFrame.sam, samframe))

    assert list(method.parameters.values())[1:] == list(function.parameters.values())[1:]


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_a_format_is_a_function_a_method_and_a_choice(one):
    """Its options on the command line are keywords of its function."""
    name = one.write.__name__
    parameters = inspect.signature(one.write).parameters

    assert getattr(samframe, name) is one.write
    assert hasattr(pd.DataFrame.sam, name)
    assert {flag.name for flag in one.flags} <= set(parameters)
