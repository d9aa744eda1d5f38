"""Several masks of one job: fetched one by one, kept as one artifact, so that a crash leaves all of them or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from samframe.masks import Mask
from samframe.segmind import OutputError, extract_output, find_parts, pack_parts, read_parts

if TYPE_CHECKING:
    from samframe.jobs.model import Job
    from samframe.segmind import Connection

__all__ = ["fetch_parts", "holds_parts", "instances_of", "union_of", "wants_parts"]


def wants_parts(job: Job, output: object) -> bool:
    """Say whether an answer is read as several masks: asked for so, or come so from a model that gives several."""
    if job.parameters.several:
        return True
    if job.parameters.fields.several is None or job.parameters.overlay_mask:
        return False
    try:
        extract_output(output)
    except OutputError:
        return output is not None
    return False


def holds_parts(job: Job, data: bytes) -> bool:
    """Say whether an artifact is an archive of masks."""
    may_be = job.parameters.fields.several is not None and not job.parameters.overlay_mask
    return job.parameters.several or (may_be and data.startswith(b"PK"))


async def fetch_parts(api: Connection, output: object, raw_result: str | None) -> bytes:
    """Download the masks of a result and return them as one archive.

    Parameters
    ----------
    output : object
        The result's ``output``.
    raw_result : str or None
        The whole result, where it is at hand: its ``images`` may tell more.

    Raises
    ------
    CallError
        If a file cannot be downloaded.
    OutputError
        If the result holds no masks.
    """
    result: Any = None
    if raw_result is not None:
        try:
            result = json.loads(raw_result)
        except (ValueError, RecursionError):
            result = None
    parts = find_parts(result if isinstance(result, dict) and "output" in result else {"output": output})
    files: list[bytes] = []
    for part in parts:
        if part.reference is None:
            files.append(b"")
        elif part.reference.url is not None:
            files.append(await api.download(part.reference.url))
        else:
            files.append(part.reference.data or b"")
    return pack_parts(parts, files)


def instances_of(data: bytes, job: Job) -> list[tuple[Mask, float | None]]:
    """Return the masks of an artifact on the image's own raster, with their scores.

    Raises
    ------
    OutputError
        If the archive is damaged, or holds something else.
    """
    found = []
    for part in read_parts(data):
        mask = part.mask
        if not job.image.is_stored_raster(mask.size_hw):
            mask = Mask.from_numpy(job.image.mask_to_stored(mask.to_numpy()))
        found.append((mask.packed(), part.score))
    return found


def union_of(data: bytes, job: Job) -> Mask | None:
    """Return all of an artifact's masks together, None where it has none."""
    union: Mask | None = None
    for mask, _ in instances_of(data, job):
        union = mask if union is None else union | mask
    return union.packed() if union is not None else None
