"""Rows with known truth, a service that bills, and real Dask clusters."""

from __future__ import annotations

import collections
import itertools

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, Nanny, Scheduler, SpecCluster
from PIL import Image

import samframe
import samframe.dask
from samframe.server import DrawnEngine, LocalServer, ServerConfig

KEY = "SG_0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def workers_key():
    """Workers take the key from their environment; columns of objects stay what they are."""
    with pytest.MonkeyPatch.context() as patch, dask.config.set({"dataframe.convert-string": False}):
        patch.setenv("SEGMIND_API_KEY", KEY)
        yield


@pytest.fixture
def serve():
    """Start a service with eight workers that bills, with further options of the test's."""
    servers = []

    def start(**options):
        given = {"workers": 8, "latency_s": 0.05, **options}
        config = ServerConfig(
            engine=DrawnEngine(variants=8, refuse={"ghost"}), price_usd=0.002, api_key=KEY, **given
        )
        servers.append(LocalServer(config).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def service(serve):
    return serve()


@pytest.fixture
def options(service, tmp_path):
    """Where a call goes, and where it keeps what it paid for."""
    return {"client": samframe.Client(base_url=service.base_url), "store": tmp_path / "store"}


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for shade in range(20):
        Image.fromarray(np.full((16, 16, 3), 10 * shade, np.uint8)).save(folder / f"{shade}.png")
    return folder


@pytest.fixture
def make_frame(photos):
    """Return a maker of frames: so many rows, of so many distinct ones, with duplicate index labels."""

    def make(rows=60, distinct=60):
        numbers = [number % distinct for number in range(rows)]
        return pd.DataFrame(
            {
                "image": [str(photos / f"{number % 20}.png") for number in numbers],
                "prompt": [f"thing {number}" for number in numbers],
            },
            index=pd.Index([number // 2 for number in range(rows)], name="id"),
        )

    return make


@pytest.fixture
def partitioned():
    """Split a frame into partitions, the last two of them empty."""

    def split(frame, parts=4):
        cuts = np.linspace(0, len(frame), parts + 1, dtype=int)
        pieces = [frame.iloc[a:b] for a, b in itertools.pairwise(cuts)]
        return dd.from_map(
            lambda piece: piece, [*pieces, frame.iloc[:0], frame.iloc[:0]], meta=frame.iloc[:0]
        )

    return split


@pytest.fixture(scope="module")
def cluster(workers_key):
    """A real cluster: two processes with two threads each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs=50, memory_limit=None
    ) as local:
        yield local


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        yield client


@pytest.fixture
def two_machines(workers_key):
    """A client of a cluster with a worker on each of two addresses, 127.0.0.1 and 127.0.0.2."""
    quiet = {"nthreads": 1, "memory_limit": None, "silence_logs": 50}
    workers = {
        number: {"cls": Nanny, "options": {"host": f"127.0.0.{number + 1}", **quiet}} for number in range(2)
    }
    head = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False, "dashboard_address": ":0"}}
    with SpecCluster(workers=workers, scheduler=head, silence_logs=50) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def paid():
    """Count how often each job of a service was accepted; each distinct row has a prompt of its own."""
    return lambda service: collections.Counter(job.prompt for job in service.jobs)
