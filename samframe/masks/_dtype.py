"""The pandas dtype of mask columns: its name, its scalar, and how Arrow columns become it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pandas.api.extensions import ExtensionDtype, register_extension_dtype

from samframe.masks._mask import Mask

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas._libs.missing import NAType

    from samframe.masks._array import MaskArray

__all__ = ["MaskDtype"]


@register_extension_dtype
class MaskDtype(ExtensionDtype):
    """dtype of a column of binary masks, held as COCO run-length bytes.

    The dtype has no parameters: masks of any size live in one column. The missing value is ``pandas.NA``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from samframe.masks import Mask
    >>> s = pd.Series([Mask.from_numpy(np.eye(3, dtype=bool)), None], dtype="mask")
    >>> s.dtype
    MaskDtype
    >>> int(s.isna().sum())
    1
    """

    name = "mask"
    type = Mask
    kind = "O"
    _metadata = ()

    @property
    def na_value(self) -> NAType:
        """The missing value, ``pandas.NA``."""
        return pd.NA

    @classmethod
    def construct_array_type(cls) -> type[MaskArray]:  # type: ignore[valid-type]  # pandas asks for an attribute "type"
        """Return :class:`MaskArray`."""
        from samframe.masks._array import MaskArray  # noqa: PLC0415  # the array needs the dtype at import

        return MaskArray

    def __repr__(self) -> str:
        return "MaskDtype"

    def __from_arrow__(self, array: pa.Array | pa.ChunkedArray) -> MaskArray:
        """Take a column of ``struct<h, w, counts>``, the extension type over it, or PNG bytes.

        Raises
        ------
        MaskError
            If the column's type is no mask's or its bytes are no masks.
        """
        from samframe.masks._arrow import masks_from_arrow  # noqa: PLC0415  # needs the array

        return masks_from_arrow(array)
