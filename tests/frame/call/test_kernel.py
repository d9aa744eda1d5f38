"""A real ipykernel: the notebook's Stop, cells queued behind it, and a run that goes on by itself."""

from __future__ import annotations

import textwrap
import time

import pytest
from jupyter_client.manager import KernelManager

from samframe.jobs import Ledger
from samframe.server import DrawnEngine, LocalServer, ServerConfig

SETUP = """
import numpy as np, pandas as pd, samframe
images = [np.full((16, 16, 3), number % 251, dtype=np.uint8) for number in range(400)]
df = pd.DataFrame({{"image": images, "prompt": [f"thing {{number}}" for number in range(400)]}})
client = samframe.Client("SG_0123456789abcdef", base_url={url!r})
options = dict(client=client, store={store!r}, progress=False)
"""


class Kernel:
    """A kernel and what is asked of it."""

    def __init__(self) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, *, timeout_s: float = 60) -> str:
        """Execute a cell and return what it shows; the error's name and text where it raises."""
        seen: list[str] = []
        reply = self.client.execute_interactive(
            textwrap.dedent(code), timeout=timeout_s, output_hook=lambda message: seen.append(_text(message))
        )
        content = reply["content"]
        if content["status"] == "error":
            return f"{content['ename']}: {content['evalue']}"
        return "".join(seen)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def interrupt(kernel, code, server):
    """Execute a cell, press Stop once the server has taken jobs of it, and return the reply."""
    before = server.counters.accepted
    message = kernel.client.execute(code)
    deadline = time.monotonic() + 60
    while server.counters.accepted < before + 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=60)
    while reply["parent_header"].get("msg_id") != message:
        reply = kernel.client.get_shell_msg(timeout=60)
    return reply["content"]


def _text(message) -> str:
    content = message["content"]
    shown = content.get("data", {})
    return content.get("text") or shown.get("text/html") or shown.get("text/plain") or ""


@pytest.fixture
def kernel():
    """A kernel of its own."""
    running = Kernel()
    yield running
    running.close()


@pytest.fixture
def server():
    """A service with eight workers."""
    with LocalServer(
        ServerConfig(engine=DrawnEngine(variants=8), workers=8, latency_s=0.1, price_usd=0.002)
    ) as running:
        yield running


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_stop_sends_nothing_more_and_loses_no_id(kernel, server, tmp_path):
    """Five times Stop during a run: no POST follows, every id is in the ledger, the rows so far are there."""
    kernel.run(SETUP.format(url=server.base_url, store=str(tmp_path)))
    for attempt in range(5):
        rows = f"df.iloc[{80 * attempt}:{80 * attempt + 80}]"
        stopped = interrupt(kernel, f"{rows}.sam.segment(**options)", server)
        submits = server.counters.submits
        time.sleep(0.4)

        assert stopped["ename"] == "KeyboardInterrupt"
        assert "rows stored" in stopped["evalue"]
        assert server.counters.submits == submits
    rows = kernel.run("len(samframe.last_run().frame)")
    with Ledger(tmp_path) as ledger:
        unknown = [job for job in server.jobs if not ledger.knows_request(job.request_id)]

    assert rows == "80"
    assert unknown == []
    assert server.counters.accepted > 0


@pytest.mark.filterwarnings("ignore")
def test_stop_ends_a_run_on_the_kernels_own_loop(kernel, server, tmp_path):
    """bridge="nest": Stop is asked for, not thrown into the loop; no POST follows and every id is in the ledger."""
    kernel.run(SETUP.format(url=server.base_url, store=str(tmp_path)))
    stopped = interrupt(kernel, "df.sam.segment(bridge='nest', **options)", server)
    submits = server.counters.submits
    time.sleep(0.5)
    done = kernel.run(
        "print((samframe.last_run().frame['status'] == 'completed').sum(), samframe.last_run().is_done)"
    )
    with Ledger(tmp_path) as ledger:
        unknown = [job for job in server.jobs if not ledger.knows_request(job.request_id)]

    assert stopped["ename"] == "KeyboardInterrupt"
    assert "rows stored" in stopped["evalue"]
    assert server.counters.submits == submits
    assert unknown == []
    assert done.strip().endswith("True")


@pytest.mark.filterwarnings("ignore")
def test_a_cell_works_inside_the_kernels_running_loop(kernel, server, tmp_path):
    """Segment blocks in a cell although the kernel's loop runs; await and start work in the next ones."""
    kernel.run(SETUP.format(url=server.base_url, store=str(tmp_path)))

    blocking = kernel.run("print((df.head(8).sam.segment(**options)['status'] == 'completed').sum())")
    awaited = kernel.run("print((await df.head(16).sam.asegment(**options))['mask'].notna().sum())")
    started = kernel.run(
        """
        run = df.head(24).sam.start(**options)
        print(run.is_done, (run.result()["status"] == "completed").sum())
        """
    )

    assert blocking.strip() == "8"
    assert awaited.strip() == "16"
    assert started.strip() == "False 24"
    assert server.counters.accepted == 24


@pytest.mark.filterwarnings("ignore")
def test_the_panel_is_live_and_leaves_one_line(kernel, server, tmp_path):
    """progress="widget" in a kernel opens a panel and leaves a summary of one line."""
    kernel.run(SETUP.format(url=server.base_url, store=str(tmp_path)))

    shown = kernel.run("out = df.head(8).sam.segment(**options | dict(progress='widget'))")

    assert "IntProgress" in shown
    assert "8 of 8 rows: 8 completed" in shown
    assert server.counters.accepted == 8


@pytest.mark.filterwarnings("ignore")
def test_a_run_of_start_ends_in_a_line_where_it_is_waited_for(kernel, server, tmp_path):
    """Without a browser nothing that comes after the cell of start() is kept: the cell that waits shows the end."""
    kernel.run(SETUP.format(url=server.base_url, store=str(tmp_path)))

    kernel.run("run = df.head(8).sam.start(**options | dict(progress='widget')); None")
    shown = kernel.run("out = run.result()")
    again = kernel.run("out = run.result()")
    same = kernel.run("out = df.head(8).sam.start(**options | dict(progress='widget')).result()")

    assert shown.count("8 of 8 rows: 8 completed") >= 1
    assert "mathjax_ignore" in shown
    assert "8 completed" in again
    assert same.count("8 of 8 rows: 8 completed") <= 2
