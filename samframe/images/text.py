"""Text that names or holds a picture: URLs, file and data URIs, plain base64."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from samframe.errors import ImageError
from samframe.images.header import sniff_format

__all__ = [
    "check_url",
    "decode_base64",
    "decode_data_uri",
    "encode_url",
    "is_picture_base64",
    "path_of_file_uri",
    "scheme_of",
    "shorten",
]

#: Longer than any signed URL of the large object stores, short enough to stay a URL.
MAX_URL_CHARS = 8192

# Two characters at least: a single letter before the colon is a Windows drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(?=//)", re.ASCII)
_BARE_SCHEME = re.compile(r"(data|https?|file):", re.ASCII | re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\<>\"\u200b-\u200f\u2028\u2029\ufeff\ud800-\udfff]")
#: What a browser's address bar encodes, too; a backslash or a control character may change what a URL means.
_ENCODED = str.maketrans({" ": "%20", "<": "%3C", ">": "%3E", '"': "%22"})
# base64 of the magic bytes of PNG, JPEG, GIF and WebP.
_PICTURE_BASE64 = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")


def scheme_of(text: str) -> str | None:
    """Return the URL scheme in lower case, or None for a path (``C:/a.png`` is one)."""
    found = _BARE_SCHEME.match(text) or _SCHEME.match(text)
    return found[1].lower() if found else None


def shorten(text: str, *, limit: int = 120) -> str:
    """Return the text quoted for a message: cut, control characters escaped, and without a URL's secrets."""
    scheme = scheme_of(text)
    if scheme == "data":
        return repr(text[: min(text.find(",") + 1 or 30, 60)] + "...")
    if scheme is not None and scheme != "file":
        # User names, passwords and the signatures in a query are no one's business in a log.
        text = re.sub(r"(//)[^/?#]*@", r"\1", text).split("?", 1)[0].split("#", 1)[0]
    return repr(text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 2 :]}")


def encode_url(url: str) -> str:
    """Return a URL with spaces, quotes and angle brackets after its host percent-encoded; those in a host stay."""
    head, slashes, tail = url.partition("//")
    host_end = re.search(r"[/?#]", tail)
    if not slashes or host_end is None:
        return url
    return head + slashes + tail[: host_end.start()] + tail[host_end.start() :].translate(_ENCODED)


def check_url(url: str) -> str:
    """Return an http(s) URL as it is, if it has the shape of one that can be passed on.

    Raises
    ------
    ImageError
        If it has no host, holds credentials, spaces or control characters, a bad port, or is too long.
    """
    if len(url) > MAX_URL_CHARS:
        raise ImageError(f"{shorten(url)}: a URL of {len(url):,} characters; the limit is {MAX_URL_CHARS:,}")
    if _UNSAFE.search(url):
        raise ImageError(
            f"{shorten(url)}: a URL with a space or another character that must be percent-encoded"
        )
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ImageError(f"{shorten(url)}: not a valid URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ImageError(f"{shorten(url)}: a URL without a host")
    if "@" in parts.netloc:
        raise ImageError(f"{shorten(url)}: a URL with a user name or password; they would be sent to others")
    return url


def path_of_file_uri(uri: str) -> str:
    """Return the path that a ``file:`` URI names (RFC 8089).

    Raises
    ------
    ImageError
        If the URI names another host, or no absolute path.
    """
    rest = uri[len("file:") :]
    if rest.startswith("//"):
        host, slash, tail = rest[2:].partition("/")
        if host.lower() not in {"", "localhost"}:
            raise ImageError(f"{shorten(uri)}: a file URI of another host; write file:///path")
        rest = slash + tail
    if not rest.startswith("/"):
        raise ImageError(f"{shorten(uri)}: a file URI needs an absolute path: file:///path")
    path = unquote(rest)
    # file:///C:/a.png names C:/a.png.
    return path[1:] if re.match(r"/[A-Za-z]:[/\\]", path) else path


def decode_data_uri(uri: str) -> bytes:
    """Return the bytes a ``data:`` URI holds, base64 or percent-encoded (RFC 2397).

    Raises
    ------
    ImageError
        If the URI has no comma or its base64 is broken.
    """
    head, comma, body = uri.partition(",")
    if not comma:
        raise ImageError(f"{shorten(uri)}: a data URI without a comma")
    if not head.rstrip().lower().endswith(";base64"):
        return unquote_to_bytes(body)
    return decode_base64(unquote(body) if "%" in body else body)


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 text; white space and missing padding are forgiven.

    Raises
    ------
    ImageError
        If another character is in it, or it is cut in the middle of a byte.
    """
    compact = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ImageError("broken base64 text") from None


def is_picture_base64(text: str) -> bool:
    """Tell whether the text is base64 of a picture rather than a path (``/9j/...`` could be either)."""
    if len(text) < 32 or not text.startswith(_PICTURE_BASE64):  # noqa: PLR2004 - no picture is smaller
        return False
    try:
        return sniff_format(decode_base64(text)) is not None
    except ImageError:
        return False
