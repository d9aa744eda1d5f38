"""Pictures as files, for tests that send them."""

import io

from PIL import Image


def png(rgb):
    """Return the bytes of a PNG."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)
    return out.getvalue()
