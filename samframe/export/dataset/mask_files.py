"""One file a mask: 1-bit PNG or compressed NumPy, named after the mask, so that equal masks share one."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from samframe.errors import MaskError
from samframe.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARTIFACTS", "artifact_path", "read_artifact", "write_artifact"]

#: The oldest date that a ZIP knows: a member's time would make equal masks differ.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def artifact_path(mask: Mask, kind: str) -> str:
    """Return the path of a mask's file within the dataset: it depends on size and pixels alone."""
    height, width = mask.size_hw
    digest = hashlib.sha256(b"%d %d " % (height, width) + mask.counts).hexdigest()[:40]
    return f"masks/{digest[:2]}/{digest}.{kind}"


def write_artifact(mask: Mask, kind: str) -> bytes:
    """Return the bytes of a mask's file.

    Parameters
    ----------
    mask : Mask
        No side is 0.
    kind : {"png", "npz"}
        A gray PNG of 1 bit a pixel; or an array ``mask`` of bool, shape (H, W).

    Raises
    ------
    MaskError
        If a side is 0 and the kind is "png".
    """
    return _WRITERS[kind](mask)


def read_artifact(data: bytes, kind: str) -> Mask:
    """Return the mask of a file's bytes.

    Raises
    ------
    MaskError
        If they hold no mask.
    """
    if kind == "png":
        return Mask.from_png(data)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return Mask.from_numpy(arrays["mask"])
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise MaskError(f"no mask in these bytes: {error}") from error


def _png(mask: Mask) -> bytes:
    return mask.to_png(bit_depth=1)


def _npz(mask: Mask) -> bytes:
    array, whole = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(array, mask.to_numpy(), allow_pickle=False)
    with zipfile.ZipFile(whole, "w") as archive:
        member = zipfile.ZipInfo("mask.npy", date_time=_ZIP_DATE)
        archive.writestr(member, array.getvalue(), compress_type=zipfile.ZIP_DEFLATED)
    return whole.getvalue()


_WRITERS: dict[str, Callable[[Mask], bytes]] = {"png": _png, "npz": _npz}
ARTIFACTS = (*_WRITERS, "none")
