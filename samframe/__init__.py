"""samframe: every pandas DataFrame gets ``df.sam``, which turns images and prompts into masks with Segmind's SAM 2.

>>> import pandas as pd, samframe  # doctest: +SKIP
>>> df.sam.plan("image", "prompt")  # doctest: +SKIP
>>> out = df.sam.segment("image", "prompt")  # doctest: +SKIP
"""

import lazy_loader

from samframe import _pandas  # noqa: F401 - tells pandas of df.sam, Series.sam and the dtype

# The names and where they come from stand in __init__.pyi, for type checkers too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
