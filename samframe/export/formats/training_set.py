"""One export under way: what all formats of training sets do before, between and after writing their own files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from samframe.export.formats.fidelity import Fidelity
from samframe.export.formats.folder import RowList, export_folder, save_report, split_names
from samframe.export.formats.shelf import Shelf
from samframe.export.splits import find_members, iter_members

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from samframe.export.report import ExportReport
    from samframe.export.rows import Record
    from samframe.export.splits import ExportCall, Member

__all__ = ["TrainingSet", "training_set"]


class TrainingSet:
    """The rows of an export, and what its report will tell.

    Parameters
    ----------
    source, call
        As for :func:`samframe.export.splits.find_members`.
    kind : str
        Name of the format.
    refuse, extra
        As for :func:`samframe.export.splits.find_members`.

    Attributes
    ----------
    members : Members
        Who takes part.
    names : dict of str to str
        For each split the name of its folder or file.
    fidelity : Fidelity
        Takes the IoU of each row.
    left_out : list of (int, str)
        Rows that the format leaves out.
    warnings : list of str
    """

    def __init__(
        self,
        source: pd.DataFrame | str | os.PathLike[str],
        call: ExportCall,
        kind: str,
        *,
        refuse: Callable[[Record], str | None] = lambda _: None,
        extra: Sequence[Hashable] = (),
    ) -> None:
        self._source, self._extra = source, tuple(extra)
        self.call, self.kind = call, kind
        self.members = find_members(source, call, refuse=refuse, extra=self._extra)
        self.names = split_names(self.members.splits)
        self.fidelity = Fidelity()
        self.left_out: list[tuple[int, str]] = []
        self.warnings: list[str] = []

    def rows(self, *, open_pictures: bool = True) -> Iterator[Member]:
        """Yield the rows that take part, in order; without pictures they have no ids."""
        return iter_members(
            self._source, self.call, self.members, open_pictures=open_pictures, extra=self._extra
        )

    def shelf(self, folders: dict[str, Path] | None) -> Shelf:
        """Return who copies images into the folder of each split; None copies nothing."""
        for path in set((folders or {}).values()):
            path.mkdir(parents=True)
        return Shelf(folders, self.members.names)

    def category(self, member: Member) -> str | None:
        """Return the name of a row's category, None where its mask is empty."""
        return None if member.is_negative else self.members.categories[member.category]

    def report(self, path: str | os.PathLike[str]) -> ExportReport:
        """Return what was measured."""
        return self.fidelity.report(
            path,
            self.kind,
            left_out=[*self.members.left_out, *self.left_out],
            warnings=[*self.members.warnings, *self.warnings],
        )


@contextlib.contextmanager
def training_set(
    source: pd.DataFrame | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    call: ExportCall,
    kind: str,
    *,
    refuse: Callable[[Record], str | None] = lambda _: None,
    extra: Sequence[Hashable] = (),
) -> Iterator[tuple[TrainingSet, Path, RowList]]:
    """Give an export, the temporary folder that it writes to, and its list of rows; then write its report.

    The folder takes its place when the block ends well, and not at all otherwise.

    Raises
    ------
    OptionError
        If an option, a column or the folder is wrong, or no row can be exported.
    """
    with export_folder(folder, overwrite=call.overwrite) as root:
        work = TrainingSet(source, call, kind, refuse=refuse, extra=extra)
        with RowList(root) as lines:
            yield work, root, lines
        save_report(root, work.report(folder), call)
