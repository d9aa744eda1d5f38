"""``ddf.sam.segment`` with threads, processes and real clusters: the frame that pandas gives, each job paid once."""

from __future__ import annotations

import asyncio
import base64
import inspect
import pickle
import re
from pathlib import Path

import dask
import dask.dataframe as dd
import pandas as pd
import pytest
from distributed import Client, Nanny, Scheduler, SpecCluster

import samframe
from samframe.dask.call import make_call
from samframe.testing import sample_photo


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Assert that two results are equal; the row that an error names counts within its partition."""

    def without_number(frame):
        return frame.assign(
            error=frame["error"].map(lambda text: re.sub(r"^Row \d+: ", "", text), na_action="ignore")
        )

    pd.testing.assert_frame_equal(without_number(left), without_number(right))


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_equals_pandas_row_by_row(scheduler, options, make_frame, partitioned):
    """Duplicate index labels, empty partitions and rows that fail: the frame is the one that pandas gives."""
    frame = make_frame(60, 40)
    frame.iloc[7, 1] = "ghost"
    frame.iloc[11, 0] = "missing.png"
    ddf = partitioned(frame).sam.segment(**options)

    same(ddf.compute(scheduler=scheduler), frame.sam.segment(progress=False, **options))


def test_equals_pandas_on_a_cluster(client, service, options, make_frame, partitioned, paid):
    """On a cluster of processes too; equal rows in different partitions are paid once."""
    frame = make_frame(80, 50)
    out = partitioned(frame).sam.segment(**options).compute()

    assert paid(service) == {f"thing {number}": 1 for number in range(50)}
    same(out, frame.sam.segment(progress=False, **options))


def test_meta_is_exact(options, make_frame, partitioned):
    """Names, dtypes and index of the lazy frame are those of its result, and of every partition."""
    ddf = partitioned(make_frame(12)).sam.segment(details=True, columns={"mask": "cut"}, **options)
    parts = dask.compute(*ddf.to_delayed(), scheduler="threads")

    assert all(part.dtypes.equals(ddf.dtypes) and part.index.name == "id" for part in parts)
    assert [len(part) for part in parts] == [3, 3, 3, 3, 0, 0]


def test_divisions_projection_and_persist(service, options, make_frame):
    """Known divisions stay known, categories stay categories; projection, slices and persist give what pandas gives."""
    frame = make_frame(20).reset_index(drop=True).assign(kind=pd.Categorical(["a", "b"] * 10))
    ddf = dd.from_pandas(frame, npartitions=3)
    out = ddf.sam.segment(details=True, **options)
    expected = frame.sam.segment(details=True, progress=False, **options)
    kept = out.persist(scheduler="threads")

    assert out.divisions == ddf.divisions
    assert out.dtypes.equals(expected.dtypes)
    same(kept.compute(), expected)
    pd.testing.assert_series_equal(out["mask"].compute(scheduler="threads"), expected["mask"])
    assert len(out.loc[5:9].compute(scheduler="threads")) == 5
    assert service.counters.submits == 20


def test_nothing_is_sent_before_it_is_computed(service, options, make_frame, partitioned):
    """Building the graph sends nothing."""
    partitioned(make_frame()).sam.segment(**options)

    assert service.counters.requests == 0


def test_computing_again_costs_nothing(service, options, make_frame, partitioned):
    """Two computations of one result, and one of another call, pay once."""
    ddf = partitioned(make_frame(20))
    out = ddf.sam.segment(**options)
    for again in (out, out["mask"].sam.area.sum(), ddf.sam.segment(**options)):
        again.compute(scheduler="threads")

    assert service.counters.submits == 20


def test_max_cost_is_one_for_all_partitions(client, service, options, make_frame, partitioned):
    """Workers share one budget, to the job."""
    out = partitioned(make_frame(60)).sam.segment(max_cost=0.03, rate_limit=6000, **options).compute()

    assert service.counters.billed == 15
    assert (out["status"] == "completed").sum() == 15
    assert (out["status"] == "skipped").sum() == 45


def test_rate_limit_is_one_for_all_workers(client, serve, make_frame, partitioned, tmp_path):
    """Workers keep to the account's limit together: a stall apart, the service refuses nothing."""
    service = serve(rate_limit=20, rate_kind="token", rate_window_s=1.0)
    given = {"client": samframe.Client(base_url=service.base_url), "store": tmp_path}
    partitioned(make_frame(100, 100)).sam.segment(rate_limit=1200, **given).compute()

    assert service.counters.accepted == 100
    assert service.counters.refused_429 <= 5  # of 100
    assert service.post_times[-1] - service.post_times[0] >= 0.9 * 100 / 20


def data_uri(path: str) -> str:
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode()


async def host(client: samframe.Client, paths: list[str]) -> dict[str, str]:
    """Upload pictures and return their URLs, by path."""
    uris = list(map(data_uri, paths))
    async with client.connect() as api:
        return dict(zip(paths, await api.upload(uris), strict=True))


@pytest.mark.slow
def test_a_killed_worker_is_not_paid_for_twice(serve, make_frame, partitioned, paid, tmp_path):
    """Kill -9 of a worker that holds jobs: with consent for what never arrived all rows are stored, none paid twice."""
    service = serve(workers=32, latency_s=0.3)
    given = {"client": samframe.Client(base_url=service.base_url), "store": tmp_path, "rate_limit": 2400}
    frame = make_frame(200, 200)
    urls = asyncio.run(host(given["client"], sorted(set(frame["image"]))))
    frame["image"] = frame["image"].map(urls)
    workers = {
        number: {"cls": Nanny, "options": {"nthreads": 2, "memory_limit": None, "silence_logs": 50}}
        for number in range(2)
    }
    head = {
        "cls": Scheduler,
        "options": {"dashboard": False, "dashboard_address": ":0", "allowed_failures": 5},
    }
    with SpecCluster(workers=workers, scheduler=head, silence_logs=50) as cluster, Client(cluster) as client:
        ddf = partitioned(frame, 8)
        future = client.compute(ddf.sam.segment(**given))
        while service.counters.accepted < 60:
            assert not future.done()
        next(iter(cluster.workers.values())).process.process._process.kill()
        first = future.result(timeout=90)
        again = ddf.sam.segment(**given).compute()
        never_arrived = again["status"] == "in_doubt"
        accepted = service.counters.accepted
        last = ddf.sam.segment(retry="in_doubt", **given).compute()

    assert (first["status"] == "in_doubt").sum() <= 2 * 4  # the POSTs of its two threads
    assert (again["status"] == "completed").sum() == accepted == 200 - never_arrived.sum()
    assert (last["status"] == "completed").all()
    assert paid(service) == {f"thing {number}": 1 for number in range(200)}


def test_the_machine_of_the_ledger_segments(two_machines, serve, make_frame, partitioned, tmp_path):
    """With workers on two machines one must be named; its workers then segment what the others load."""
    service = serve()
    given = {"client": samframe.Client(base_url=service.base_url), "store": tmp_path}
    ddf = partitioned(make_frame(40))
    with pytest.raises(samframe.OptionError, match="2 machines"):
        ddf.sam.segment(**given).compute()
    sent_before = service.counters.requests
    with (
        dask.config.set({"samframe.ledger-host": "127.0.0.9"}),
        pytest.raises(samframe.OptionError, match="no"),
    ):
        ddf.sam.segment(**given).compute()
    with dask.config.set({"samframe.ledger-host": "127.0.0.2"}):
        out = ddf.sam.segment(**given).compute()

    assert sent_before == 0
    assert (out["status"] == "completed").all()
    assert service.counters.accepted == 40


def test_the_key_does_not_travel(options, make_frame, partitioned):
    """Neither the graph nor its names hold the API key."""
    call = make_call("image", "prompt", options, run="x")
    ddf = partitioned(make_frame(4)).sam.segment(**options)

    assert b"SG_0123456789abcdef" not in pickle.dumps(call)
    assert "SG_0123456789abcdef" not in repr(ddf.dask)


def test_a_worker_without_a_key_is_told_what_to_do(options, make_frame, partitioned, monkeypatch):
    """Where the workers' environment has no key, the error names the variable, and nothing is sent."""
    ddf = partitioned(make_frame(4)).sam.segment(**options)
    monkeypatch.delenv("SEGMIND_API_KEY")

    with pytest.raises(samframe.AuthenticationError, match="SEGMIND_API_KEY"):
        ddf.compute(scheduler="processes")


def test_plan_counts_equal_rows_once(options, make_frame, partitioned):
    """The bill of all partitions is the bill of the frame."""
    frame = make_frame(60, 40)
    frame.iloc[3, 1] = None
    given = {**options, "rate_limit": 600, "max_cost": 1.0}
    ddf = partitioned(frame)
    before = ddf.sam.plan(**given), frame.sam.plan(**given)
    frame.iloc[:10].sam.segment(progress=False, **options)
    after = ddf.sam.plan(**given), frame.sam.plan(**given)

    assert before[0] == before[1]
    assert after[0] == after[1]
    assert [plan.to_pay for plan, _ in (before, after)] == [40, 31]


def test_signature_is_that_of_pandas():
    """``ddf.sam.segment`` shows the options of ``df.sam.segment``."""
    assert inspect.signature(samframe.dask.DaskFrameSam.segment) == inspect.signature(
        samframe.frame.FrameSam.segment
    ).replace(return_annotation=inspect.signature(samframe.dask.DaskFrameSam.segment).return_annotation)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [({"image_col": "no"}, "no column 'no'"), ({"bridge": "nest"}, "bridge"), ({"retry": "all"}, "retry")],
)
def test_wrong_options_are_refused_before_anything_is_computed(
    options, make_frame, partitioned, wrong, match
):
    """A wrong option raises where it is written, not on a worker."""
    with pytest.raises(samframe.OptionError, match=match):
        partitioned(make_frame(4)).sam.segment(**{**options, **wrong})


def test_offline_client_on_a_cluster(client):
    """The offline client works on a cluster: the workers use the one server."""
    frame = pd.DataFrame({"image": [str(sample_photo("coffee"))] * 4, "at": [(260, 190)] * 4})
    with samframe.offline() as offline:
        out = dd.from_pandas(frame, npartitions=2).sam.segment(
            "image", None, coordinates_col="at", client=offline
        )
        assert (out.compute()["status"] == "completed").all()
