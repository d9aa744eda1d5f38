"""What a chaos server can do to an answer, as bytes to send and a way to end: pure, no socket in sight."""

from __future__ import annotations

import enum
import functools
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Chaos", "Ending", "Reply", "Sending", "spoil"]

_MIB = 1 << 20


class Chaos(enum.Enum):
    """What happens to one request.

    The server bills first and faults after: a submit whose body was read is accepted and billed, whatever
    comes back. Only `bills_nothing` moves are refusals, or happen before the body was read.
    """

    RESET_ON_CONNECT = "a new connection is reset before a byte is read; scripted on 'connection'"
    RESET_AFTER_HEADERS = "reset once the headers were read, the body unread"
    RESET_AFTER_BODY = "reset once the whole request was read"
    CLOSE_AFTER_BODY = "closed in good order once the whole request was read, without an answer"
    CLOSE_AFTER_ANSWER = "answered rightly, then closed although the connection was to be kept"
    HANG = "the whole request is read, and nothing ever comes"
    HALF_HEADERS = "closed in the middle of the status line"
    HALF_ANSWER = "closed in the middle of the body"
    HALF_ANSWER_RESET = "reset in the middle of the body"
    SLOW_DRIP = "the body comes byte by byte"
    SHORT_LENGTH = "Content-Length is less than the body"
    LONG_LENGTH = "Content-Length is more than the body, and then the connection is closed"
    BROKEN_CHUNKS = "chunked, with a chunk size that is no number"
    GZIP_BOMB = "a small gzip body that inflates to bomb_mib"
    GARBAGE = "random bytes in place of HTTP"
    BAD_GATEWAY = "502, an HTML page"
    HTML_OK = "200, an HTML page"
    WRONG_VERB = "405, an HTML page"
    DEEP_JSON = "JSON nested 100,000 deep"
    HUGE_JSON = "JSON of 32 MiB"
    REDIRECT = "307 to the same path of another host"
    FOREIGN_URLS = "status_url, response_url and output name another host"
    ODD_ID = "request_id is '../../x'"
    NO_MONEY = "402, a JSON error"
    TOO_LARGE = "413, an HTML page"
    SERVER_ERROR = "500, a JSON error"

    @property
    def bills_nothing(self) -> bool:
        """Whether a submit that meets this is not accepted."""
        return self in _BILLS_NOTHING


_BILLS_NOTHING = frozenset(
    {
        Chaos.RESET_ON_CONNECT,
        Chaos.RESET_AFTER_HEADERS,
        Chaos.WRONG_VERB,
        Chaos.REDIRECT,
        Chaos.NO_MONEY,
        Chaos.TOO_LARGE,
        Chaos.SERVER_ERROR,
    }
)


class Ending(enum.Enum):
    """What becomes of the connection after an answer."""

    KEEP = "kept for the next request"
    CLOSE = "closed in good order"
    RESET = "reset"
    HANG = "left open, silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A right answer, before anything happens to it.

    Parameters
    ----------
    status_code : int
        HTTP status.
    body : bytes
        The body.
    content_type : str
        Its type.
    headers : mapping of str to str
        Further headers.
    """

    status_code: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: Any, status_code: int = 200) -> Reply:
        """Answer with JSON."""
        return cls(status_code=status_code, body=json.dumps(content).encode())

    def head(self, *, length: int | None = None, extra: Mapping[str, str] | None = None) -> bytes:
        """Return the status line and headers; `length` is what Content-Length claims, None for the truth."""
        claimed = {"content-length": str(len(self.body) if length is None else length)}
        headers = {"content-type": self.content_type, **claimed, **self.headers, **(extra or {})}
        lines = [
            f"HTTP/1.1 {self.status_code} Answer",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What goes over the wire.

    Parameters
    ----------
    pieces : iterable of bytes
        Sent one after the other.
    ending : Ending
        What becomes of the connection then.
    is_slow : bool
        Whether to pause between pieces.
    """

    pieces: Iterable[bytes] = ()
    ending: Ending = Ending.CLOSE
    is_slow: bool = False


def spoil(move: Chaos | None, reply: Reply, *, path: str, elsewhere: str, bomb_mib: int) -> Sending:
    """Return what a request gets in place of `reply`.

    Parameters
    ----------
    move : Chaos, optional
        None sends the reply as it is.
    reply : Reply
        The right answer.
    path : str
        Path of the request, for a redirect.
    elsewhere : str
        Base URL of the other host.
    bomb_mib : int
        Size of an inflated bomb, in MiB.
    """
    if move in _SILENT:
        sending = Sending(ending=_SILENT[move])
    elif move in _FRAMING:
        sending = _misframed(move, reply)
    elif move is Chaos.GARBAGE:
        sending = Sending(pieces=[bytes(range(255, 127, -1)) * 8])
    elif move in _PAGES:
        sending = _whole(_page(_PAGES[move]))
    elif move in _ERRORS:
        status, words = _ERRORS[move]
        sending = _whole(Reply.of_json({"error": words}, status))
    elif move is Chaos.REDIRECT:
        sending = _whole(Reply(status_code=307, headers={"location": elsewhere + path}))
    elif move is Chaos.GZIP_BOMB:
        gzip = {"content-encoding": "gzip"}
        sending = _whole(Reply(body=_bomb(bomb_mib), content_type=reply.content_type, headers=gzip))
    elif move is Chaos.CLOSE_AFTER_ANSWER:
        sending = _whole(reply, Ending.CLOSE)
    else:
        sending = _whole(_reworded(move, reply, elsewhere))
    return sending


_SILENT: dict[Chaos | None, Ending] = {
    Chaos.RESET_AFTER_HEADERS: Ending.RESET,
    Chaos.RESET_AFTER_BODY: Ending.RESET,
    Chaos.CLOSE_AFTER_BODY: Ending.CLOSE,
    Chaos.HANG: Ending.HANG,
}
_PAGES: dict[Chaos | None, int] = {
    Chaos.BAD_GATEWAY: 502,
    Chaos.HTML_OK: 200,
    Chaos.WRONG_VERB: 405,
    Chaos.TOO_LARGE: 413,
}
_ERRORS: dict[Chaos | None, tuple[int, str]] = {
    Chaos.NO_MONEY: (402, "payment required"),
    Chaos.SERVER_ERROR: (500, "internal error"),
}
_FRAMING = frozenset(
    {
        Chaos.HALF_HEADERS,
        Chaos.HALF_ANSWER,
        Chaos.HALF_ANSWER_RESET,
        Chaos.SLOW_DRIP,
        Chaos.SHORT_LENGTH,
        Chaos.LONG_LENGTH,
        Chaos.BROKEN_CHUNKS,
    }
)


def _whole(reply: Reply, ending: Ending = Ending.KEEP) -> Sending:
    return Sending(pieces=[reply.head() + reply.body], ending=ending)


def _page(status_code: int) -> Reply:
    page = f"<html><head><title>{status_code}</title></head><body><h1>{status_code}</h1></body></html>"
    return Reply(status_code=status_code, body=page.encode(), content_type="text/html")


def _misframed(move: Chaos | None, reply: Reply) -> Sending:
    head, body = reply.head(), reply.body
    half = body[: len(body) // 2]
    ending, is_slow = Ending.CLOSE, False
    match move:
        case Chaos.HALF_HEADERS:
            pieces = [head[:11]]
        case Chaos.HALF_ANSWER_RESET:
            pieces, ending = [head, half], Ending.RESET
        case Chaos.SLOW_DRIP:
            pieces, is_slow = [head, *(body[i : i + 1] for i in range(len(body)))], True
        case Chaos.SHORT_LENGTH:
            pieces = [reply.head(length=len(half)) + body]
        case Chaos.LONG_LENGTH:
            pieces = [reply.head(length=len(body) + 512) + body]
        case Chaos.BROKEN_CHUNKS:
            chunked = head.replace(b"content-length: %d" % len(body), b"transfer-encoding: chunked")
            pieces = [chunked + b"zz\r\n" + body + b"\r\n"]
        case _:
            pieces = [head + half]
    return Sending(pieces=pieces, ending=ending, is_slow=is_slow)


def _reworded(move: Chaos | None, reply: Reply, elsewhere: str) -> Reply:
    """Return JSON that is sound and means harm; files are left as they are."""
    if move is Chaos.DEEP_JSON:
        return Reply(body=b"[" * 100_000 + b"]" * 100_000)
    if move is Chaos.HUGE_JSON:
        return Reply(body=b'{"status": "COMPLETED", "pad": "' + b"x" * (32 * _MIB) + b'"}')
    if move not in (Chaos.FOREIGN_URLS, Chaos.ODD_ID) or reply.content_type != "application/json":
        return reply
    content = json.loads(reply.body)
    if move is Chaos.ODD_ID:
        return Reply.of_json(content | {"request_id": "../../x"}, reply.status_code)
    moved = {
        name: elsewhere + "/" + value.split("/", 3)[-1]
        for name, value in content.items()
        if name in ("status_url", "response_url", "poll_url", "output")
    }
    return Reply.of_json(content | moved, reply.status_code)


@functools.lru_cache(maxsize=2)
def _bomb(mib: int) -> bytes:
    """Return gzip of `mib` MiB of zeros, about a thousandth of that.

    After a full flush the compressor starts afresh: one MiB's bytes can be repeated (RFC 1951, RFC 1952).
    """
    zeros = bytes(_MIB)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.flush(zlib.Z_FINISH)
    checksum = functools.reduce(lambda crc, _: zlib.crc32(zeros, crc), range(mib), 0)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + block * mib + last + struct.pack("<II", checksum, mib * _MIB & 0xFFFFFFFF)
