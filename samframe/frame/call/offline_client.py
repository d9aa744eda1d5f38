"""``samframe.offline()``: a client of a private server in this process, for trying without a key."""

from __future__ import annotations

import atexit
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from samframe.segmind import Client, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from samframe.server import ServerConfig

__all__ = ["OFFLINE_KEY", "OfflineClient", "PrivateClient", "offline"]

# No secret: the server is on loopback, in this process.
OFFLINE_KEY = "offline"


class PrivateClient(Client):
    """A client whose jobs go to a server in this process.

    Parameters
    ----------
    config : ServerConfig
        The server's engine and pace; its key is ours.
    rate_limit : float, optional
        Requests a minute the client keeps to.
    """

    def __init__(self, config: ServerConfig, *, rate_limit: float | None = None) -> None:
        from samframe.server import LocalServer  # noqa: PLC0415 - starlette is heavy

        self._server = LocalServer(config)
        self._server.start()
        self._lock = threading.Lock()
        self._closed = False
        super().__init__(OFFLINE_KEY, base_url=self._server.base_url, rate_limit=rate_limit)
        atexit.register(self.close)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "This client's server lives in this process and is not pickled: make another one in the other process."
        )

    @property
    def identity(self) -> str:
        """The engine's name and version, whatever the port: rows are stored from one session to the next."""
        return self._server.engine_name

    @property
    def is_free(self) -> bool:
        """True: nothing is billed."""
        return True

    @asynccontextmanager
    async def connect(self, *, library: Any = None) -> AsyncIterator[Connection]:
        """Open a connection to the private server."""
        if self._closed:
            raise RuntimeError(f"This client is closed; make another with samframe.{self._maker}().")
        async with super().connect(library=library) as connection:
            yield connection

    def close(self) -> None:
        """Stop the server."""
        with self._lock:
            if not self._closed:
                self._closed = True
                atexit.unregister(self.close)
                self._server.stop()

    _maker = "offline"


class OfflineClient(PrivateClient):
    """A client whose jobs go to a server in this process, and to the offline engine behind it.

    The engine is a colour and texture region grower. It is not SAM 2, has learned nothing, and names no objects.
    """

    def __init__(self, *, workers: int, latency_s: float | None, rate_limit: float | None) -> None:
        from samframe.server import ServerConfig  # noqa: PLC0415 - starlette is heavy

        config = ServerConfig(workers=workers, latency_s=latency_s, api_key=OFFLINE_KEY)
        super().__init__(config, rate_limit=rate_limit)

    @property
    def is_sam(self) -> bool:
        """False: no mask is SAM 2's."""
        return False

    def __repr__(self) -> str:
        return f"<samframe offline client: {self.identity}, not SAM 2>"


def offline(
    *, workers: int = 2, latency_s: float | None = None, rate_limit: float | None = None
) -> OfflineClient:
    """Return a client that needs no key and no network: its own server in this process, with the offline engine.

    The engine is a colour and texture region grower for trying things out. It is not SAM 2: it knows twelve colours and
    eight shapes by name and refuses every other prompt; points work on most pictures.

    Parameters
    ----------
    workers : int
        Jobs at work at once.
    latency_s : float, optional
        Seconds a job takes at least; None: as long as the engine needs.
    rate_limit : float, optional
        Requests a minute the client keeps to.

    Returns
    -------
    OfflineClient
        Use it as ``client=``, and close it or use it in a ``with`` block.
    """
    return OfflineClient(workers=workers, latency_s=latency_s, rate_limit=rate_limit)
