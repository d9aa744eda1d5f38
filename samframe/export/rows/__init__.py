"""The one stream of rows that all exporters read, and the tables that they come from."""

from samframe.export.rows.annotation_ids import AnnotationIds
from samframe.export.rows.formulas import quote_formulas, quote_json
from samframe.export.rows.identity import content_key, path_text, place_of
from samframe.export.rows.pictures import Picture, PictureReader
from samframe.export.rows.records import (
    Record,
    RecordColumns,
    image_name,
    iter_records,
)
from samframe.export.rows.tables import (
    ANNOTATION_ID,
    IMAGE_BYTES,
    IMAGE_FILE,
    ROW_NUMBER,
    frame_table,
    read_notes,
    table_frame,
)

__all__ = [
    "ANNOTATION_ID",
    "IMAGE_BYTES",
    "IMAGE_FILE",
    "ROW_NUMBER",
    "AnnotationIds",
    "Picture",
    "PictureReader",
    "Record",
    "RecordColumns",
    "content_key",
    "frame_table",
    "image_name",
    "iter_records",
    "path_text",
    "place_of",
    "quote_formulas",
    "quote_json",
    "read_notes",
    "table_frame",
]
