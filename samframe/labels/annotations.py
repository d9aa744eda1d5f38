"""COCO annotations, a block of a file at a time: ids and flags as columns, segmentations as masks."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from samframe.errors import LabelError, MaskError
from samframe.labels.elements import ElementReader, Elements, parse_elements
from samframe.labels.rasters import Faults, joined, masks_of_bytes, masks_of_polygons, masks_of_runs
from samframe.masks import Mask, MaskArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    #: What annotations have under one name: numbers, or anything with None for what is missing.
    Cells = list[Any] | NDArray[Any]
    #: From the image ids of annotations to their heights and widths, int64 of shape (n, 2), -1 where unknown.
    Sizes = Callable[[Cells], NDArray[np.int64]]

__all__ = ["Annotations", "read_annotations"]

#: What every annotation may have; what else a file has becomes columns, where it is numbers, words or flags.
STANDARD = ("id", "image_id", "category_id", "iscrowd", "area", "score")
_NOT_COLUMNS = frozenset(
    {*STANDARD, "segmentation", "bbox", "keypoints", "num_keypoints", "attributes", "ignore"}
)
_COUNTS = re.compile(rb'"counts"\s*:\s*(.)', re.DOTALL)
_NUMBERS = pa.list_(pa.float64())
_SEGMENTATIONS = {
    b"": pa.list_(_NUMBERS),
    b'"': pa.struct([("size", pa.list_(pa.int64())), ("counts", pa.string())]),
    b"[": pa.struct([("size", pa.list_(pa.int64())), ("counts", pa.list_(pa.int64()))]),
}
_BOX = 4
_THREADS = 2


@dataclass(slots=True, kw_only=True)
class Annotations:
    """Some annotations that follow one another in a file.

    Attributes
    ----------
    first : int
        Number of the first one in the file, from 0.
    columns : mapping of str to list
        ``id, image_id, category_id, iscrowd, area, score`` and what else there is, None where an annotation has it not.
    masks : MaskArray
        NA where there is no mask.
    faults : mapping of int to str
        What is wrong with an annotation, by its place in this block.
    """

    first: int
    columns: dict[str, Cells]
    masks: MaskArray
    faults: Faults = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.masks)


def read_annotations(reader: ElementReader, sizes: Sizes, *, boxes: bool = False) -> Iterator[Annotations]:
    """Yield the annotations of an array, a block at a time.

    Parameters
    ----------
    reader : ElementReader
        The array.
    sizes : callable
        Gives the sizes of images, for polygons.
    boxes : bool
        Whether an annotation without segmentation gets its box as mask.

    Raises
    ------
    LabelError
        If the array is not read to its end.
    """
    # Masks of one block are made while the next one is parsed; a few blocks wait at the most.
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="samframe-labels") as pool:
        waiting: deque[Future[Annotations]] = deque()
        for elements in reader:
            parsed = None if elements.is_exact else _by_arrow(elements, sizes)
            if parsed is not None:
                waiting.append(pool.submit(_made, parsed, boxes=boxes))
            else:
                values = parse_elements(elements)
                if values is None:
                    values = parse_elements(reader.recut()) or []
                waiting.append(pool.submit(_by_value, elements.first, values, sizes, boxes=boxes))
            while len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(slots=True, kw_only=True)
class _Parsed:
    """A block that Arrow read: columns, and for each kind of segmentation where it stands, its table, images' sizes."""

    first: int
    columns: dict[str, Cells]
    groups: list[tuple[bytes, NDArray[np.int64], pa.Table, NDArray[np.int64]]]


def _made(parsed: _Parsed, *, boxes: bool) -> Annotations:
    """Make the masks of a block."""
    parts: list[tuple[NDArray[np.int64], MaskArray]] = []
    faults: Faults = {}
    for kind, places, table, sizes_hw in parsed.groups:
        masks, found = _masks_of(kind, table, sizes_hw, boxes=boxes)
        parts.append((places, masks))
        faults |= {int(places[at]): words for at, words in found.items()}
    n_rows = len(parsed.columns["id"])
    whole = parts[0][1] if len(parts) == 1 else joined(parts, n_rows)
    return Annotations(first=parsed.first, columns=parsed.columns, masks=whole, faults=faults)


def _by_arrow(elements: Elements, sizes: Sizes) -> _Parsed | None:
    """Read a block by Arrow's parser, segmentations of one kind together; None where it has something else in it."""
    texts = elements.texts
    if b"\n" in elements.block or b"\r" in elements.block:  # white space: JSON's texts cannot have them
        texts = [text.replace(b"\n", b" ").replace(b"\r", b" ") for text in texts]
    places = _kinds(texts, elements.block)
    if not set(places) <= set(_SEGMENTATIONS):
        return None
    columns: dict[str, Cells] = {name: [None] * len(texts) for name in STANDARD}
    groups = []
    for kind, some in places.items():
        table = _table([texts[at] for at in some] if len(some) < len(texts) else texts, _SEGMENTATIONS[kind])
        if table is None or len(table) != len(some):
            return None
        for name, values in _columns(table).items():
            if len(some) == len(texts):
                columns[name] = values
                continue
            column = columns.setdefault(name, [None] * len(texts))
            for at, value in zip(some, values if isinstance(values, list) else values.tolist(), strict=True):
                column[at] = value
        ids = columns["image_id"]
        sizes_hw = sizes(ids if len(some) == len(texts) else [ids[at] for at in some])
        groups.append((kind, np.array(some, dtype=np.int64), table, sizes_hw))
    return _Parsed(first=elements.first, columns=columns, groups=groups)


def _kinds(texts: list[bytes], block: bytes) -> dict[bytes, Sequence[int]]:
    """Return which texts have polygons, compressed and plain run lengths, by the first character of their counts."""
    n_counts = block.count(b'"counts"')
    if n_counts == 0:
        return {b"": range(len(texts))}
    first = _COUNTS.search(texts[0])
    if first is not None and n_counts == len(texts) == block.count(first.group()):
        return {first.group(1): range(len(texts))}  # if that is not so, the parser finds out
    places: dict[bytes, list[int]] = defaultdict(list)
    for at, text in enumerate(texts):
        found = _COUNTS.search(text) if b'"counts"' in text else None
        places[found.group(1) if found else b""].append(at)
    return dict(places)


def _table(texts: list[bytes], segmentation: pa.DataType) -> pa.Table | None:
    """Return objects, one a row, as a table; None where Arrow makes nothing whole of them."""
    data = b"\n".join(texts)
    schema = pa.schema(
        [("area", pa.float64()), ("score", pa.float64()), ("bbox", _NUMBERS), ("segmentation", segmentation)]
    )
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=max(1 << 20, len(data) // 4, 2 * max(map(len, texts)))),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
        )
    except pa.ArrowException:
        return None
    ids = [
        table.schema.field(name).type
        for name in ("id", "image_id", "category_id")
        if name in table.column_names
    ]
    # Whole numbers past int64 come as floats, which would lose their last digits.
    return None if any(pa.types.is_floating(kind) for kind in ids) else table


def _columns(table: pa.Table) -> dict[str, Cells]:
    """Return what a table tells of each annotation beside its segmentation."""
    found: dict[str, Cells] = {}
    for name in table.column_names:
        column = table.column(name)
        if name == "attributes" and pa.types.is_struct(column.type):
            for part in column.type:
                if _is_plain(part.type) and part.name not in _NOT_COLUMNS:
                    found.setdefault(part.name, pa.compute.struct_field(column, part.name).to_pylist())
        elif name in STANDARD or (name not in _NOT_COLUMNS and _is_plain(column.type)):
            found[name] = _cells(column)
    return found


def _cells(column: pa.ChunkedArray) -> Cells:
    """Return numbers and flags as an array where none is missing, anything else as a list."""
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if is_number and not column.null_count:
        numbers: NDArray[Any] = column.to_numpy()
        return numbers
    return column.to_pylist() if column.null_count < len(column) else [None] * len(column)


def _is_plain(kind: pa.DataType) -> bool:
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_string)
    return any(test(kind) for test in tests)


def _masks_of(
    kind: bytes, table: pa.Table, sizes_hw: NDArray[np.int64], *, boxes: bool
) -> tuple[MaskArray, Faults]:
    column = table.column("segmentation").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], type=column.type)
    if kind == b"":
        masks, faults = _masks_of_lists(column, sizes_hw)
        return _with_boxes(masks, faults, table, sizes_hw) if boxes else (masks, faults)
    size, counts = pa.compute.struct_field(column, "size"), pa.compute.struct_field(column, "counts")
    own, faults = _own_sizes(size)
    if kind == b'"':
        masks, found = masks_of_bytes(counts, own)
    else:
        offsets, runs = _lists(counts)
        if runs.null_count:
            return _masks_one_by_one(table, sizes_hw)
        masks, found = masks_of_runs(runs.to_numpy(zero_copy_only=False), offsets, own)
    known = (sizes_hw >= 0).all(axis=1)
    for at in np.flatnonzero(known & (own != sizes_hw).any(axis=1)).tolist():
        if at not in found and at not in faults:
            faults[at] = _unlike(own[at].tolist(), sizes_hw[at].tolist())
    faults = found | faults
    masks.positions[list(faults)] = -1
    return masks, faults


def _unlike(own: list[int], image: list[int]) -> str:
    return f"the mask is {own[1]} x {own[0]} px, the image {image[1]} x {image[0]}"


def _lists(column: pa.ListArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the offsets from 0 on, and the values, of lists; null is a list of nothing."""
    lengths = pa.compute.fill_null(pa.compute.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets, column.flatten()


def _masks_of_lists(column: pa.ListArray, sizes_hw: NDArray[np.int64]) -> tuple[MaskArray, Faults]:
    mask_offsets, rings = _lists(column)
    ring_offsets, values = _lists(rings)
    numbers = values.to_numpy(zero_copy_only=False)  # null becomes NaN, which is refused
    return masks_of_polygons(numbers, ring_offsets, mask_offsets, sizes_hw)


def _own_sizes(column: pa.ListArray) -> tuple[NDArray[np.int64], Faults]:
    """Return the sizes that run lengths tell, -1 where they tell none, and what is wrong with these."""
    offsets, values = _lists(column)
    lengths = np.diff(offsets)
    sizes = np.full((len(column), 2), -1, dtype=np.int64)
    pairs = np.flatnonzero(lengths == 2)  # noqa: PLR2004 - height and width
    flat = values.fill_null(-1).to_numpy(zero_copy_only=False)
    sizes[pairs, 0], sizes[pairs, 1] = flat[offsets[pairs]], flat[offsets[pairs] + 1]
    wrong = np.flatnonzero((lengths != 2) | (sizes < 0).any(axis=1))  # noqa: PLR2004
    return sizes, dict.fromkeys(wrong.tolist(), "the run lengths have no size [height, width]")


def _with_boxes(
    masks: MaskArray, faults: Faults, table: pa.Table, sizes_hw: NDArray[np.int64]
) -> tuple[MaskArray, Faults]:
    """Put boxes where there is no polygon."""
    bbox = table.column("bbox").to_pylist()
    made: list[tuple[int, Mask]] = []
    for at, words in list(faults.items()):
        if words == "it has no polygon" and bbox[at] is not None:
            try:
                made.append((at, box_mask(bbox[at], sizes_hw[at].tolist())))
            except MaskError as error:
                faults[at] = str(error)
            else:
                del faults[at]
    if not made:
        return masks, faults
    kept = np.flatnonzero(masks.positions >= 0)
    parts = [
        (kept, masks[kept]),
        (np.array([at for at, _ in made]), MaskArray.from_masks([mask for _, mask in made])),
    ]
    return joined(parts, len(masks)), faults


def box_mask(box: Any, size_hw: list[int]) -> Mask:
    """Return the mask of a COCO box ``x, y, width, height``."""
    if not isinstance(box, list) or len(box) != _BOX or not all(_is_number(side) for side in box):
        raise MaskError(f"a box is [x, y, width, height], not {str(box)[:60]}")
    if min(size_hw) < 0:
        raise MaskError("the size of the image is not known")
    x, y, width, height = box
    return Mask.from_bbox((x, y, width, height), (size_hw[0], size_hw[1]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9  # noqa: PLR2004


def _masks_one_by_one(table: pa.Table, sizes_hw: NDArray[np.int64]) -> tuple[MaskArray, Faults]:
    values = table.column("segmentation").to_pylist()
    return segmentation_masks(values, sizes_hw)


def segmentation_masks(values: list[Any], sizes_hw: NDArray[np.int64]) -> tuple[MaskArray, Faults]:
    """Return masks of segmentations of any kind, one at a time."""
    masks: list[Mask | None] = []
    faults: Faults = {}
    for at, value in enumerate(values):
        mask = None
        try:
            mask = _one_mask(value, sizes_hw[at])
        except MaskError as error:
            faults[at] = str(error)
        masks.append(mask)
    return MaskArray.from_masks(masks), faults


def _one_mask(value: Any, size_hw: NDArray[np.int64]) -> Mask:
    height, width = size_hw.tolist()
    if isinstance(value, dict):
        mask = Mask.from_coco(value)
        if min(height, width) >= 0 and mask.size_hw != (height, width):
            raise MaskError(_unlike(list(mask.size_hw), [height, width]))
        return mask
    if not isinstance(value, list):
        raise MaskError(
            "it has no segmentation" if value is None else f"a segmentation is no {type(value).__name__}"
        )
    rings = [value] if value and all(_is_number(part) for part in value) else value
    if not all(isinstance(ring, list) and all(_is_number(part) for part in ring) for ring in rings):
        raise MaskError("its polygons are no lists of numbers")
    flat = np.array([number for ring in rings for number in ring], dtype=np.float64)
    ends = np.cumsum([0, *map(len, rings)], dtype=np.int64)
    masks, faults = masks_of_polygons(flat, ends, np.array([0, len(rings)]), size_hw[None, :])
    if faults:
        raise MaskError(faults[0])
    found: Mask = masks[0]
    return found


def _by_value(first: int, values: list[Any], sizes: Sizes, *, boxes: bool) -> Annotations:
    """Read annotations one at a time, whatever they hold."""
    faults: Faults = {}
    columns: dict[str, Cells] = {name: [None] * len(values) for name in STANDARD}
    segmentations: list[Any] = [None] * len(values)
    given: list[Any] = [None] * len(values)
    for at, value in enumerate(values):
        if not isinstance(value, dict):
            faults[at] = (
                str(value) if isinstance(value, LabelError) else f"an annotation is no {type(value).__name__}"
            )
            continue
        segmentations[at], given[at] = value.get("segmentation"), value.get("bbox")
        inner = value.get("attributes")
        for name, cell in [*value.items(), *(inner.items() if isinstance(inner, dict) else ())]:
            if name in STANDARD or (name not in _NOT_COLUMNS and isinstance(cell, bool | int | float | str)):
                column = columns.setdefault(name, [None] * len(values))
                column[at] = cell if column[at] is None else column[at]
    sizes_hw = sizes(columns["image_id"])
    masks, found = segmentation_masks(segmentations, sizes_hw)
    if boxes:
        for at in range(len(values)):
            if not segmentations[at] and given[at] is not None:
                try:
                    masks[at] = box_mask(given[at], sizes_hw[at].tolist())
                except MaskError as error:
                    found[at] = str(error)
                else:
                    found.pop(at, None)
    return Annotations(first=first, columns=columns, masks=masks, faults=found | faults)
