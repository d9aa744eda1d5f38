"""One file a format of labels; each reader gives the same frame."""

from samframe.labels.readers.coco import read_coco
from samframe.labels.readers.huggingface import read_huggingface
from samframe.labels.readers.label_studio import read_label_studio
from samframe.labels.readers.masks import read_masks
from samframe.labels.readers.semantic import read_semantic
from samframe.labels.readers.supervision import from_supervision
from samframe.labels.readers.yolo import read_yolo

__all__ = [
    "from_supervision",
    "read_coco",
    "read_huggingface",
    "read_label_studio",
    "read_masks",
    "read_semantic",
    "read_yolo",
]
