"""The one place that imports httpx: moves bytes, and knows whether a request was sent whole."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from samframe._version import __version__
from samframe.ground.contract import API_KEY_HEADER, RESET_HEADER
from samframe.segmind.answers import CallError, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from samframe.segmind.key import ApiKey

__all__ = ["HttpTransport", "Response", "load_library"]

_HEADERS = ("content-type", "date", "retry-after", RESET_HEADER)

# What services tell of their limits, beside the one header of the contract; looked at by a check alone.
_LIMIT_NAME = re.compile(r"(x-)?rate-?limit[a-z0-9\-]{0,40}")
_LIMIT_VALUE = re.compile(r"[\w .,:;=+/\-]{1,64}", re.ASCII)

_SENT_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "connection": "keep-alive",
    "user-agent": f"samframe/{__version__}",
}

_CONNECT_S = 10.0
_IDLE_READ_S = 60.0
# A server that closes an idle connection at the moment it is reused looks like a lost answer, which for a submit
# means a row in doubt. Common servers close after 5 s and more, so connections are dropped well before.
_KEEPALIVE_S = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: status, those of its headers that are read, by their names in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def load_library(name: str | None = None) -> Any:
    """Return httpx2 (httpx, maintained on under that name; half the CPU a request) where installed, else httpx."""
    if name is not None:
        return importlib.import_module(name)
    try:
        return importlib.import_module("httpx2")
    except ImportError:
        return importlib.import_module("httpx")


class HttpTransport:
    """httpx's transports with a connection each, one stack of idle ones an origin.

    httpx's pool looks at all of its connections for every request, and closes idle ones past twenty: 64 requests in
    flight over one pool cost four times the CPU of 64 transports with a connection each. What a client of httpx does on
    top (redirects, cookies, merged headers, authentication flows) no call here needs; it costs a seventh of one.

    Parameters
    ----------
    key : ApiKey or None
        Sent in the API's header on calls that ask for it.
    library : module, optional
        httpx or something with its interface.
    trust_env : bool
        Whether proxies of the environment apply.
    """

    def __init__(self, key: ApiKey | None, *, library: Any = None, trust_env: bool = True) -> None:
        self._httpx = library if library is not None else load_library()
        self._key = key
        self._trust_env = trust_env
        self._idle: dict[str, list[Any]] = {}
        self._bases: dict[Any, _Base | None] = {}
        self._tls: ssl.SSLContext | None = None
        #: Whether answers keep every header about a rate limit.
        self.keeps_limits = False
        self._no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._timeout = self._httpx.Timeout(_IDLE_READ_S, connect=_CONNECT_S, pool=None).as_dict()

    async def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        with_key: bool = False,
        deadline_s: float,
        max_bytes: int,
    ) -> Response:
        """Send one request and read the whole answer.

        Parameters
        ----------
        content : bytes, optional
            A JSON body. Whether it left this machine whole is what tells ``NOT_SENT`` from ``LOST``.
        deadline_s : float
            For the call as a whole: a body that drips does not hold it open.
        max_bytes : int
            The longest body that is read. Compressed bodies are refused, so that none can swell.

        Raises
        ------
        CallError
            ``NOT_SENT`` or ``LOST``.
        """
        sent = _SentWhole() if content is not None else None
        origin = _origin(url)
        try:
            async with asyncio.timeout(deadline_s), self._transport_to(origin) as transport:
                request = self._request(method, url, self._bases.get(transport), content=content, sent=sent)
                return await self._exchange(transport, request, with_key=with_key, max_bytes=max_bytes)
        except TimeoutError:
            failure = CallError(f"no full answer within {deadline_s:g} s", kind=_lost_or_not_sent(sent))
        except (self._httpx.HTTPError, self._httpx.StreamError, self._httpx.InvalidURL, OSError) as error:
            never_connected = isinstance(error, self._httpx.ConnectError | self._httpx.ConnectTimeout)
            kind = Failure.NOT_SENT if never_connected else _lost_or_not_sent(sent)
            failure = CallError(_describe(error, origin), kind=kind)
        # Raised out here: inside the except block its context would keep httpx's frames, which hold the headers.
        raise failure

    def _request(
        self, method: str, url: str, base: _Base | None, *, content: bytes | None, sent: _SentWhole | None
    ) -> Any:
        headers = dict(_SENT_HEADERS)
        extensions: dict[str, Any] = {"timeout": self._timeout}
        target = base.target_of(url) if base is not None else None
        if base is not None and target is not None:
            url = base.url
            extensions["target"] = target
        if content is not None:
            headers["content-type"] = "application/json"
        if sent is not None:
            extensions["trace"] = sent
        return self._httpx.Request(method, url, headers=headers, content=content, extensions=extensions)

    async def _exchange(self, transport: Any, request: Any, *, with_key: bool, max_bytes: int) -> Response:
        key = self._key if with_key else None
        if key is not None:
            # At the last moment and in no variable: a traceback that shows those of its frames must not show the text.
            request.headers[API_KEY_HEADER] = key.reveal()
        response = await transport.handle_async_request(request)
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise CallError("the answer is compressed though none was asked for", kind=Failure.ENCODED)
            told = response.headers.get("content-length", "")
            if told.isdecimal() and int(told) > max_bytes:  # not read at all
                raise CallError(_too_long(max_bytes), kind=Failure.REFUSED_BYTES)
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.stream:
                size += len(chunk)
                if size > max_bytes:
                    raise CallError(_too_long(max_bytes), kind=Failure.REFUSED_BYTES)
                chunks.append(chunk)
        finally:
            await response.aclose()
        body = b"".join(chunks)
        if key is not None:
            body = key.hide_in(body)
        # The others are left behind: a server may repeat in any of them what it was sent, the key as well.
        headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        if self.keeps_limits:
            headers |= _limits_in(response.headers, key)
        return Response(status=response.status_code, headers=headers, body=body)

    @asynccontextmanager
    async def _transport_to(self, origin: str) -> AsyncIterator[Any]:
        stack = self._idle.setdefault(origin, [])
        transport = stack.pop() if stack else self._new_transport(origin)
        try:
            yield transport
        except BaseException:
            # A request that was cut off may leave its place in the transport's pool taken.
            del self._bases[transport]
            await transport.aclose()
            raise
        stack.append(transport)

    def _new_transport(self, origin: str) -> Any:
        proxy = _proxy_of(origin) if self._trust_env else None
        try:
            transport = self._httpx.AsyncHTTPTransport(
                verify=self._tls_context(is_needed=origin.startswith("https:")),
                limits=self._httpx.Limits(
                    max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_S
                ),
                proxy=proxy,
            )
        except (ImportError, ValueError) as error:
            raise CallError(_about_proxy(error), kind=Failure.NOT_SENT) from None
        # A proxy is told the whole URL, or sent a request of its own with the same extensions.
        self._bases[transport] = _Base(origin, self._httpx.URL(origin)) if proxy is None else None
        return transport

    def _tls_context(self, *, is_needed: bool) -> ssl.SSLContext:
        """Return the context that all connections share: loading the certificates costs 30-100 ms.

        Plain http, which is for loopback alone, gets one that trusts nobody.
        """
        if not is_needed:
            return self._no_tls
        if self._tls is None:
            try:
                self._tls = self._httpx.create_ssl_context()
            except (OSError, ValueError) as error:
                raise CallError(_about_certificates(error), kind=Failure.NOT_SENT) from None
        return self._tls

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._bases:
            await transport.aclose()
        self._bases.clear()
        self._idle.clear()


def _limits_in(headers: Mapping[str, str], key: ApiKey | None) -> dict[str, str]:
    """Return the headers about rate limits, without any that could hold the key."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if _LIMIT_NAME.fullmatch(name.lower())
        and _LIMIT_VALUE.fullmatch(value)
        and (key is None or key.hide_in(value.encode()) == value.encode())
    }


# Path segments that begin with no dot, and a query; each % with its two digits.
_PLAIN_TARGET = re.compile(
    r"(?!.*%(?![0-9A-Fa-f]{2}))(/(?!\.)[\w\-.~!$&'()*+,;=:@%]*)+(\?[\w\-.~!$&'()*+,;=:@%/?]*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Base:
    """An origin as httpx has parsed it, which costs a tenth of a call: only the rest of a URL is given with each."""

    origin: str
    url: Any

    def target_of(self, url: str) -> bytes | None:
        """Return path and query of one of its URLs; None where httpx changes them: escapes, cuts, resolves dots."""
        rest = url[len(self.origin) :]
        return rest.encode() if url.startswith(self.origin) and _PLAIN_TARGET.fullmatch(rest) else None


class _SentWhole:
    """httpcore's trace callback: remembers that the last byte of the request went out."""

    __slots__ = ("_is_tunnel", "sent")

    def __init__(self) -> None:
        self.sent = False
        self._is_tunnel = False

    async def __call__(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_body.started"):
            # A proxy is first asked to CONNECT, which is a request of its own, without a job in it.
            self._is_tunnel = getattr(info.get("request"), "method", b"") == b"CONNECT"
        elif name.endswith("send_request_body.complete") and not self._is_tunnel:
            self.sent = True


def _too_long(max_bytes: int) -> str:
    return f"the answer is longer than {max_bytes / 2**20:.0f} MiB"


def _lost_or_not_sent(sent: _SentWhole | None) -> Failure:
    return Failure.NOT_SENT if sent is not None and not sent.sent else Failure.LOST


def _proxy_of(origin: str) -> str | None:
    """Return the proxy that the environment (on Windows and macOS also the system) names for an origin, or None."""
    parts = urlsplit(origin)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL.

    Raises
    ------
    CallError
        ``NOT_SENT``, if it is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise CallError(f"no URL: {error}", kind=Failure.NOT_SENT) from None
    return f"{parts.scheme}://{parts.netloc}"


def _about_certificates(error: Exception) -> str:
    """Return words for certificates that cannot be loaded, with the variable that names them."""
    named = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
    where = f"{named}={os.environ[named]}" if named is not None else "the system's certificates"
    return f"the certificates of {where} cannot be read: {type(error).__name__}: {error}"


def _about_proxy(error: Exception) -> str:
    """Return words for a proxy that cannot be used; its address may hold a password and is not shown."""
    names = ", ".join(
        name
        for name in os.environ
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy"} and os.environ[name]
    )
    if isinstance(error, ImportError):
        return f"a SOCKS proxy ({names or 'of the system'}) needs one more package: pip install socksio"
    return f"the proxy of {names or 'the system'} is no URL of one"


def _hint_of(text: str) -> str:
    """Return what to do about a certificate that is not trusted, by what the environment names."""
    if "CERTIFICATE_VERIFY_FAILED" not in text or os.environ.get("SSL_CERT_FILE"):
        return ""
    named = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), None)
    if named is None:
        return " (behind a proxy that opens TLS, set SSL_CERT_FILE to a file with its certificate)"
    return f" ({named} is set, which is not read here: set SSL_CERT_FILE to the same file)"


def _describe(error: Exception, origin: str) -> str:
    """Return one short line about a transport error; never the request's headers."""
    text = str(error).splitlines()[0][:200] if str(error) else ""
    return f"{type(error).__name__} at {origin}{': ' + text if text else ''}{_hint_of(text)}"
