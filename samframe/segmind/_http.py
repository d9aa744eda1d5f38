"""The one place that imports httpx: moves bytes, and knows whether a request was sent whole."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from samframe._contract import API_KEY_HEADER, RESET_HEADER
from samframe._version import __version__
from samframe.segmind._answers import CallError, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from samframe.segmind._key import ApiKey

__all__ = ["HttpTransport", "Response", "load_library"]

_HEADERS = ("content-type", "date", "retry-after", RESET_HEADER)

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
    """Single-connection clients, one stack of idle ones an origin.

    httpx's pool looks at all of its connections for every request, and closes idle ones past twenty: 64 requests in
    flight over one pool cost four times the CPU of 64 clients with a connection each.

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
        self._all: dict[Any, None] = {}
        self._tls: ssl.SSLContext | None = None
        self._no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._timeout = self._httpx.Timeout(_IDLE_READ_S, connect=_CONNECT_S, pool=None)
        self._auth = _key_auth(self._httpx, key)

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
            async with asyncio.timeout(deadline_s), self._client_for(origin) as client:
                request = self._request(method, url, content=content, sent=sent)
                return await self._exchange(client, request, with_key=with_key, max_bytes=max_bytes)
        except TimeoutError:
            failure = CallError(f"no full answer within {deadline_s:g} s", kind=_lost_or_not_sent(sent))
        except (self._httpx.HTTPError, self._httpx.StreamError, self._httpx.InvalidURL, OSError) as error:
            never_connected = isinstance(error, self._httpx.ConnectError | self._httpx.ConnectTimeout)
            kind = Failure.NOT_SENT if never_connected else _lost_or_not_sent(sent)
            failure = CallError(_describe(error, origin), kind=kind)
        # Raised out here: inside the except block its context would keep httpx's frames, which hold the headers.
        raise failure

    def _request(self, method: str, url: str, *, content: bytes | None, sent: _SentWhole | None) -> Any:
        """Return a request with all that a client would merge into it, which costs a sixth of a call."""
        headers = dict(_SENT_HEADERS)
        extensions: dict[str, Any] = {"timeout": self._timeout.as_dict()}
        if content is not None:
            headers["content-type"] = "application/json"
        if sent is not None:
            extensions["trace"] = sent
        return self._httpx.Request(method, url, headers=headers, content=content, extensions=extensions)

    async def _exchange(self, client: Any, request: Any, *, with_key: bool, max_bytes: int) -> Response:
        response = await client.send(request, stream=True, auth=self._auth if with_key else None)
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise CallError("the answer is compressed though none was asked for", kind=Failure.LOST)
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > max_bytes:
                    raise CallError(f"the answer is longer than {max_bytes} bytes", kind=Failure.LOST)
                chunks.append(chunk)
        finally:
            await response.aclose()
        body = b"".join(chunks)
        if with_key and self._key is not None:
            body = self._key.hide_in(body)
        # The others are left behind: a server may repeat in any of them what it was sent, the key as well.
        headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        return Response(status=response.status_code, headers=headers, body=body)

    @asynccontextmanager
    async def _client_for(self, origin: str) -> AsyncIterator[Any]:
        stack = self._idle.setdefault(origin, [])
        client = stack.pop() if stack else self._new_client(origin)
        try:
            yield client
        except BaseException:
            # A request that was cut off may leave its place in the client's pool taken.
            del self._all[client]
            await client.aclose()
            raise
        stack.append(client)

    def _new_client(self, origin: str) -> Any:
        client = self._httpx.AsyncClient(
            verify=self._tls_context(is_needed=origin.startswith("https:")),
            headers=_SENT_HEADERS,
            limits=self._httpx.Limits(
                max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_S
            ),
            timeout=self._timeout,
            follow_redirects=False,
            trust_env=self._trust_env,
        )
        self._all[client] = None
        return client

    def _tls_context(self, *, is_needed: bool) -> ssl.SSLContext:
        """Return the context that all clients share: loading the certificates costs 30-100 ms.

        Plain http, which is for loopback alone, gets one that trusts nobody.
        """
        if not is_needed:
            return self._no_tls
        if self._tls is None:
            self._tls = self._httpx.create_ssl_context()
        return self._tls

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._all:
            await client.aclose()
        self._all.clear()
        self._idle.clear()


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


def _lost_or_not_sent(sent: _SentWhole | None) -> Failure:
    return Failure.NOT_SENT if sent is not None and not sent.sent else Failure.LOST


def _key_auth(httpx: Any, key: ApiKey | None) -> Any:
    """Return an httpx Auth that adds the key at the last moment, so that no frame of ours holds it in a variable."""
    if key is None:
        return None
    reveal = key.reveal

    class KeyAuth(httpx.Auth):  # type: ignore[misc]  # the base class is chosen at run time
        def auth_flow(self, request: Any) -> Any:
            request.headers[API_KEY_HEADER] = reveal()
            yield request

    return KeyAuth()


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


def _describe(error: Exception, origin: str) -> str:
    """Return one short line about a transport error; never the request's headers."""
    text = str(error).splitlines()[0][:200] if str(error) else ""
    return f"{type(error).__name__} at {origin}{': ' + text if text else ''}"
