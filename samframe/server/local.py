"""A private server of the API's contract: uvicorn on loopback in a thread, with counters and a fault plan."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from samframe.server.app import Application
from samframe.server.config import ServerConfig
from samframe.server.runner import Runner, listen
from samframe.server.work import Counters, JobView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from samframe.server.wire import Fault

__all__ = ["LocalServer"]


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
        self._runner: Runner | None = None
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
        self._application = Application(self.config)
        listener = listen("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        self._runner = Runner(self._application)
        self._thread = threading.Thread(
            target=self._runner.run_on, args=(listener,), name="samframe-server", daemon=True
        )
        self._thread.start()
        self._runner.ready.wait()
        return self

    def stop(self) -> None:
        """Stop at once: connections are dropped, running jobs never end. Counters and jobs stay."""
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
        return Counters.of(self._app.tally)

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
            Carry the request out (accept and bill a submit) before an error answer takes the place of the
            right one. `Fault.DROP_ANSWER`, `Fault.HALF_ANSWER` and spoilt answers always do.
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
            time.sleep(0.005)

    @property
    def _app(self) -> Application:
        if self._application is None:
            raise RuntimeError("The server has not been started: use it in a with statement, or call start()")
        return self._application
