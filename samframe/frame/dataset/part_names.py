"""The names of parts tell the file, its rows and what is asked of them: a later call finds what is done."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samframe.frame.call import CallOptions
    from samframe.frame.dataset.sources import Source

__all__ = ["PartNames"]

#: ``part-DIGEST-BATCH``. Earlier versions put the number of the file before the digest, so that a new file moved it.
_PART = re.compile(r"part-(?:(?P<number>\d{5})-)?(?P<digest>[0-9a-f]{10})-(?P<batch>\d{6})\.parquet")
#: Options that say how a call runs or what it costs, not what its rows become; and those that the digest has anyway.
_HOW = frozenset(
    {
        "image_col", "prompt_col", "coordinates_col", "remove_coordinates_col", "model", "overlay_mask", "base64",
        "client", "store", "rate_limit", "max_cost", "retry", "refresh", "on_error", "details", "columns", "overwrite",
        "progress", "image_root", "bridge", "shared", "upload_shared", "patience", "reader",
    }
)  # fmt: skip


class PartNames:
    """Names of the parts of one call.

    Parameters
    ----------
    sources : sequence of Source
        The files of the table, in order.
    call : CallOptions
        What is asked of each row.
    batch_rows : int
        Rows a part.
    """

    def __init__(self, sources: Sequence[Source], call: CallOptions, batch_rows: int) -> None:
        self._first = [_digest(source, call, batch_rows) for source in sources]
        seen: defaultdict[str, int] = defaultdict(int)
        self._digests = []
        for (
            digest
        ) in self._first:  # files of one name, size and time in several folders: told apart by their order
            self._digests.append(digest if not seen[digest] else _hashed([digest, seen[digest]]))
            seen[digest] += 1

    def name(self, file: int, batch: int) -> str:
        """Return the name of a part, by the places of its file among the files and its rows within it."""
        return f"part-{self._digests[file]}-{batch:06d}.parquet"

    def kept(self, folder: Path) -> tuple[dict[tuple[int, int], str], list[str]]:
        """Return the parts of a folder that are this call's, by (file, batch), and the names of all others."""
        old: defaultdict[str, set[int]] = defaultdict(set)
        parts = {path.name: _PART.fullmatch(path.name) for path in sorted(folder.glob("*.parquet"))}
        for part in parts.values():
            if part is not None and part["number"]:
                old[part["digest"]].add(int(part["number"]))
        places = {digest: file for file, digest in enumerate(self._digests)}
        by_first: defaultdict[str, list[int]] = defaultdict(list)
        for file, digest in enumerate(self._first):
            by_first[digest].append(file)
        mine: dict[tuple[int, int], str] = {}
        foreign: list[str] = []
        for name, part in parts.items():
            place: int | None = None
            if part is not None and part["number"]:
                twins = by_first[part["digest"]]
                at = sorted(old[part["digest"]]).index(int(part["number"]))
                place = twins[at] if at < len(twins) else None
            elif part is not None:
                place = places.get(part["digest"])
            if part is None or place is None:
                foreign.append(name)
            else:
                mine[place, int(part["batch"])] = name
        return mine, foreign


def _digest(source: Source, call: CallOptions, batch_rows: int) -> str:
    """Return what stands for a file and what is asked of its rows; later versions' options count where set."""
    parameters = call.job_parameters()
    # as it was written when there were three parameters: parts of before keep their names
    words = (
        f"Parameters(model={parameters.model!r}, overlay_mask={parameters.overlay_mask!r}, "
        f"base64={parameters.base64!r})"
    )
    asked: list[Any] = [
        *(Path(source.name).name, source.stamp, batch_rows),
        call.client.identity if call.client is not None else "",
        words,
        [call.image_col, call.prompt_col, call.coordinates_col, call.remove_coordinates_col],
        call.output_names(),
    ]
    later = {
        each.name: value
        for each in fields(call)
        if each.name not in _HOW and (value := getattr(call, each.name)) != each.default
    }
    return _hashed([*asked, later] if later else asked)


def _hashed(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:10]
