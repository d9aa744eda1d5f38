"""Mask columns to and from Arrow: the plain struct that every reader knows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from samframe.errors import MaskError
from samframe.masks.columns import MaskColumn, MaskPool, checked_pool, to_mask, to_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STORAGE_TYPE", "is_mask_type", "masks_from_arrow", "masks_to_arrow"]

Masks = TypeVar("Masks", bound=MaskColumn)

#: What a mask column is in Arrow and Parquet. The children are not nullable: were they, pandas would read the sizes
#: beside a missing mask as floats.
STORAGE_TYPE = pa.struct(
    [
        pa.field("h", pa.int32(), nullable=False),
        pa.field("w", pa.int32(), nullable=False),
        pa.field("counts", pa.binary(), nullable=False),
    ]
)
#: Arrow's binary type addresses 2**31 - 1 bytes a chunk.
_CHUNK_BYTES = 2**30


def masks_to_arrow(array: MaskColumn, type: pa.DataType | None = None) -> pa.Array | pa.ChunkedArray:  # noqa: A002  # Arrow's name
    """Return a mask array as Arrow's ``struct<h: int32, w: int32, counts: binary>``.

    Parameters
    ----------
    array : MaskColumn, shape (n,)
        The masks.
    type : pyarrow.DataType, optional
        The storage type (the default), the opt-in extension type, or anything the struct casts to.

    Returns
    -------
    pyarrow.StructArray, length n
        A ChunkedArray where the COCO bytes pass 1 GiB.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError
        If the struct does not cast to `type`.
    """
    present = np.maximum(array.positions, 0) if len(array.pool) else np.full(len(array), -1)
    lengths = array.pool.lengths(present) if len(array.pool) else np.zeros(len(array), np.int64)
    cuts = np.searchsorted(np.cumsum(lengths), np.arange(_CHUNK_BYTES, lengths.sum(), _CHUNK_BYTES))
    bounds = [0, *cuts.tolist(), len(array)]
    chunks = [_struct(array[start:stop]) for start, stop in itertools.pairwise(bounds)]
    whole = chunks[0] if len(chunks) == 1 else pa.chunked_array(chunks)
    if type is None or type == STORAGE_TYPE:
        return whole
    if isinstance(type, pa.ExtensionType):
        wrapped = [pa.ExtensionArray.from_storage(type, chunk) for chunk in chunks]
        return wrapped[0] if len(wrapped) == 1 else pa.chunked_array(wrapped)
    return whole.cast(type)


def masks_from_arrow(column: pa.Array | pa.ChunkedArray, kind: type[Masks]) -> Masks:
    """Return an Arrow column as a mask array of a kind, :class:`MaskArray` for all callers.

    Parameters
    ----------
    column : pyarrow.Array or ChunkedArray, length n
        The struct ``h, w, counts``; a struct ``size, counts`` as COCO has it; the extension type over either; or
        binary, each value a PNG.
    kind : type
        What is made: :class:`MaskColumn` or a subclass.

    Raises
    ------
    MaskError
        If the type is no mask's, or a value is no mask; the message names its position.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(column, pa.ChunkedArray):  # more than one chunk holds: join what was made of each
            parts = [masks_from_arrow(chunk, kind) for chunk in column.chunks]
            return kind.joined(parts)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_null(column.type):
        return kind.from_masks([None] * len(column))
    if _is_bytes(column.type):
        return kind.from_masks(to_masks(column.to_pylist(), to_mask))
    if not pa.types.is_struct(column.type):
        raise MaskError(
            f"A column of {column.type} holds no masks: expected struct<h, w, counts>, or PNG bytes."
        )
    return _from_struct(column, kind)


def is_mask_type(type: pa.DataType) -> bool:  # noqa: A002  # Arrow's name
    """Say whether an Arrow type can only be that of a mask column: fields h, w, counts; whole numbers and bytes.

    Order, width and nullability are left open, for they change where other programs write a file on.
    """
    if isinstance(type, pa.BaseExtensionType):
        return bool(type.extension_name == "samframe.mask")
    if not pa.types.is_struct(type) or sorted(field.name for field in type) != ["counts", "h", "w"]:
        return False
    sides = (type.field(name).type for name in ("h", "w"))
    return all(map(pa.types.is_integer, sides)) and _is_bytes(type.field("counts").type)


def _struct(array: MaskColumn) -> pa.StructArray:
    """Return one chunk; missing masks are null, with zeros beneath."""
    missing = array.isna()
    pool, index = array.compacted()
    if missing.any():  # an empty entry for the missing ones to point at
        empty = MaskPool.from_masks([b""], [(0, 0)])
        index = np.where(missing, pool.absorb(empty), index)
    sizes = pool.sizes_hw()[index]
    counts = pool.counts().take(pa.array(index)).cast(pa.binary())
    children = [
        pa.array(np.ascontiguousarray(sizes[:, 0])),
        pa.array(np.ascontiguousarray(sizes[:, 1])),
        counts,
    ]
    return pa.StructArray.from_arrays(
        children, fields=list(STORAGE_TYPE), mask=pa.array(missing) if missing.any() else None
    )


def _from_struct(column: pa.StructArray, kind: type[Masks]) -> Masks:
    names = [field.name for field in column.type]
    present = column.is_valid().to_numpy(zero_copy_only=False)
    positions = np.flatnonzero(present)
    kept = column.filter(pa.array(present)) if not present.all() else column
    if "counts" not in names or not ({"h", "w"} <= set(names) or "size" in names):
        raise MaskError(f"A column of {column.type} holds no masks: expected the fields h, w and counts.")
    counts = kept.field("counts") if not kept.offset else pc.struct_field(kept, "counts")
    if not _is_bytes(counts.type, text=True):
        return kind.from_masks(to_masks(column.to_pylist(), to_mask))
    try:
        counts = (
            counts.cast(pa.large_binary())
            if not pa.types.is_dictionary(counts.type)
            else counts.dictionary_decode()
        )
        sizes = np.stack([_whole(side, len(kept)) for side in _sides(kept, names)], axis=1)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise MaskError(f"A column of {column.type} holds no masks: {error}") from error
    if counts.null_count:
        at = positions[np.flatnonzero(counts.is_null().to_numpy(zero_copy_only=False))[0]]
        raise MaskError(f"Element {at}: the mask has no counts.")
    pool = checked_pool(counts.cast(pa.large_binary()), sizes, positions)
    return kind.from_pool(pool, present)


def _sides(column: pa.StructArray, names: list[str]) -> list[pa.Array]:
    """Return heights and widths."""
    if "h" in names:
        return [pc.struct_field(column, "h"), pc.struct_field(column, "w")]
    sizes = pc.struct_field(column, "size")
    return [pc.list_element(sizes, 0), pc.list_element(sizes, 1)]


def _whole(sides: pa.Array, length: int) -> NDArray[np.int64]:
    """Return sides as int64; pandas may have turned them to floats, which is undone where they are whole."""
    if sides.null_count:
        raise ValueError("a mask has no height or width")
    whole: NDArray[np.int64] = sides.cast(pa.int64(), safe=True).to_numpy(zero_copy_only=False)
    return whole.astype(np.int64).reshape(length)


def _is_bytes(type: pa.DataType, *, text: bool = False) -> bool:  # noqa: A002  # Arrow's name
    """Say whether values are byte strings (or text, where it will do), however Arrow keeps them."""
    if pa.types.is_dictionary(type):
        return _is_bytes(type.value_type, text=text)
    is_text = pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type)
    is_binary = pa.types.is_binary(type) or pa.types.is_large_binary(type) or pa.types.is_binary_view(type)
    return is_binary or (text and is_text)
