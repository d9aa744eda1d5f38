"""From a job's output to what is kept: verified bytes as an artifact, and the mask on the image's own raster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samframe.errors import ImageError, SamframeError
from samframe.images import open_picture, quiet, read_header
from samframe.jobs.engine.several import union_of
from samframe.masks import Mask
from samframe.segmind import OutputError, read_mask

if TYPE_CHECKING:
    from samframe.jobs.ledger import Artifacts
    from samframe.jobs.model import Job

__all__ = ["OutputProblemError", "Stored", "decode_output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An output that is on the disk: its sha256, its size in bytes, its mask (None for an overlay), a note or None."""

    artifact: str
    size: int
    mask: Mask | None
    note: str | None


class OutputProblemError(SamframeError):
    """The bytes of an output are unusable.

    Parameters
    ----------
    message : str
        What they are.
    artifact : str, optional
        Where they are kept.
    """

    def __init__(self, message: str, *, artifact: str | None = None) -> None:
        super().__init__(message)
        self.artifact = artifact


def decode_output(data: bytes, job: Job, artifacts: Artifacts) -> Stored:
    """Verify and keep an output, and bring its mask to the image's own raster.

    Raises
    ------
    OutputProblemError
        If the bytes are no mask (or, with ``overlay_mask``, no picture); they are kept all the same.
    """
    try:
        if job.parameters.overlay_mask:
            with quiet():
                open_picture(data, read_header(data)).load()
            return Stored(artifact=artifacts.save(data), size=len(data), mask=None, note=None)
        if job.parameters.several:
            return Stored(artifact=artifacts.save(data), size=len(data), mask=union_of(data, job), note=None)
        mask = read_mask(data).mask
    except (OutputError, ImageError) as error:
        raise OutputProblemError(str(error), artifact=artifacts.save(data) if data else None) from None
    note = None
    sent_hw = job.image.sent_hw
    if sent_hw is not None and mask.size_hw != sent_hw:
        note = (
            f"The mask came as {mask.size_hw[1]} x {mask.size_hw[0]} px for an image sent as "
            f"{sent_hw[1]} x {sent_hw[0]} px; it was put right by nearest neighbour."
        )
    if not job.image.is_stored_raster(mask.size_hw):
        mask = Mask.from_numpy(job.image.mask_to_stored(mask.to_numpy()))
    return Stored(artifact=artifacts.save(data), size=len(data), mask=mask.packed(), note=note)
