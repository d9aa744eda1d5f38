"""The client: where the API is, with what key, and a connection that makes its calls."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from samframe.errors import OptionError
from samframe.ground.contract import DEFAULT_MODEL
from samframe.segmind.answers import Call, CallError, Credits, Failure, HistoryRow, JobAnswer
from samframe.segmind.hosts import Hosts
from samframe.segmind.http import HttpTransport, Response
from samframe.segmind.key import ApiKey, hide_in_logs
from samframe.segmind.wire import read_credits, read_history, read_job, read_submit, read_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from types import TracebackType

__all__ = ["Client", "Connection"]

#: Stands in for a key where nothing is sent; a call that it got into would be refused.
NO_KEY = "no-key"

_SUBMIT_DEADLINE_S = 120.0
_GET_DEADLINE_S = 60.0
_SMALL_ANSWER_BYTES = 4 * 2**20
#: A result may carry the output itself as base64.
_RESULT_BYTES = 64 * 2**20
_OUTPUT_BYTES = 48 * 2**20


class Client:
    """Where the API is and who asks. It opens nothing: ``segment`` connects when it runs.

    Parameters
    ----------
    api_key : str, optional
        The key; None takes ``SEGMIND_API_KEY``.
    base_url : str, optional
        Base of the API without a version (a trailing ``/v1`` or ``/v2`` is dropped); None takes
        ``SEGMIND_BASE_URL``, else Segmind's own.
    rate_limit : float, optional
        Requests a minute the account is allowed; None learns it from the first refusal.
    allowed_hosts : sequence of str
        Further hosts that outputs may be downloaded from.
    keyless : bool
        Whether to do without a key where there is none: for a plan, which sends nothing.

    Raises
    ------
    AuthenticationError
        If there is no key.
    OptionError
        If the key or the base URL cannot be right.

    Examples
    --------
    >>> Client(api_key="SG_0123456789abcdef", rate_limit=60)
    Client('https://api.segmind.com', rate_limit=60)
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        rate_limit: float | None = None,
        allowed_hosts: Sequence[str] = (),
        keyless: bool = False,
    ) -> None:
        self.rate_limit = rate_limit
        self._has_literal_key = api_key is not None
        #: Told of every answer of the connections that are opened from now on, with all headers about rate limits.
        self.on_answer: Callable[[Call, Response], None] | None = None
        try:
            if rate_limit is not None and not rate_limit > 0:
                raise OptionError(f"rate_limit is requests a minute, above 0; it is {rate_limit!r}.")
            if isinstance(allowed_hosts, str):
                raise OptionError("allowed_hosts is a list of host names, not one string.")
            self.allowed_hosts = tuple(allowed_hosts)
            self.hosts = Hosts.from_base_url(
                base_url if base_url is not None else os.environ.get("SEGMIND_BASE_URL") or None,
                allowed_hosts=tuple(str(host).lower() for host in allowed_hosts),
            )
            given = api_key if api_key is not None else os.environ.get("SEGMIND_API_KEY", "")
            if keyless and not given.strip():
                self.key = ApiKey(NO_KEY, strict=False)
            else:
                self.key = ApiKey(given, strict=self.hosts.is_segmind)
        finally:
            given = ""
            del api_key, given  # a traceback that shows the variables of its frames must not show this one

    @property
    def base_url(self) -> str:
        """Base URL of the gateway."""
        return self.hosts.gateway

    @property
    def identity(self) -> str:
        """What stands for this deployment in a job's key: equal rows are paid once for each."""
        return self.hosts.gateway

    @property
    def is_free(self) -> bool:
        """Whether nobody is charged for a job: the engine runs on this machine."""
        return False

    @property
    def is_sam(self) -> bool:
        """Whether the masks are those of a Segment Anything model."""
        return True

    @property
    def is_offline(self) -> bool:
        """Whether the answers come from the offline engine and not from SAM 2."""
        return not self.is_sam

    @asynccontextmanager
    async def connect(self, *, library: Any = None) -> AsyncIterator[Connection]:
        """Open a connection bound to the running loop."""
        hide_in_logs(self.key)
        transport = HttpTransport(self.key, library=library, trust_env=not self.hosts.loopback)
        try:
            yield Connection(self.hosts, transport, on_answer=self.on_answer)
        finally:
            await transport.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle where and how, never the key: the other process takes it from its own environment.

        Raises
        ------
        TypeError
            If the key was given in the code: it is not written anywhere.
        """
        if self._has_literal_key:
            raise TypeError(
                "This client was made with a key in the code, and a key is not pickled. Set SEGMIND_API_KEY here and "
                "in the other process, and make it without: samframe.Client()."
            )
        return _arrived, (self.base_url, self.rate_limit, self.allowed_hosts)

    def close(self) -> None:
        """Release what the client holds; nothing, unless it is ``samframe.offline()`` or ``samframe.local()``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "hosts"):  # seen by debuggers only, while __init__ raises
            return f"{type(self).__name__}()"
        limit = f", rate_limit={self.rate_limit:g}" if self.rate_limit is not None else ""
        return f"{type(self).__name__}({self.base_url!r}{limit})"


def _arrived(base_url: str, rate_limit: float | None, allowed_hosts: tuple[str, ...]) -> Client:
    """Return the client of this process for an address, with the key of its environment."""
    return Client(base_url=base_url, rate_limit=rate_limit, allowed_hosts=allowed_hosts)


class Connection:
    """The calls of the API as coroutines. URLs are built from the base and the id, never taken from an answer.

    Parameters
    ----------
    hosts : Hosts
        Where the API lives.
    transport : HttpTransport
        What moves the bytes.
    on_call : callable, optional
        Told of every call as it starts, for counters.
    on_answer : callable, optional
        Told of every answer, before it is read.
    """

    def __init__(
        self,
        hosts: Hosts,
        transport: HttpTransport,
        *,
        on_call: Callable[[Call], None] | None = None,
        on_answer: Callable[[Call, Response], None] | None = None,
    ) -> None:
        self._hosts = hosts
        self._transport = transport
        self.on_call = on_call
        self._on_answer = on_answer
        transport.keeps_limits = on_answer is not None

    @property
    def most_output_bytes(self) -> int:
        """How long an output may be, in bytes; a longer one is refused."""
        return _OUTPUT_BYTES

    async def submit(self, content: bytes, *, model: str = DEFAULT_MODEL) -> str:
        """Submit one job and return its request id. Each success is a new billable job.

        Parameters
        ----------
        content : bytes
            The body, as :func:`encode_body` makes it.
        """
        url = f"{self._hosts.gateway}/v2/{quote(model, safe='')}"
        answer = await self._call(Call.SUBMIT, "POST", url, content=content, deadline_s=_SUBMIT_DEADLINE_S)
        return read_submit(answer.status, answer.headers, answer.body)

    async def prepare(self, image: str) -> bool:
        """Tell a server on the user's own machine which image is open, so that the first question is quick.

        No job, no charge. Segmind's gateway knows no such call: ask clients with ``is_free`` only.

        Parameters
        ----------
        image : str
            A data URI or base64 text, as a job would carry it.

        Returns
        -------
        bool
            Whether the server has an engine that this is of use to.
        """
        content = await asyncio.to_thread(lambda: json.dumps({"image": image}).encode())
        url = f"{self._hosts.gateway}/local/prepare"
        answer = await self._call(Call.PREPARE, "POST", url, content=content)
        try:
            told = json.loads(answer.body)
        except ValueError:
            return False
        return (
            answer.status == HTTPStatus.ACCEPTED and isinstance(told, dict) and told.get("prepared") is True
        )

    async def status(self, request_id: str) -> JobAnswer:
        """Return the state of a job."""
        url = f"{self._hosts.gateway}/v2/requests/{quote(request_id, safe='')}/status"
        answer = await self._call(Call.STATUS, "GET", url)
        return read_job(answer.status, answer.headers, answer.body)

    async def result(self, request_id: str) -> JobAnswer:
        """Return a job's result."""
        url = f"{self._hosts.gateway}/v2/requests/{quote(request_id, safe='')}"
        answer = await self._call(Call.RESULT, "GET", url, max_bytes=_RESULT_BYTES)
        return read_job(answer.status, answer.headers, answer.body)

    async def download(self, url: str) -> bytes:
        """Return the bytes of an output file, from an allowed host, without the key.

        Raises
        ------
        CallError
            ``REFUSED_HOST``; ``NOT_FOUND`` for 403, 404 and 410; ``LOST`` for what may pass.
        """
        reason = self._hosts.why_not_fetch(url)
        if reason is not None:
            raise CallError(f"the output's URL is not fetched: {reason}", kind=Failure.REFUSED_HOST)
        answer = await self._call(Call.DOWNLOAD, "GET", url, with_key=False, max_bytes=self.most_output_bytes)
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            read_job(answer.status, answer.headers, b"")  # raises, with the wait
        gone = answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
        raise CallError(
            f"the output file answered HTTP {answer.status}",
            kind=Failure.NOT_FOUND if gone else Failure.LOST,
            status_code=answer.status,
        )

    async def upload(self, data_uris: Sequence[str]) -> list[str]:
        """Upload files given as data URIs; return their reusable URLs in order."""
        content = await asyncio.to_thread(lambda: json.dumps({"data_urls": list(data_uris)}).encode())
        url = f"{self._hosts.storage}/upload-asset"
        answer = await self._call(Call.UPLOAD, "POST", url, content=content, deadline_s=_SUBMIT_DEADLINE_S)
        return read_upload(answer.status, answer.headers, answer.body)

    async def credits(self) -> Credits:
        """Return the balance. Free to call."""
        answer = await self._call(Call.CREDITS, "GET", f"{self._hosts.gateway}/v1/get-user-credits")
        return read_credits(answer.status, answer.headers, answer.body)

    async def history(
        self, *, from_date: str, to_date: str, model: str | None = None, page: int = 1, per_page: int = 100
    ) -> list[HistoryRow]:
        """Return one page of the account's own request history. Dates are ``YYYY-MM-DD``, at most 31 days apart."""
        query: dict[str, str] = {
            "page": str(page),
            "per_page": str(per_page),
            "from_date": from_date,
            "to_date": to_date,
        }
        if model is not None:
            query["model_name"] = model
        url = f"{self._hosts.history}/inference-request/request-history?{urlencode(query)}"
        answer = await self._call(Call.HISTORY, "GET", url, max_bytes=_RESULT_BYTES)
        return read_history(answer.status, answer.headers, answer.body)

    async def history_of(self, request_id: str) -> HistoryRow | None:
        """Return one request of any age, or None where the history does not know it."""
        url = f"{self._hosts.history}/inference-request/request-history/{quote(request_id, safe='')}"
        answer = await self._call(Call.HISTORY, "GET", url, max_bytes=_RESULT_BYTES)
        try:
            rows = read_history(answer.status, answer.headers, answer.body)
        except CallError as error:
            if error.kind is Failure.NOT_FOUND:
                return None
            raise
        return next((row for row in rows if row.request_id == request_id), None)

    async def _call(
        self,
        call: Call,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        with_key: bool = True,
        deadline_s: float = _GET_DEADLINE_S,
        max_bytes: int = _SMALL_ANSWER_BYTES,
    ) -> Response:
        if self.on_call is not None:
            self.on_call(call)
        answer = await self._transport.send(
            method, url, content=content, with_key=with_key, deadline_s=deadline_s, max_bytes=max_bytes
        )
        if self._on_answer is not None:
            self._on_answer(call, answer)
        return answer
