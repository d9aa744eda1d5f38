"""``samframe check``: one job, one report, and nothing without a yes."""

from __future__ import annotations

import json

import pytest

from samframe.ground.service_report import read_report
from samframe.server import LocalServer, OutputForm, ServerConfig, options_like

KEY = "SG_0123456789abcdef"


@pytest.fixture
def serve(monkeypatch):
    """Serve with options of ServerConfig."""
    servers = []

    def start(**options):
        server = LocalServer(ServerConfig(price_usd=0.002, credits_usd=1.0, **options))
        server.start()
        servers.append(server)
        monkeypatch.setenv("SEGMIND_BASE_URL", server.base_url)
        monkeypatch.setenv("SEGMIND_API_KEY", KEY)
        return server

    yield start
    for server in servers:
        server.stop()


def test_nothing_is_sent_without_a_yes(serve, samframe, tmp_path):
    """The price is shown, and the exit status says so."""
    server = serve()

    ran = samframe("check", "--store", tmp_path / "store")

    assert ran.status == 2
    assert "$0.002" in ran.err
    assert "nothing was sent" in ran.err
    assert server.counters.accepted == 0


def test_a_check_is_paid_once_and_tells_no_secret(serve, samframe, tmp_path):
    """The second costs nothing; the JSON has neither key nor id nor path nor balance."""
    server = serve(answer_headers={"x-ratelimit-limit": "60", "x-echo": KEY})
    path = tmp_path / "report.json"

    first = samframe("check", "--yes", "--store", tmp_path / "store", "--json", path)
    text = path.read_text()
    second = samframe("check", "--yes", "--store", tmp_path / "store")
    report = json.loads(text)

    assert (first.status, second.status) == (0, 0)
    assert server.counters.accepted == 1
    assert (report["output"]["kind"], report["id_form"], report["n_sent"]) == ("mask", "uuid", 1)
    assert (report["bill_usd"], report["balance_fell_usd"]) == (0.002, 0.002)
    assert (report["history"], report["upload"]) == ("answers", "answers")
    assert report["rate_headers"] == {"x-ratelimit-limit": "60"}
    assert not any(secret in text for secret in (KEY, str(tmp_path), "http", "balance_usd"))


@pytest.mark.parametrize("style", ["cut-out", "coloured", "soft", "overlay"])
def test_a_mask_that_cannot_be_read_is_reported(serve, samframe, tmp_path, style):
    """What came back is told and kept."""
    serve(output=OutputForm(style=style))

    ran = samframe("check", "--yes", "--store", tmp_path / "store")

    assert ran.status == 1
    assert "unread" in ran.out
    assert f"{style}: PNG" in ran.out
    assert "kept" in ran.out


FORMS = {
    "grey": {},
    "palette": {"output": OutputForm(mode="P", high=1)},
    "jpeg": {"output": OutputForm(file_format="JPEG"), "id_form": "letters:3_hex:24"},
    "cut-out": {"output": OutputForm(style="cut-out"), "omit": frozenset({"images"})},
    "base64": {"output": OutputForm(always_inline=True), "closed": frozenset({"history", "history_item"})},
    "letterbox": {"output": OutputForm(style="overlay", size_hw=(640, 640), letterbox=True)},
}


@pytest.mark.parametrize("name", FORMS)
def test_a_server_like_a_report_gives_the_same_report(serve, samframe, tmp_path, name):
    """Check, serve like it, check again: the same facts."""
    reports = []
    options = FORMS[name]
    for number in range(2):
        serve(**options)
        path = tmp_path / f"{number}.json"
        samframe("check", "--yes", "--store", tmp_path / f"store{number}", "--json", path)
        reports.append(read_report(path))
        options = {**options_like(reports[0])}
        options.pop("price_usd")
    first, second = reports

    for fact in ("status", "output", "readers", "delivery", "id_form", "result_fields", "metrics", "history"):
        assert getattr(second, fact) == getattr(first, fact), fact
