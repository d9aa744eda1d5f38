"""Notebooks are kept without outputs, so that a change of a picture is no change of the repository."""

from __future__ import annotations

import nbformat


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_no_outputs(notebook):
    """No cell has an output or a number."""
    kept = [cell.source for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None]

    assert kept == []


def test_is_valid(notebook):
    """A notebook keeps to its format."""
    nbformat.validate(nbformat.read(notebook, as_version=4))

    assert code_cells(notebook)


def test_asserts_what_it_shows(notebook):
    """A notebook checks its own results."""
    assert any("assert " in cell.source for cell in code_cells(notebook))
