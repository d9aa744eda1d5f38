"""A private server of the API's contract: uvicorn on loopback in a thread, with counters and a fault plan."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from samframe.server._app import Application
from samframe.server._config import ServerConfig
from samframe.server._faults import Fault
from samframe.server._jobs import JobView

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["Counters", "LocalServer", "uvicorn_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a server has seen so far.

    Parameters
    ----------
    requests : int
        Requests of every kind.
    submits, polls, results, downloads, uploads, credits, history : int
        Requests by route, refused and faulty ones included.
    accepted, failed, billed : int
        Jobs that were accepted; of these, those that FAILED and those that were charged.
    refused_429 : int
        Requests answered with 429.
    """

    requests: int
    submits: int
    accepted: int
    failed: int
    billed: int
    polls: int
    results: int
    downloads: int
    uploads: int
    credits: int
    history: int
    refused_429: int


class LocalServer:
    """The API's wire contract on ``127.0.0.1``, as a context manager.

    Parameters
    ----------
    config : ServerConfig, optional
        Engine, pace, limits and money; by default the offline engine, free of charge.
    port : int
        0 takes a free port; a number lets a server come back where an earlier one was.

    Examples
    --------
    >>> from samframe.server import DrawnEngine, LocalServer, ServerConfig
    >>> with LocalServer(ServerConfig(engine=DrawnEngine())) as server:
    ...     server.counters.accepted
    0
    """

    def __init__(self, config: ServerConfig | None = None, *, port: int = 0) -> None:
        self.config = config if config is not None else ServerConfig()
        self._port = port
        self._application: Application | None = None
        self._runner: _Runner | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start the server and return it once it takes requests.

        Raises
        ------
        OSError
            If the port is taken.
        """
        if self._thread is not None:
            return self
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        self._application = Application(self.config)
        self._runner = _Runner(uvicorn_config(self._application), self._application)
        self._thread = threading.Thread(
            target=self._runner.run_on, args=(listener,), name="samframe-server", daemon=True
        )
        self._thread.start()
        self._runner.ready.wait()
        return self

    def stop(self) -> None:
        """Stop at once: open connections are dropped and running jobs never end. Records can still be read."""
        if self._thread is None or self._runner is None:
            return
        self._runner.request_stop()
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT``, without a version."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def counters(self) -> Counters:
        """A copy of the counts so far."""
        app = self._app
        return Counters(billed=app.purse.billed, **asdict(app.tally))

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """The accepted jobs that are still kept, oldest first."""
        return tuple(JobView.of(job) for job in self._app.book)

    @property
    def post_times(self) -> tuple[float, ...]:
        """Monotonic times in seconds at which jobs were accepted, the last 100,000 at most."""
        return tuple(self._app.book.post_times)

    @property
    def engine_name(self) -> str:
        """The name that results carry in their ``engine`` field."""
        return self._app.engine_name

    def script(
        self,
        fault: Fault,
        *,
        on: str = "submit",
        times: int | None = 1,
        after: int = 0,
        accepted: bool = False,
        delay_s: float = 1.0,
        reset_in_s: float = 1.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Let requests meet a fault. Rules are met in the order in which they were scripted.

        Parameters
        ----------
        fault : Fault
            What happens.
        on : str
            ``"submit"``, ``"status"``, ``"result"``, ``"output"``, ``"upload"``, ``"asset"``, ``"credits"``,
            ``"history"``, ``"history_item"`` or ``"any"``.
        times : int, optional
            How many requests meet it; None: all from then on.
        after : int
            How many requests of this kind pass before.
        accepted : bool
            Carry the request out (accept and bill a submit) before an error answer takes the place of the right
            one. `Fault.DROP_ANSWER`, `Fault.HALF_ANSWER` and spoilt answers always do.
        delay_s : float
            How long `Fault.SLOW_BODY` takes, in seconds.
        reset_in_s : float
            How far ahead the reset of `Fault.RATE_LIMITED` lies, in seconds.
        headers : mapping of str to str, optional
            Headers of the answer, for a Retry-After or a broken reset.

        Raises
        ------
        ValueError
            If `on` names no endpoint.
        """
        self._app.plan.add(
            fault,
            on=on,
            times=times,
            after=after,
            accepted=accepted,
            delay_s=delay_s,
            reset_in_s=reset_in_s,
            headers=headers,
        )

    def heal(self) -> None:
        """Drop every fault that is still scripted."""
        self._app.plan.clear()

    def expire(self, request_id: str | None = None) -> None:
        """Let the record of one request, or of all so far, expire now: the history keeps them."""
        self._app.book.expire(request_id)

    def settle(self, timeout_s: float = 10.0) -> None:
        """Wait until every accepted job has COMPLETED or FAILED.

        Raises
        ------
        TimeoutError
            If that takes longer than `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not all(job.state.is_final for job in self._app.book):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Jobs still run after {timeout_s} s")
            time.sleep(0.002)

    @property
    def _app(self) -> Application:
        if self._application is None:
            raise RuntimeError("The server has not been started: use it in a with statement, or call start()")
        return self._application


def _listen(port: int) -> socket.socket:
    """Bind loopback. asyncio turns Nagle's delay off only where the socket names its protocol: 40 ms an answer."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def uvicorn_config(app: Application, **options: Any) -> Config:
    """Return uvicorn's settings: no lifespan, no websockets, no logs of its own, connections within reach.

    Parameters
    ----------
    app : Application
        What to serve.
    **options
        Further settings of uvicorn.
    """
    return uvicorn.Config(
        app,
        http=_protocol_class(),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        **options,
    )


def _protocol_class() -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, with the connection's transport in ``scope["state"]``.

    Faults need the transport to drop a connection, and ASGI has no message for that.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol  # noqa: PLC0415 - loads a parser

    base: Any = AutoHTTPProtocol

    class TransportInState(base):  # type: ignore[misc]  # the base is chosen at run time, by what is installed
        def connection_made(self, transport: asyncio.Transport) -> None:
            self.app_state = {**self.app_state, "transport": transport}
            super().connection_made(transport)

    return TransportInState


class _Runner(uvicorn.Server):
    """uvicorn's server, woken to stop rather than asked ten times a second whether it should."""

    def __init__(self, config: Config, app: Application) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._application = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def run_on(self, listener: socket.socket) -> None:
        """Serve on a bound socket until `request_stop`, in this thread."""
        try:
            asyncio.run(self.serve(sockets=[listener]))
        finally:
            listener.close()
            self.ready.set()

    def request_stop(self) -> None:
        """Stop soon. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Run the workers and wait."""
        self._loop = asyncio.get_running_loop()
        self._application.pool.start()
        await self.on_tick(0)
        self.ready.set()
        await self._stopping.wait()
        await self._application.pool.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener and drop every connection: nobody waits for a private server's last words."""
        for server in self.servers:
            server.close()
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        # One turn of the loop lets the aborted transports close their sockets.
        await asyncio.sleep(0)
