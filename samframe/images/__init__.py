"""From what a cell holds to what is sent: pixels, identity, payload, and the geometry between both."""

from __future__ import annotations

from samframe.images._codec import open_picture
from samframe.images._header import MAX_PIXELS, Header, describe_bytes, read_header, sniff_format
from samframe.images._image import Image
from samframe.images._pillow import quiet
from samframe.images._prepare import raster
from samframe.images._read import find_source, read_image, read_images
from samframe.images._source import Source
from samframe.images._stored import read_orientation, read_stored, without_orientation
from samframe.images._text import check_url, decode_base64, decode_data_uri, shorten
from samframe.images._thumbnail import Preview, Thumbnail, encode_thumbnail, make_preview, make_thumbnail
from samframe.images._upright import Upright

__all__ = [
    "MAX_PIXELS",
    "Header",
    "Image",
    "Preview",
    "Source",
    "Thumbnail",
    "Upright",
    "check_url",
    "decode_base64",
    "decode_data_uri",
    "describe_bytes",
    "encode_thumbnail",
    "find_source",
    "make_preview",
    "make_thumbnail",
    "open_picture",
    "quiet",
    "raster",
    "read_header",
    "read_image",
    "read_images",
    "read_orientation",
    "read_stored",
    "shorten",
    "sniff_format",
    "without_orientation",
]
