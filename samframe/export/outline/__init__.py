"""One closed outline for a whole mask."""

from samframe.export.outline.single import fill_outline, one_outline

__all__ = ["fill_outline", "one_outline"]
