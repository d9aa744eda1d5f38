"""uvicorn, made to start and stop at once, with each connection within reach of the fault plan."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from types import FrameType

    from samframe.server.app import Application

__all__ = ["Runner", "listen"]


def listen(host: str, port: int) -> socket.socket:
    """Bind an address.

    Parameters
    ----------
    host : str
        An IP address or a name.
    port : int
        0 takes a free port.

    Raises
    ------
    OSError
        If the port is taken or the address is none of this machine's.
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio turns Nagle's delay off only where the socket names its protocol: else an answer takes 40 ms.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class Runner(uvicorn.Server):
    """uvicorn's server, woken to stop rather than asking ten times a second whether it should.

    Parameters
    ----------
    app : Application
        What to serve: no lifespan, no websockets, no logs of uvicorn's own.
    """

    def __init__(self, app: Application) -> None:
        super().__init__(
            uvicorn.Config(
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
                # The usual 5 s would close connections that a client's pool still trusts.
                timeout_keep_alive=75,
            )
        )
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
        """Stop soon. May be called from any thread, and from a signal's handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop on Ctrl-C and SIGTERM, where the server runs in the main thread."""
        super().handle_exit(sig, frame)
        self.request_stop()

    async def main_loop(self) -> None:
        """Run the workers and wait."""
        self._loop = asyncio.get_running_loop()
        self._application.pool.start()
        self.ready.set()
        await self._stopping.wait()
        await self._application.pool.stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Close the listener and drop every connection: nobody waits for a local server's last words."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        # One turn of the loop tells the requests that are waiting for their client; the others are cancelled.
        await asyncio.sleep(0)
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


def _protocol_class() -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, with the connection's transport in ``scope["state"]``.

    Faults need the transport to drop a connection, and ASGI has no message for that.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol  # noqa: PLC0415 - loads a parser

    base: Any = AutoHTTPProtocol

    class TransportInState(base):  # type: ignore[misc]  # the base is chosen at run time, by what is installed
        app_state: dict[str, Any]

        def connection_made(self, transport: asyncio.Transport) -> None:
            self.app_state = {**self.app_state, "transport": transport}
            super().connection_made(transport)

    return TransportInState
