"""Training formats: COCO, YOLO, semantic masks, Hugging Face."""

from samframe.export.formats.coco import to_coco
from samframe.export.formats.huggingface import to_huggingface
from samframe.export.formats.semantic import to_semantic
from samframe.export.formats.yolo import to_yolo

__all__ = ["to_coco", "to_huggingface", "to_semantic", "to_yolo"]
