"""A job's life: the queue, service times, expiry, and what is dropped when there is too much."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from samframe.server import DrawnEngine, lognormal
from samframe.server.work.jobs import FileShelf


def test_one_worker_runs_jobs_in_order(make_peer):
    """First come, first served: with one worker each job starts when the one before ends."""
    peer = make_peer(workers=1, latency_s=0.03)
    for _ in range(4):
        peer.submit()
    peer.server.settle()
    jobs = peer.server.jobs

    assert all(later.started_s >= earlier.finished_s for earlier, later in pairwise(jobs))


def test_queue_time_grows_with_the_place_in_the_queue(make_peer):
    """The n-th job waits for n - 1 service times, and its metrics say so."""
    peer = make_peer(workers=1, latency_s=0.05)
    ids = [peer.submit() for _ in range(3)]
    peer.server.settle()
    metrics = [peer.result(request_id).json()["metrics"] for request_id in ids]

    assert metrics[2]["queue_time"] > metrics[1]["queue_time"] > metrics[0]["queue_time"]
    assert all(m["inference_time"] > 0.049 for m in metrics)  # how much more is the machine's affair
    assert all(
        m["total_time"] == pytest.approx(m["queue_time"] + m["inference_time"], abs=1e-3) for m in metrics
    )


def test_workers_run_side_by_side(make_peer):
    """Four workers hold four jobs at the same time."""
    peer = make_peer(workers=4, latency_s=0.3)
    for _ in range(4):
        peer.submit()
    peer.server.settle()

    assert max(job.started_s for job in peer.server.jobs) < min(job.finished_s for job in peer.server.jobs)


def test_states_on_the_way(make_peer):
    """A job is QUEUED behind a full pool, then PROCESSING; the result route tells the same before the end."""
    peer = make_peer(workers=1, latency_s=5.0)
    first, second = peer.submit(), peer.submit()

    assert peer.status(second).json()["status"] == "QUEUED"
    assert peer.status(first).json()["status"] == "PROCESSING"
    assert peer.result(first).json()["status"] == "PROCESSING"
    assert peer.status(first).json()["metrics"] == {}


def test_early_result_may_be_refused(make_peer):
    """Whether the result route tells a status is unknown, so that it may also refuse."""
    peer = make_peer(latency_s=5.0, early_result="refuse")

    assert peer.result(peer.submit()).status_code == 400


def test_service_times_are_drawn_in_order_of_submission(make_peer):
    """A replay of the queue can be computed from the same source."""
    peer = make_peer(workers=2, latency_s=lognormal(0.01, seed=3))
    for _ in range(5):
        peer.submit()
    peer.server.settle()
    again = lognormal(0.01, seed=3)

    assert [job.service_s for job in peer.server.jobs] == [again() for _ in range(5)]


def test_lognormal_has_its_median():
    """The median of many draws is the one asked for."""
    draw = lognormal(1.7, sigma=0.5, seed=1)

    assert statistics.median(draw() for _ in range(4_000)) == pytest.approx(1.7, rel=0.05)


def test_record_expires_and_the_history_keeps_it(make_peer):
    """After the hour an id is unknown to both routes; the history and the file outlive it."""
    now = [1_700_000_000.0]
    peer = make_peer(clock=lambda: now[0])
    result = peer.run()
    now[0] += 3600
    row = peer.http.get(f"/inference-request/request-history/{result['request_id']}").json()

    assert [peer.status(result["request_id"]).status_code, peer.result(result["request_id"]).status_code] == [
        404,
        404,
    ]
    assert row["generation_url"] == result["output"]
    assert peer.http.get(result["output"]).status_code == 200


def test_record_can_be_expired_at_will(peer):
    """A test lets one record, or all, expire without a clock."""
    first, second, third = peer.submit(), peer.submit(), peer.submit()
    peer.server.settle()
    peer.server.expire(second)
    before = [peer.status(request_id).status_code for request_id in (first, second, third)]
    peer.server.expire()

    assert before == [200, 404, 200]
    assert peer.status(first).status_code == 404


def test_output_goes_after_seven_days(make_peer):
    """An old file is a 404."""
    now = [1_700_000_000.0]
    peer = make_peer(clock=lambda: now[0])
    result = peer.run()
    now[0] += 7 * 86_400

    assert peer.http.get(result["output"]).status_code == 404


def test_oldest_finished_records_are_dropped(make_peer):
    """Memory is bounded: beyond the cap the oldest jobs go, and running ones stay."""
    peer = make_peer(max_records=3)
    ids = []
    for _ in range(5):
        ids.append(peer.submit())
        peer.server.settle()

    assert [job.request_id for job in peer.server.jobs] == ids[2:]
    assert peer.status(ids[0]).status_code == 404


def test_running_jobs_are_not_dropped(make_peer):
    """A cap smaller than the queue loses nothing that was accepted and is still to run."""
    peer = make_peer(max_records=1, workers=1, latency_s=2.0)
    for _ in range(4):
        peer.submit()

    assert len(peer.server.jobs) >= 3


def test_shelf_drops_the_oldest_beyond_its_room():
    """Files up to a number of bytes are kept."""
    shelf = FileShelf(max_bytes=10, ttl_s=60.0)
    for name in "abc":
        shelf.put(name, b"12345", now=0.0)

    assert [shelf.get(name, now=0.0) is not None for name in "abc"] == [False, True, True]
    assert shelf.used_bytes == 10


def test_shelf_drops_what_is_too_old():
    """A file is gone at its age, and its bytes with the next file."""
    shelf = FileShelf(max_bytes=100, ttl_s=60.0)
    shelf.put("a", b"1", now=0.0)
    gone = shelf.get("a", now=60.0)
    shelf.put("b", b"22", now=60.0)

    assert gone is None
    assert shelf.used_bytes == 2


def test_shelf_counts_a_repeated_name_once():
    """A file that is put again takes the place of the first, and the age of the last."""
    shelf = FileShelf(max_bytes=10, ttl_s=60.0)
    shelf.put("a", b"12345", now=0.0)
    shelf.put("b", b"1234", now=30.0)
    shelf.put("a", b"123456", now=40.0)
    shelf.put("c", b"", now=65.0)

    assert [shelf.get(name, now=65.0) for name in "abc"] == [b"123456", b"1234", b""]
    assert shelf.used_bytes == 10


def test_images_are_not_kept_after_their_job(make_peer, picture):
    """A finished job keeps the beginning of a long base64 text, so that 50,000 records fit."""
    peer = make_peer()
    peer.photo = picture((200, 200))
    peer.run()
    row = peer.http.get("/inference-request/request-history").json()["data"][0]

    assert len(row["request_body"]["image"]) < 200


def test_broken_engine_fails_the_job_and_not_the_server(make_peer, caplog):
    """An engine's bug is a FAILED job and a logged trace; the next job runs."""

    class Broken:
        def segment(self, rgb, *, prompt=None, points=(), remove_points=()):
            raise ZeroDivisionError("oops")

    peer = make_peer(engine=Broken())
    errors = []
    for _ in range(3):
        request_id = peer.submit()
        peer.server.settle()
        errors.append(peer.status(request_id).json()["error"])

    assert errors == ["Internal error of the engine: ZeroDivisionError('oops')"] * 3
    assert "ZeroDivisionError" in caplog.text


def test_engine_is_given_pixels_prompt_and_points(make_peer, picture):
    """An engine sees the image as stored and the parameters as numbers."""
    seen = []

    class Watching:
        name = "watching/1"

        def segment(self, rgb, *, prompt=None, points=(), remove_points=()):
            seen.append((rgb.shape, str(rgb.dtype), prompt, points, remove_points))
            return DrawnEngine().segment(rgb, prompt=prompt, points=points, remove_points=remove_points)

    peer = make_peer(engine=Watching())
    result = peer.run(prompt=None, coordinates="[[3,4]]", remove_coordinates="[5,6]")

    assert seen == [((48, 64, 3), "uint8", None, ((3.0, 4.0),), ((5.0, 6.0),))]
    assert result["engine"] == "watching/1"
