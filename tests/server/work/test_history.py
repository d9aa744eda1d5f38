"""The request history: rows, filters, pages, the lag, and whose they are."""

from __future__ import annotations

import pytest

HISTORY = "/inference-request/request-history"


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def rows(peer, **query):
    return peer.http.get(HISTORY, params=query).json()["data"]


def test_row_of_a_completed_job(make_peer, clock):
    """A row tells inputs as sent, outcome, cost and times."""
    peer = make_peer(clock=clock, price_usd=0.002)
    result = peer.run(image="data:image/png;base64,xx", prompt="nothing")
    result = peer.run(prompt="red car")
    row = rows(peer)[0]

    assert row["request_id"] == result["request_id"]
    assert (row["model_name"], row["model_status"]) == ("sam-v2-image", "COMPLETED")
    assert (row["credits_deduction"], row["generation_url"]) == (0.002, result["output"])
    assert (row["request_body"]["prompt"], row["request_body"]["overlay_mask"]) == ("red car", False)
    assert row["model_created"] == "2023-11-14T22:13:20.000Z"
    assert row["latency_ms"] >= 0
    assert "error" not in row


def test_rows_of_failed_and_pending_jobs(make_peer):
    """FAILED rows carry the error and cost nothing; PENDING ones have no file."""
    times = iter([0.0, 60.0])
    peer = make_peer(workers=1, latency_s=lambda: next(times))
    failed = peer.submit(prompt="nothing")
    peer.server.settle()
    pending = peer.submit()
    by_id = {row["request_id"]: row for row in rows(peer)}

    assert by_id[failed]["model_status"] == "FAILED"
    assert by_id[failed]["error"] == "Nothing in the image matches 'nothing'"
    assert by_id[failed]["credits_deduction"] == 0.0
    assert (by_id[pending]["model_status"], by_id[pending]["generation_url"]) == ("PENDING", None)
    assert by_id[pending]["latency_ms"] is None


def test_pages_are_newest_first(peer):
    """Pages cut the list from its newest row on and tell how many there are."""
    ids = [peer.submit() for _ in range(5)]
    answer = peer.http.get(HISTORY, params={"page": 2, "per_page": 2}).json()

    assert [row["request_id"] for row in answer["data"]] == [ids[2], ids[1]]
    assert (answer["page"], answer["per_page"], answer["total"], answer["total_pages"]) == (2, 2, 5, 3)


def test_filters(peer):
    """Rows can be asked for by status and by a part of the model's name."""
    done, failed = peer.submit(), peer.submit(prompt="nothing")
    peer.server.settle()

    assert [row["request_id"] for row in rows(peer, status="COMPLETED")] == [done]
    assert [row["request_id"] for row in rows(peer, status="FAILED", model_name="v2-im")] == [failed]
    assert rows(peer, model_name="flux") == []


def test_window_of_days(make_peer, clock):
    """Seven days by default; both ends of a window count."""
    peer = make_peer(clock=clock)
    request_id = peer.submit()
    clock.now += 8 * 86_400

    assert rows(peer) == []
    assert [r["request_id"] for r in rows(peer, from_date="2023-11-14", to_date="2023-11-14")] == [request_id]


@pytest.mark.parametrize(
    "query",
    [
        {"from_date": "2023-10-01", "to_date": "2023-11-14"},
        {"from_date": "2023-11-14", "to_date": "2023-11-13"},
        {"from_date": "14.11.2023"},
        {"per_page": 101},
        {"page": 0},
        {"page": "x"},
    ],
)
def test_bad_query_is_400(peer, query):
    """More than 31 days, more than 100 rows, or no numbers at all are refused."""
    assert peer.http.get(HISTORY, params=query).status_code == 400


def test_lag(make_peer, clock):
    """A job shows in the list and by its id only after the lag."""
    peer = make_peer(clock=clock, history_lag_s=30.0)
    request_id = peer.submit()
    early = (rows(peer), peer.http.get(f"{HISTORY}/{request_id}").status_code)
    clock.now += 30

    assert early == ([], 404)
    assert len(rows(peer)) == 1
    assert peer.http.get(f"{HISTORY}/{request_id}").json()["request_id"] == request_id


def test_other_accounts_see_nothing(peer):
    """A row belongs to the key that submitted it."""
    request_id = peer.submit()
    other = {"x-api-key": "SG_aaaaaaaaaaaaaaaa"}

    assert peer.http.get(HISTORY, headers=other).json()["data"] == []
    assert peer.http.get(f"{HISTORY}/{request_id}", headers=other).status_code == 404


def test_envelope_has_a_name_of_choice(make_peer):
    """No public source names the list, so that clients are tried with several."""
    answer = make_peer(history_key="requests").http.get(HISTORY).json()

    assert answer["requests"] == []
    assert "data" not in answer
