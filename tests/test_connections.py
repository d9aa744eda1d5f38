"""The one place that opens databases: a connection is lent to one thread at a time, and to no forked child."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import samframe
from samframe.export.files.scratch import Scratch
from samframe.ground.connections import ConnectionPool, SharedConnection, open_connection

SOURCES = Path(samframe.__file__).parent


@pytest.fixture(params=["pool", "shared"])
def lend(request, tmp_path):
    """Take a connection of either kind for a ``with`` block."""
    if request.param == "pool":
        lender = ConnectionPool(tmp_path / "a.sqlite3")
        yield lender.lend
    else:
        lender = SharedConnection(tmp_path / "a.sqlite3")
        yield lambda: lender
    lender.close()


def in_thread(function):
    """Run a function in another thread and return its result, or raise its error."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result(timeout=60)


def read(pool):
    """Borrow a connection of a pool, read with it, and return it after it went back."""
    with pool.lend() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        return connection


def test_databases_are_opened_in_one_place():
    """No other module opens one: what is said here of connections holds for all of them."""
    opening = [path.name for path in SOURCES.rglob("*.py") if "sqlite3.connect(" in path.read_text("utf-8")]

    assert opening == ["connections.py"]


def test_an_own_connection_stays_in_its_thread(tmp_path):
    """sqlite3 itself refuses the others."""
    connection = open_connection(tmp_path / "a.sqlite3")

    with pytest.raises(sqlite3.ProgrammingError, match="thread"):
        in_thread(lambda: connection.execute("SELECT 1"))
    connection.close()


def test_a_lent_connection_refuses_other_threads(lend):
    """While it is lent, for statements and scripts alike."""
    with lend() as connection:
        for call in (connection.execute, connection.executescript):
            with pytest.raises(sqlite3.ProgrammingError, match="not lent"):
                in_thread(lambda call=call: call("SELECT 1"))

        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_went_back_is_of_no_use(lend):
    """Who keeps it after the block is told so, and does not meet its next holder in it."""
    with lend() as connection:
        pass

    with pytest.raises(sqlite3.ProgrammingError, match="not lent"):
        connection.execute("SELECT 1")


def test_a_shared_connection_may_be_taken_again(tmp_path):
    """By the thread that holds it; it goes back with the outer block."""
    shared = SharedConnection(tmp_path / "a.sqlite3")
    with shared as outer:
        with shared as inner:
            assert inner is outer
        assert outer.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(sqlite3.ProgrammingError, match="not lent"):
        outer.execute("SELECT 1")
    shared.close()


def test_a_pool_lends_so_many_and_no_more(tmp_path):
    """A third thread waits until one of two comes back."""
    pool = ConnectionPool(tmp_path / "a.sqlite3", most=2)
    with ThreadPoolExecutor(1) as threads:
        with pool.lend() as first:
            with pool.lend() as second:
                third = threads.submit(read, pool)
                with pytest.raises(TimeoutError):
                    third.result(timeout=0.1)
            assert third.result(timeout=60) is second
        assert first is not second
    pool.close()


def test_who_waits_for_a_pool_that_closes_is_told(tmp_path):
    """It does not wait for ever; a connection that is lent then is closed as it comes back."""
    pool = ConnectionPool(tmp_path / "a.sqlite3", most=1)
    with ThreadPoolExecutor(1) as threads, pool.lend() as connection:
        waiting = threads.submit(read, pool)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.1)
        pool.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            waiting.result(timeout=60)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(sqlite3.ProgrammingError, match="not lent"):
        connection.execute("SELECT 1")


def test_a_database_that_cannot_be_opened_takes_no_place(tmp_path):
    """A pool of one is asked three times: it fails three times, and works once the folder is there."""
    pool = ConnectionPool(tmp_path / "later" / "a.sqlite3", most=1)
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError), pool.lend():
            pass
    (tmp_path / "later").mkdir()

    with pool.lend() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    pool.close()


def test_nothing_is_left_open(tmp_path):
    """Threads that have ended leave no connection that Python 3.13 would warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        pool = ConnectionPool(tmp_path / "a.sqlite3")
        for _ in range(20):
            in_thread(lambda: read(pool))
        pool.close()
        gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused(lend):
    """Sqlite's locks do not cross a fork: the child gets no connection, the parent keeps its own."""
    with lend() as connection:
        connection.execute("CREATE TABLE t (x)")
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with lend():
                os.write(writable, b"lent")
        except sqlite3.ProgrammingError as error:
            os.write(writable, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(readable, 100)
    os.close(readable)
    os.close(writable)

    assert b"before a fork" in told
    with lend() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_threads_share_a_map_of_an_export():
    """Eight threads write and read one map, and another of the same database: every value is the one that was noted."""
    scratch = Scratch()
    maps = scratch.map(), scratch.map()
    meet = threading.Barrier(8)

    def work(number):
        meet.wait(timeout=60)
        for key in range(500):
            for found in maps:
                found[f"{number} {key}"] = key
        firsts = [maps[0].setdefault(f"common {key}", number) for key in range(500)]
        return firsts, [[found.get(f"{number} {key}") for key in range(500)] for found in maps]

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(work, range(8)))

    assert [values for _, values in done] == [[list(range(500))] * 2] * 8
    assert len({tuple(firsts) for firsts, _ in done}) == 1


def test_a_map_may_go_in_any_thread():
    """The last of an export's maps is forgotten in another thread than the one that made it."""
    holder = [Scratch().map()]
    holder[0]["a"] = 1

    in_thread(holder.clear)

    assert holder == []
