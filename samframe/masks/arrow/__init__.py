"""Masks in Arrow: the plain struct, and the opt-in extension type."""

from samframe.masks.arrow.convert import STORAGE_TYPE, is_mask_type, masks_from_arrow, masks_to_arrow

__all__ = ["STORAGE_TYPE", "is_mask_type", "masks_from_arrow", "masks_to_arrow"]
