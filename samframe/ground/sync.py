"""The one bridge between coroutines and blocking callers: a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import importlib
import signal
import sys
import threading
import warnings
import weakref
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from samframe.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

__all__ = ["Background", "run_nested", "terminate_as_interrupt"]

T = TypeVar("T")

#: How long the waiting thread sleeps between looks at signals and displays.
SLICE_S = 0.1
_SECOND_INTERRUPT_S = 1.0

_RUNNING: weakref.WeakSet[Background[Any]] = weakref.WeakSet()


class Background(Generic[T]):
    """A coroutine at work on a loop of its own, in a thread of its own.

    Parameters
    ----------
    main : callable
        Makes the coroutine; called in the thread.
    stop : callable
        Told to end the work early. The coroutine runs on until it has saved what it holds.

    Raises
    ------
    RuntimeError
        If no thread can be started (Pyodide).
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, T]], *, stop: Callable[[], None]) -> None:
        self._main = main
        self.stop = stop
        self._future: Future[T] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        # A copied context: ipykernel's output streams find their cell by a context variable.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="samframe-loop", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            raise RuntimeError(
                f"No thread can be started here ({error}): use `await df.sam.asegment(...)`."
            ) from None
        _RUNNING.add(self)

    def is_done(self) -> bool:
        """Return whether the coroutine has ended."""
        return self._future.done()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, without its result; return whether it came."""
        try:
            self._future.exception(timeout_s)
        except FutureTimeoutError:
            return False
        return True

    def result(self, *, on_slice: Callable[[], None] | None = None) -> T:
        """Wait in short slices and return what the coroutine returns.

        A first KeyboardInterrupt asks the work to stop and waits until it is in order; a second one cancels it and
        waits a second at most.

        Parameters
        ----------
        on_slice : callable, optional
            Called in this thread about ten times a second.

        Raises
        ------
        KeyboardInterrupt
            After an interrupt, when the work has stopped.
        BaseException
            What the coroutine raises.
        """
        interrupted = False
        while True:
            try:
                if self._wait_slice():
                    break
                if on_slice is not None:
                    on_slice()
            except KeyboardInterrupt:
                if interrupted:
                    self.cancel()
                    _RUNNING.discard(self)
                    self.wait(_SECOND_INTERRUPT_S)
                    raise
                interrupted = True
                self.stop()
        if interrupted:
            self._future.exception()
            raise KeyboardInterrupt
        return self._future.result()

    def cancel(self) -> None:
        """Cancel the coroutine, at its next await."""
        if self._loop is not None and self._task is not None and not self._future.done():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _wait_slice(self) -> bool:
        return self.wait(SLICE_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_plain_loop) as runner:
                self._loop = runner.get_loop()
                result = runner.run(self._guard(), context=contextvars.copy_context())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            self._future.set_exception(_as_exception(error))
        else:
            self._future.set_result(result)

    async def _guard(self) -> T:
        self._task = asyncio.current_task()
        return await self._main()


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM stop a blocking call as Ctrl-C does, and end the process only then, with status 143.

    In the main thread and where nobody else handles SIGTERM; anywhere else it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL:
        yield
        return
    came = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        if came:
            raise SystemExit(128 + signal.SIGTERM) from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def run_nested(main: Callable[[], Coroutine[Any, Any, T]], *, stop: Callable[[], None]) -> T:
    """Run a coroutine to its end on the caller's own running loop, which goes on serving its other tasks.

    For objects that are bound to that loop. Everything else is better served by :class:`Background`. An interrupt asks
    the work to stop and waits until it is in order, as there; left to itself it would go on below the notebook's cells.

    Parameters
    ----------
    main : callable
        Makes the coroutine.
    stop : callable
        Told to end the work early.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt, when the work has stopped.
    OptionError
        If there is no running loop, or no nest_asyncio that can be trusted with it.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise OptionError('bridge="nest" needs a running event loop; leave bridge out.') from None
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise OptionError(
            f'bridge="nest" cannot nest a {type(loop).__name__} (uvloop cannot be patched); leave bridge out.'
        )
    nest = _trusted_nest()
    if nest is None:
        raise OptionError(
            'bridge="nest" needs nest_asyncio2 >= 1.7.3 here (nest_asyncio 1.6 loses queued cells on ipykernel >= 7.1 '
            "and breaks Python 3.14); leave bridge out, or use `await df.sam.asegment(...)`."
        )
    nest.apply(loop)
    with _first_interrupt_asks(stop) as was_asked:
        result = loop.run_until_complete(main())
    if was_asked():
        raise KeyboardInterrupt
    return result


@contextmanager
def _first_interrupt_asks(stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Let a first Ctrl-C call ``stop`` and a second one raise; give a callable that tells whether one came.

    A KeyboardInterrupt raised inside a loop strikes whichever task is at work, perhaps between a POST and its id.
    """
    came = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        stop()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: came
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)


def _trusted_nest() -> Any:
    """Return nest_asyncio2 where it is good enough, else nest_asyncio where it does no harm, else None."""
    try:
        module = importlib.import_module("nest_asyncio2")
        if _version("nest_asyncio2") >= (1, 7, 3):
            return module
    except ImportError:
        pass
    kernel = _version("ipykernel") if "ipykernel" in sys.modules else (0,)
    if sys.version_info >= (3, 14) or kernel >= (7, 1):
        return None
    return importlib.import_module("nest_asyncio")


def _version(package: str) -> tuple[int, ...]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 10 ms to import

    try:
        parts = version(package).split(".")[:3]
    except PackageNotFoundError:
        return (0,)
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts)


def _plain_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose tasks are the interpreter's own, whatever nest_asyncio has put in their place."""
    loop: asyncio.AbstractEventLoop
    if sys.platform == "win32":
        loop = asyncio.ProactorEventLoop()
    else:
        loop = asyncio.SelectorEventLoop()
    try:
        task_class: Any = importlib.import_module("_asyncio").Task
    except (ImportError, AttributeError):
        return loop
    loop.set_task_factory(lambda loop, coro, **options: task_class(coro, loop=loop, **options))
    return loop


def _as_exception(error: BaseException) -> BaseException:
    """Return the error as it is raised again: that of a cancelled task would read as a cancelled future."""
    return KeyboardInterrupt() if isinstance(error, asyncio.CancelledError) else error


def _stop_all_at_exit() -> None:
    """At the interpreter's end: stop what runs in the background, and give it time to keep its ids."""
    for background in list(_RUNNING):
        if not background.is_done():
            background.stop()
            if not background.wait(10.0):
                warnings.warn("A samframe run was still at work when the interpreter ended.", stacklevel=1)


atexit.register(_stop_all_at_exit)
