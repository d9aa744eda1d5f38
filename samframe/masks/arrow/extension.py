"""The opt-in Arrow extension type over the plain struct of masks."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd
import pyarrow as pa

from samframe.masks.arrow.convert import STORAGE_TYPE

__all__ = ["arrow_extension_type"]


@functools.cache
def arrow_extension_type() -> pa.ExtensionType:
    """Return the Arrow extension type ``samframe.mask`` over the plain struct, and register it with pyarrow.

    It is not registered on import and samframe's files do not carry it: readers that do not know it would see an
    opaque column (polars), drop it (DuckDB's COPY) or fail (Hugging Face datasets).

    Examples
    --------
    >>> import pandas as pd, pyarrow as pa
    >>> import samframe.masks
    >>> masks = pd.array([None], dtype="mask")
    >>> column = samframe.masks.arrow_extension_type().wrap_array(pa.array(masks))
    >>> column.type.extension_name
    'samframe.mask'
    """

    class MaskArrowType(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(STORAGE_TYPE, "samframe.mask")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> MaskArrowType:
            del storage_type, serialized
            return cls()

        def to_pandas_dtype(self) -> Any:
            return pd.api.types.pandas_dtype("mask")

    kind = MaskArrowType()
    pa.register_extension_type(kind)
    return kind
