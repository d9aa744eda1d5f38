"""Who takes part in an export, and in which split."""

from samframe.export.splits.column import split
from samframe.export.splits.members import Member, Members, find_members, iter_members
from samframe.export.splits.names import ImageNames
from samframe.export.splits.options import SHARED_FLAGS, ExportCall, ExportOptions

__all__ = [
    "SHARED_FLAGS",
    "ExportCall",
    "ExportOptions",
    "ImageNames",
    "Member",
    "Members",
    "find_members",
    "iter_members",
    "split",
]
