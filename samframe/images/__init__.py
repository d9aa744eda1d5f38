"""From what a cell holds to what is sent: pixels, identity, payload, and the geometry between both."""

from __future__ import annotations

from samframe.images.codec import open_picture
from samframe.images.geometry import fit
from samframe.images.header import MAX_PIXELS, Header, describe_bytes, read_header, sniff_format
from samframe.images.image import Image
from samframe.images.paint import EDGE, HALO, mask_levels, mask_on, tinted, veiled
from samframe.images.pillow import quiet
from samframe.images.prepare import raster
from samframe.images.read import find_source, read_image, read_images
from samframe.images.source import Source
from samframe.images.stored import read_orientation, read_stored, without_orientation
from samframe.images.text import check_url, decode_base64, decode_data_uri, shorten
from samframe.images.thumbnail import Preview, Thumbnail, encode_thumbnail, make_preview, make_thumbnail
from samframe.images.upright import Upright, turn_to_stored

__all__ = [
    "EDGE",
    "HALO",
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
    "fit",
    "make_preview",
    "make_thumbnail",
    "mask_levels",
    "mask_on",
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
    "tinted",
    "turn_to_stored",
    "veiled",
    "without_orientation",
]
