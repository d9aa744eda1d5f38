"""Who takes part in an export, and in which split."""

from samframe.export.splits.column import split
from samframe.export.splits.members import Member, Members, find_members, image_key, iter_members
from samframe.export.splits.options import ExportCall, ExportOptions, shows_options

__all__ = [
    "ExportCall",
    "ExportOptions",
    "Member",
    "Members",
    "find_members",
    "image_key",
    "iter_members",
    "shows_options",
    "split",
]
