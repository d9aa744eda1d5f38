"""One JSON file of COCO instances: standard JSON with one annotation a line, written and read in a stream."""

from __future__ import annotations

import json
import shutil
import tempfile
from typing import IO, TYPE_CHECKING, Any, Self

from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from samframe.export.formats.shelf import Placed

__all__ = ["CocoFile", "annotation_path", "mask_of", "read_annotations"]

_BEGIN, _END = '"annotations": [', "],"


def annotation_path(root: Path, name: str) -> Path:
    """Return where the annotations of a split are."""
    return root / "annotations" / f"instances_{name}.json"


class CocoFile:
    """Writes annotations as they come; images wait in a temporary file until the end.

    Parameters
    ----------
    file : text file
        Open to write.
    head : mapping
        ``info``, ``licenses``, ``categories``.
    licence : object
        Id of the licence of all images, None where there is none.
    """

    def __init__(self, file: IO[str], head: Mapping[str, Any], licence: Any) -> None:
        self._file = file
        self._licence = licence
        self._images = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - __exit__ closes it
        self._n_annotations = 0
        heads = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
        file.write(f"{{{heads},\n{_BEGIN}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._images.close()

    def add_image(self, placed: Placed, file_name: str, **further: str | None) -> None:
        """Add an image; what is None of `further` is left out."""
        height, width = placed.size_hw
        image: dict[str, Any] = {
            "id": placed.number,
            "width": width,
            "height": height,
            "file_name": file_name,
        }
        facts = {"license": self._licence, **further}
        image |= {name: value for name, value in facts.items() if value is not None}
        self._images.write((",\n" if self._images.tell() else "") + json.dumps(image))

    def add(self, annotation: Mapping[str, Any]) -> None:
        """Write an annotation."""
        self._file.write(
            (",\n" if self._n_annotations else "\n") + json.dumps(annotation, separators=(",", ":"))
        )
        self._n_annotations += 1

    def end(self) -> None:
        """Write what comes after the annotations."""
        self._file.write(f'\n{_END}\n"images": [\n')
        self._images.seek(0)
        shutil.copyfileobj(self._images, self._file)
        self._file.write("\n]}\n")


def read_annotations(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the annotations of a file of :class:`CocoFile`, holding one at a time."""
    with path.open(encoding="ascii") as file:
        for line in file:
            if line.rstrip("\n") == _BEGIN:
                break
        for line in file:
            text = line.rstrip("\n")
            if text in {_END, ""}:
                break
            yield json.loads(text.removesuffix(","))


def mask_of(segmentation: Any, like: Mask) -> Mask:
    """Return the mask that an annotation's segmentation says.

    Parameters
    ----------
    segmentation : list or mapping
        Flat rings, or a compressed RLE.
    like : Mask
        Returned itself where the RLE is, byte by byte, its own: that needs no decoding.

    Raises
    ------
    MaskError
        If it is none.
    """
    if isinstance(segmentation, list):
        return Mask.from_polygons(segmentation, like.size_hw)
    return like if segmentation == like.to_coco() else Mask.from_coco(segmentation)
