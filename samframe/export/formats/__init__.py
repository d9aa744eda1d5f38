"""Training formats: a file each, and the list of all, which the functions, ``df.sam`` and the command read."""

from samframe.export.formats import coco, huggingface, label_studio, semantic, yolo
from samframe.export.formats.coco import to_coco
from samframe.export.formats.huggingface import to_huggingface
from samframe.export.formats.label_studio import to_label_studio
from samframe.export.formats.registry import Format
from samframe.export.formats.semantic import to_semantic
from samframe.export.formats.yolo import to_yolo

__all__ = ["FORMATS", "Format", "to_coco", "to_huggingface", "to_label_studio", "to_semantic", "to_yolo"]

FORMATS: tuple[Format, ...] = (
    coco.FORMAT,
    yolo.FORMAT,
    huggingface.FORMAT,
    semantic.FORMAT,
    label_studio.FORMAT,
)
