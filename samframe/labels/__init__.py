"""Other people's labels read as frames of masks, and masks measured against truth."""

from samframe.labels.readers import (
    from_supervision,
    read_coco,
    read_huggingface,
    read_label_studio,
    read_masks,
    read_semantic,
    read_yolo,
)

__all__ = [
    "from_supervision",
    "read_coco",
    "read_huggingface",
    "read_label_studio",
    "read_masks",
    "read_semantic",
    "read_yolo",
]
