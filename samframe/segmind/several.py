"""Several masks in one answer: a list of files, ``images``, an archive, or a mapping of masks, scores and boxes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from samframe.errors import MaskError
from samframe.masks import Mask
from samframe.segmind.output import OutputError, OutputRef, extract_output, read_mask

__all__ = ["Part", "PartMask", "find_parts", "pack_parts", "read_parts"]

#: More objects than an image is asked for; and what an archive may unpack to.
_MOST_PARTS = 2000
_MOST_BYTES = 512 * 2**20
_MASKS = (
    "masks",
    "rles",
    "rle",
    "segmentations",
    "segmentation",
    "instances",
    "images",
    "urls",
    "mask",
    "image",
    "url",
)
_SCORES = ("scores", "score", "confidences", "confidence", "iou_scores", "predicted_iou")
_BOXES = ("boxes", "box", "bboxes", "bbox")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_INDEX = "index.json"
_ZIP = b"PK\x03\x04"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One object of an answer: where its mask's file is, or its run lengths; its score and box where they are told."""

    reference: OutputRef | None = None
    rle: str | None = None
    score: float | None = None
    box: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartMask:
    """One object's mask at the size that it came in."""

    mask: Mask
    score: float | None = None


def find_parts(result: Any) -> list[Part]:
    """Return the objects of a result.

    Parameters
    ----------
    result : object
        The JSON of a result, with ``output`` and perhaps ``images``.

    Raises
    ------
    OutputError
        If it holds nothing that could be a mask.
    """
    given = result if isinstance(result, Mapping) else {"output": result}
    output, images = _parsed(given.get("output")), given.get("images")
    # ``images`` tells scores and boxes beside the URLs that a bare list repeats.
    is_bare = output is None or (isinstance(output, list) and all(isinstance(one, str) for one in output))
    if (
        is_bare
        and isinstance(images, list)
        and len(images) >= (len(output) if isinstance(output, list) else 1)
    ):
        output = images
    parts = _parts_of(output)
    if len(parts) > _MOST_PARTS:
        raise OutputError(f"The output names {len(parts):,} masks; more than {_MOST_PARTS:,} are not read")
    return parts


def _parsed(output: Any) -> Any:
    if isinstance(output, str) and output.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(output)
        except (ValueError, RecursionError):
            return output
    return output


def _parts_of(output: Any) -> list[Part]:
    if isinstance(output, Mapping):
        name = next((name for name in _MASKS if output.get(name) is not None), None)
        if name is None:
            return [_part(output, None, None)]
        masks = output[name]
        scores, boxes = _first(output, _SCORES), _first(output, _BOXES)
        if not isinstance(masks, list):
            return [_part(masks, scores, boxes)]
        return [_part(mask, _at(scores, at), _at(boxes, at)) for at, mask in enumerate(masks)]
    if isinstance(output, list):
        return [_part(one, None, None) for one in output]
    return [_part(output, None, None)]


def _part(mask: Any, score: Any, box: Any) -> Part:
    if isinstance(mask, Mapping):
        score = score if score is not None else _first(mask, _SCORES)
        box = box if box is not None else _first(mask, _BOXES)
        if "counts" in mask and "size" in mask:
            return Part(
                rle=json.dumps({"size": mask["size"], "counts": mask["counts"]}),
                score=_number(score),
                box=_box(box),
            )
        inner = next((mask[name] for name in _MASKS if mask.get(name) is not None), None)
        if isinstance(inner, Mapping | str):
            return _part(inner, score, box)
    return Part(reference=extract_output(mask), score=_number(score), box=_box(box))


def _first(mapping: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)


def _at(values: Any, at: int) -> Any:
    return values[at] if isinstance(values, list) and at < len(values) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _box(value: Any) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or not all(isinstance(one, int | float) for one in value):
        return None
    return tuple(float(one) for one in value)


def pack_parts(parts: list[Part], files: list[bytes]) -> bytes:
    """Return the masks of an answer as one archive, the same for the same masks: it is kept as one artifact.

    Parameters
    ----------
    parts : list of Part
        The objects.
    files : list of bytes
        The file of each; empty where it has run lengths.
    """
    if len(parts) == 1 and files[0].startswith(_ZIP):
        return files[0]  # the service's own archive, as it came
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, (part, data) in enumerate(zip(parts, files, strict=True)):
            if part.rle is not None:
                archive.writestr(zipfile.ZipInfo(f"{number:04d}.json", _EPOCH), part.rle)
            else:
                archive.writestr(zipfile.ZipInfo(f"{number:04d}.png", _EPOCH), data)
        facts = {"scores": [part.score for part in parts], "boxes": [part.box for part in parts]}
        archive.writestr(zipfile.ZipInfo(_INDEX, _EPOCH), json.dumps(facts))
    return out.getvalue()


def read_parts(data: bytes) -> list[PartMask]:
    """Return the masks of an archive, or of a single mask's file, in the archive's order of names.

    Raises
    ------
    OutputError
        If a file in it is no mask, or it is damaged or too large.
    """
    if not data.startswith((_ZIP, b"PK\x05\x06")):
        return [PartMask(mask=read_mask(data).mask)]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = sorted(
                (
                    info
                    for info in archive.infolist()
                    if not info.is_dir() and "__MACOSX" not in info.filename
                ),
                key=lambda info: info.filename,
            )
            if len(infos) > _MOST_PARTS + 1 or sum(info.file_size for info in infos) > _MOST_BYTES:
                raise OutputError("The output is an archive of too many or too large files")
            contents = {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise OutputError(f"The output is a damaged archive: {error}") from None
    scores = _scores_in(contents)
    masks = [
        _mask_in(name, content)
        for name, content in contents.items()
        if name.lower().endswith(_PICTURES) or (name.lower().endswith(".json") and not _is_index(name))
    ]
    if not masks and not any(_is_index(name) for name in contents):
        raise OutputError("The output is an archive without a mask in it")
    return [PartMask(mask=mask, score=_number(_at(scores, at))) for at, mask in enumerate(masks)]


def _is_index(name: str) -> bool:
    return name.rsplit("/", 1)[-1].lower() in {_INDEX, "metadata.json", "scores.json"}


def _scores_in(contents: Mapping[str, bytes]) -> Any:
    for name, content in contents.items():
        if _is_index(name):
            try:
                facts = json.loads(content)
            except (ValueError, RecursionError):
                return None
            return _first(facts, _SCORES) if isinstance(facts, dict) else facts
    return None


def _mask_in(name: str, content: bytes) -> Mask:
    if not name.lower().endswith(".json"):
        return read_mask(content).mask
    try:
        return Mask.from_coco(json.loads(content))
    except (MaskError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutputError(f"The output holds run lengths that are no mask: {error}") from None
