"""What a run tells about itself: the bill before, the bar during, the report and its figure after."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import samframe
from samframe import errors
from samframe.frame.call.display import _Bar
from samframe.jobs import Plan
from samframe.server import DrawnEngine, Fault, LocalServer, ServerConfig

KEY = "SG_feedfacecafebeef"


@pytest.fixture
def finished(tmp_path):
    """A run of twelve rows, two of which fail and one of which is in doubt, against a service with a balance."""
    config = ServerConfig(
        engine=DrawnEngine(refuse={"nothing"}), workers=4, latency_s=0.02, price_usd=0.002, credits_usd=5.0
    )
    images = [np.full((16, 16, 3), number, np.uint8) for number in range(12)]
    df = pd.DataFrame({"image": images, "prompt": ["nothing", "nothing", *(f"thing {i}" for i in range(10))]})
    with LocalServer(config) as server:
        server.script(Fault.DROP_ANSWER, after=5)
        client = samframe.Client(KEY, base_url=server.base_url)
        run = df.sam.start(client=client, store=tmp_path / "store", progress=False)
        run.result()
        yield run, server


def test_the_report_has_the_servers_own_figures(finished):
    """Rows by status, spending as an interval, requests by kind, quantiles of the server's times."""
    run, server = finished
    report = run.report()

    assert dict(report.by_status) == {"completed": 9, "failed": 2, "in_doubt": 1}
    assert (report.usd_low, report.usd_high) == pytest.approx((0.018, 0.020))
    assert sum(report.calls.values()) == server.counters.requests
    assert report.calls["submit"] == 12
    assert 0.01 < report.quantile("inference_times", 0.5) <= report.quantile("inference_times", 0.95)
    assert report.quantile("queue_times", 0.5) >= 0.0


def test_the_report_reads_as_text_and_as_a_table(finished):
    """The same lines in both, p50 and p95 among them."""
    run, _ = finished
    text, table = str(run.report()), run.report()._repr_html_()

    assert "rows completed" in text
    assert "p50" in text
    assert "p95" in text
    assert "$0.018 to $0.02 spent" in text
    assert table.count("<tr>") == len(text.splitlines())


def test_the_report_draws_a_figure(finished):
    """Three Axes: rows, requests, seconds; on a figure of one's own too."""
    run, _ = finished
    axes = run.report().plot()
    given = Figure()
    run.report().plot(figure=given)
    out = io.BytesIO()
    axes[0].figure.savefig(out)

    assert [one.get_xlabel() for one in axes] == ["rows", "requests", "seconds on the server"]
    assert len(given.axes) == 3
    assert out.getvalue().startswith(b"\x89PNG")
    assert "p95" in axes[2].get_legend().get_texts()[0].get_text()


def test_nothing_is_reported_before_the_images_are_read(tmp_path):
    """A report of a run that has no figures yet says so."""
    with samframe.offline() as client:
        run = pd.DataFrame({"image": [], "prompt": []}).sam.start(
            client=client, store=tmp_path, progress=False
        )
        run._work._session = None
        with pytest.raises(errors.OptionError, match="nothing to report"):
            run.report()
        run._background.wait(30)


def test_progress_tells_money_and_balance(finished, capsys):
    """The bar and the summary have what was spent and what is left."""
    run, _ = finished
    bar = _Bar(run.progress)
    bar.close(run.progress)
    shown = capsys.readouterr().err

    assert "$4.98 left" in run.progress.summary()
    assert "$4.98 left" in shown
    assert "$0.018 to $0.02" in shown


def test_a_plan_is_a_table():
    """Every line with its figure, the hard stop, and no markup out of a number."""
    plan = Plan(
        rows=1_000, duplicates=10, in_doubt=5, to_pay=900, price_usd=0.002, minutes=15.2, max_cost=1.0
    )
    text, table = str(plan), plan._repr_html_()

    assert "$1.80 to $1.81 ($0.002 a job)" in text
    assert "about 15 min" in text
    assert "$1.00, stops there" in text
    assert table.startswith("<table ")
    assert table.count("<tr>") == len(text.splitlines())


@pytest.mark.parametrize(("rate_limit", "minutes"), [(60, 2.0), (240, 0.5)])
def test_a_plan_tells_minutes_at_the_limit(tmp_path, rate_limit, minutes):
    """A hundred and twenty jobs at sixty a minute take two minutes, whatever the service could do besides."""
    df = pd.DataFrame({"image": [f"https://example.org/{i}.png" for i in range(120)], "prompt": "boy"})
    plan = df.sam.plan(client=samframe.Client(KEY), store=tmp_path, rate_limit=rate_limit)

    assert plan.minutes == pytest.approx(minutes, rel=0.2)
