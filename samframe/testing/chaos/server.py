"""A raw-socket server that bills first and faults after: it judges what a client of a paid API promises."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from samframe.ground.contract import API_KEY_HEADER
from samframe.testing.chaos.desk import PaidDesk, find_endpoint
from samframe.testing.chaos.moves import Chaos, Ending, Reply, Sending, spoil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["ChaosCall", "ChaosServer"]

_MOST_HEADER_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosCall:
    """One request, as it arrived.

    Parameters
    ----------
    endpoint : str
        ``"submit"``, ``"status"``, ``"result"``, ``"output"``, ``"upload"``, ``"credits"``, ``"history"``,
        ``"history_item"``, or ``""`` for another path.
    number : int
        It was the n-th of its endpoint, from 1.
    path : str
        Path and query.
    has_key : bool
        Whether an API key was sent along. The key itself is not kept.
    move : Chaos, optional
        What happened to it.
    """

    endpoint: str
    number: int
    path: str
    has_key: bool
    move: Chaos | None


class ChaosServer:
    """The API's routes on loopback, each call of which can be scripted to go wrong below HTTP.

    A submit is accepted and billed as soon as its body was read; its job has COMPLETED at once.

    Parameters
    ----------
    mask_hw : (int, int)
        Height and width of the mask that every job answers with: its middle is the foreground.
    elsewhere : str
        Base URL of the other host, of redirects and foreign URLs. Another chaos server can stand there.
    drip_s : float
        Pause between the bytes of a slow body, in seconds.
    bomb_mib : int
        Size of an inflated gzip bomb, in MiB.
    rewrite : callable, optional
        Takes the endpoint, the id in the path and the right reply, and returns the one to send: for services whose
        outputs, ids, words or bills are others. A move is applied to what it returns.

    Examples
    --------
    >>> with ChaosServer() as chaos:
    ...     chaos.script(Chaos.RESET_AFTER_BODY, on="submit", call=2)
    ...     chaos.billed
    ()
    """

    def __init__(
        self,
        *,
        mask_hw: tuple[int, int] = (32, 32),
        elsewhere: str = "https://collector.example",
        drip_s: float = 0.05,
        bomb_mib: int = 256,
        rewrite: Callable[[str, str, Reply], Reply] | None = None,
    ) -> None:
        self.elsewhere = elsewhere
        #: May be changed while the server runs.
        self.rewrite = rewrite
        self._drip_s = drip_s
        self._bomb_mib = bomb_mib
        self._script: dict[tuple[str, int | None], Chaos] = {}
        self._seen: Counter[str] = Counter()
        self._log: list[ChaosCall] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._port = 0
        self._desk = PaidDesk(mask_hw)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._port = self._listener.getsockname()[1]
        self._desk.base_url = self.base_url
        self._start(self._accept, self._listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with self._lock:
            sockets = [*self._open, *([self._listener] if self._listener else [])]
        for sock in sockets:
            # A thread that waits in accept() or recv() wakes up by this, and closes its own socket.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=5)

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT``, without a version."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def billed(self) -> tuple[str, ...]:
        """Ids of the jobs that were accepted and billed, in order, even where no client heard of them."""
        return tuple(self._desk.jobs)

    @property
    def jobs(self) -> Mapping[str, dict[str, Any]]:
        """The bodies of the billed submits by request id."""
        return dict(self._desk.jobs)

    @property
    def calls(self) -> tuple[ChaosCall, ...]:
        """Every request whose headers were read, in order of arrival."""
        return tuple(self._log)

    def count(self, endpoint: str) -> int:
        """Return how many requests of an endpoint arrived; ``"connection"`` counts connections."""
        return self._seen[endpoint]

    def script(self, move: Chaos, *, on: str = "submit", call: int | None = None) -> None:
        """Let a call meet a move.

        Parameters
        ----------
        move : Chaos
            What happens.
        on : str
            The endpoint, or ``"connection"`` for `Chaos.RESET_ON_CONNECT`.
        call : int, optional
            The n-th call of that endpoint, from 1; None: every call that has no move of its own.
        """
        with self._lock:
            self._script[on, call] = move

    def heal(self) -> None:
        """Forget the script: from now on every call is answered rightly."""
        with self._lock:
            self._script.clear()

    def _start(self, target: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(sock,), name="samframe-chaos", daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopping.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with self._lock:
                    self._open.add(sock)
                self._start(self._converse, sock)

    def _converse(self, sock: socket.socket) -> None:
        """Serve one connection until it ends, one way or another."""
        try:
            ending = Ending.RESET if self._meet("connection") is Chaos.RESET_ON_CONNECT else Ending.KEEP
            buffer = bytearray()
            while ending is Ending.KEEP:
                ending = self._exchange(sock, buffer)
            if ending is Ending.HANG:
                self._stopping.wait()
            if ending is Ending.RESET:
                # Lingering for no time at all makes close() send RST (socket(7)).
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError):
            # The client went away or does not speak HTTP, or the server is being stopped.
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _exchange(self, sock: socket.socket, buffer: bytearray) -> Ending:
        """Read one request and answer it."""
        head = _read_until(sock, buffer, b"\r\n\r\n")
        if head is None:
            return Ending.CLOSE
        method, path, headers = _parse_head(head)
        endpoint, argument = find_endpoint(method, urlsplit(path).path)
        move = self._meet(endpoint, path, has_key=API_KEY_HEADER in headers)
        if move is Chaos.RESET_AFTER_HEADERS:
            return Ending.RESET
        body = _read_exactly(sock, buffer, int(headers.get("content-length", "0")))
        if body is None:
            return Ending.CLOSE
        reply = (
            Reply() if move is not None and move.bills_nothing else self._desk.reply(endpoint, argument, body)
        )
        if self.rewrite is not None:
            reply = self.rewrite(endpoint, argument, reply)
        sending = spoil(move, reply, path=path, elsewhere=self.elsewhere, bomb_mib=self._bomb_mib)
        self._send(sock, sending)
        return sending.ending

    def _send(self, sock: socket.socket, sending: Sending) -> None:
        for piece in sending.pieces:
            sock.sendall(piece)
            if sending.is_slow and self._stopping.wait(self._drip_s):
                return

    def _meet(self, endpoint: str, path: str = "", *, has_key: bool = False) -> Chaos | None:
        """Count a call and return its move."""
        with self._lock:
            self._seen[endpoint] += 1
            number = self._seen[endpoint]
            move = self._script.get((endpoint, number), self._script.get((endpoint, None)))
            if endpoint != "connection":
                call = ChaosCall(endpoint=endpoint, number=number, path=path, has_key=has_key, move=move)
                self._log.append(call)
            return move


def _read_until(sock: socket.socket, buffer: bytearray, mark: bytes) -> bytes | None:
    """Return what comes up to a mark; None where the connection ends, or sends too much, before it."""
    while (found := buffer.find(mark)) < 0:
        part = sock.recv(65_536) if len(buffer) < _MOST_HEADER_BYTES else b""
        if not part:
            return None
        buffer += part
    head = bytes(buffer[:found])
    del buffer[: found + len(mark)]
    return head


def _read_exactly(sock: socket.socket, buffer: bytearray, length: int) -> bytes | None:
    """Return so many bytes; None where the connection ends before."""
    while len(buffer) < length:
        part = sock.recv(262_144)
        if not part:
            return None
        buffer += part
    body = bytes(buffer[:length])
    del buffer[:length]
    return body


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Return method, path with query, and the headers by their names in lower case."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}
