"""From a job's output to what is kept: verified bytes as an artifact, and the mask on the image's own raster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from samframe.errors import ImageError, MaskError, SamframeError
from samframe.images import open_picture, quiet, read_header
from samframe.jobs.engine.several import holds_parts, union_of
from samframe.jobs.model import Cause, Evidence
from samframe.masks import Mask
from samframe.segmind import OutputError, ReaderContext, form_of, readers_that_fit, small_png

if TYPE_CHECKING:
    from samframe.jobs.ledger import Artifacts
    from samframe.jobs.model import Job
    from samframe.segmind import Reader

__all__ = ["OutputProblemError", "Stored", "decode_output", "gather_evidence", "host_of"]

#: A side may differ from what the image's aspect ratio makes it by so many pixels: services round.
_ROUNDING_PX = 1.5
#: Of readers that find a mask, so many are named.
_SHOWN_READERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An output that is on the disk: its sha256, its size in bytes, its mask (None for an overlay), a note or None."""

    artifact: str
    size: int
    mask: Mask | None
    note: str | None


class OutputProblemError(SamframeError):
    """The bytes of an output give no mask.

    Parameters
    ----------
    message : str
        What they are.
    cause : Cause
        ``DAMAGED`` may be another time; ``FORM`` and ``ASPECT`` take another reader.
    artifact : str, optional
        Where they are kept.
    size : int, optional
        How many they are.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: Cause = Cause.DAMAGED,
        artifact: str | None = None,
        size: int | None = None,
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.artifact = artifact
        self.size = size


def decode_output(data: bytes, job: Job, artifacts: Artifacts, reader: Reader) -> Stored:
    """Verify and keep an output, and bring its mask to the image's own raster.

    Raises
    ------
    OutputProblemError
        If the bytes give no mask (or, with ``overlay_mask``, no picture); they are kept all the same.
    """
    try:
        if job.parameters.overlay_mask:
            with quiet():
                open_picture(data, read_header(data)).load()
            return Stored(artifact=artifacts.save(data), size=len(data), mask=None, note=None)
        if holds_parts(job, data):
            return Stored(artifact=artifacts.save(data), size=len(data), mask=union_of(data, job), note=None)
        read = reader.read(data, context_of(job))
        sent_hw = job.image.sent_hw
        if sent_hw is not None and not _has_aspect_of(read.mask.size_hw, sent_hw):
            raise _problem(Cause.ASPECT, _aspect_text(read.mask.size_hw, sent_hw), data, artifacts)
        mask = read.mask
        if not job.image.is_stored_raster(mask.size_hw):
            mask = Mask.from_numpy(job.image.mask_to_stored(mask.to_numpy()))
        mask = mask.packed()
    except (OutputError, ImageError) as error:
        cause = Cause.FORM if _is_picture(data) else Cause.DAMAGED
        raise _problem(cause, str(error), data, artifacts) from None
    except MemoryError:
        text = "there was too little memory to decode the output"
        raise _problem(Cause.MEMORY, text, data, artifacts) from None
    return Stored(
        artifact=artifacts.save(data),
        size=len(data),
        mask=mask,
        note=_note(read.mask.size_hw, sent_hw, reader.name, read.notes),
    )


def context_of(job: Job) -> ReaderContext:
    """Return what a reader may know of a job's image."""
    return ReaderContext(
        size_hw=job.image.sent_hw,
        prompt=job.prompt,
        load=job.image.sent_pixels if job.image.source is not None else None,
    )


def gather_evidence(
    data: bytes | None, job: Job, *, url: str | None, kept: str | None, cause: Cause
) -> Evidence:
    """Return what came back, for the message about it; reads both pictures, so not for the loop."""
    try:
        sent = small_png(job.image.sent_pixels()) if job.image.source is not None else None
    except (ImageError, MemoryError):
        sent = None
    host = host_of(url)
    if data is None:
        return Evidence(host=host, sent_hw=job.image.sent_hw, sent_png=sent)
    return Evidence(
        form=form_of(data),
        readers=tuple(readers_that_fit(data, context_of(job))[:_SHOWN_READERS])
        if cause is Cause.FORM
        else (),
        host=host,
        kept=kept,
        sent_hw=job.image.sent_hw,
        came_png=small_png(data),
        sent_png=sent,
    )


def host_of(url: str | None) -> str | None:
    """Return the host of a URL with its port: nothing of it that could be a secret."""
    if url is None:
        return None
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or None
    except ValueError:
        return None


def _problem(cause: Cause, text: str, data: bytes, artifacts: Artifacts) -> OutputProblemError:
    kept = artifacts.save(data) if data else None
    return OutputProblemError(text, cause=cause, artifact=kept, size=len(data) if data else None)


def _is_picture(data: bytes) -> bool:
    try:
        with quiet():
            open_picture(data, read_header(data)).load()
    except (ImageError, MaskError, MemoryError):
        return False
    return True


def _has_aspect_of(size_hw: tuple[int, int], sent_hw: tuple[int, int]) -> bool:
    (height, width), (sent_height, sent_width) = size_hw, sent_hw
    return (
        abs(width - height * sent_width / sent_height) <= _ROUNDING_PX
        or abs(height - width * sent_height / sent_width) <= _ROUNDING_PX
    )


def _aspect_text(size_hw: tuple[int, int], sent_hw: tuple[int, int]) -> str:
    return (
        f"the mask came as {size_hw[1]} x {size_hw[0]} px for an image sent as {sent_hw[1]} x {sent_hw[0]} px: "
        "another aspect ratio, which is not stretched"
    )


def _note(
    size_hw: tuple[int, int], sent_hw: tuple[int, int] | None, reader: str, notes: tuple[str, ...]
) -> str | None:
    """Return what the row's user should know of a mask that was read."""
    parts = []
    if sent_hw is not None and size_hw != sent_hw:
        parts.append(
            f"The mask came as {size_hw[1]} x {size_hw[0]} px for an image sent as "
            f"{sent_hw[1]} x {sent_hw[0]} px; it was put right by nearest neighbour."
        )
    if reader == "difference" and notes:
        parts.append(f"Read by what differs from the image as sent: {', '.join(notes)}.")
    return " ".join(parts) or None
