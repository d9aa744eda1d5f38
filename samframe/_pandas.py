"""What pandas is told at ``import samframe``: accessors and the dtype's name, imported when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pandas.api.extensions import (
    ExtensionDtype,
    register_dataframe_accessor,
    register_extension_dtype,
    register_series_accessor,
)

if TYPE_CHECKING:
    import pandas as pd

    from samframe.frame import FrameSam, SeriesSam

__all__: list[str] = []


class _LateAccessor:
    """Stands for an accessor's class, as pandas and ``pd.DataFrame.sam`` need it, until it is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, data: pd.DataFrame | pd.Series) -> FrameSam | SeriesSam:
        accessor: FrameSam | SeriesSam = self._real()(data)
        return accessor

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in {"__doc__", "__signature__"}:
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __dir__(self) -> list[str]:
        return dir(self._real())

    def __repr__(self) -> str:
        return repr(self._real())

    def _real(self) -> Any:
        from samframe import frame  # noqa: PLC0415 - the whole house is behind it

        return getattr(frame, self._name)


@register_extension_dtype
class _MaskName(ExtensionDtype):  # type: ignore[misc]  # pandas ships no types
    """Answers to the string "mask", for ``astype("mask")``, with the real dtype."""

    name = "mask"
    type = object

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        """Return ``MaskDtype()`` for "mask".

        Raises
        ------
        TypeError
            If the string is another, as pandas asks.
        """
        if string != cls.name:
            raise TypeError(f"Cannot construct a mask dtype from {string!r}")
        from samframe.masks import MaskDtype  # noqa: PLC0415 - it loads pyarrow

        made: Self = MaskDtype()
        return made


register_dataframe_accessor("sam")(_LateAccessor("FrameSam"))
register_series_accessor("sam")(_LateAccessor("SeriesSam"))
