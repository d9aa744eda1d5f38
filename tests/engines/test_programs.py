"""Frames segmented by a local SAM: through the programs as a user starts them, and through ``samframe.local()``."""

import io
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from pictures import png
from PIL import Image

torch = pytest.importorskip("torch")

import samframe  # noqa: E402 - after the skip

KEY = "SG_0123456789abcdef"
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_kill_9_of_the_server_in_mid_run(sam2, photo, tmp_path):
    """No row is lost in silence: it is collected, or told as running, in doubt or lost; a restart goes on."""
    frame = _frame(photo, tmp_path, n_images=6)
    server, base_url = _serve_command(sam2[0])
    client = samframe.Client(KEY, base_url=base_url)
    options = {"coordinates_col": "at", "client": client, "store": tmp_path / "store", "progress": False}
    try:
        run = samframe.start(frame, "image", None, **options)
        deadline = time.monotonic() + 60
        while _n_completed(run) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        server.send_signal(signal.SIGKILL)
        run.stop()
        first = _frame_of(run)
    finally:
        _end(server)
    told = first["status"].value_counts().to_dict()
    assert told.get("completed", 0) >= 3
    assert told.keys() <= {
        "completed",
        "in_doubt",
        "running",
        "cancelled",
        "lost",
        "unread",
        "failed",
        "skipped",
    }
    assert first.loc[first["status"] != "completed", "error"].notna().all()

    server, _ = _serve_command(sam2[0], port=int(base_url.rsplit(":", 1)[1]))
    try:
        # A job that the new server does not know is looked for while it is young, then told as lost, then sent again.
        for _ in range(8):
            out = samframe.segment(frame, "image", None, **options, retry=["in_doubt", "lost", "failed"])
            if out["status"].isin(["completed", "unread"]).all():
                break
        # One that was done and whose file went with the old server might come back: only refresh= pays for it again.
        gone = out["status"].eq("unread")
        assert out.loc[gone, "error"].str.contains("HTTP 404").all(), out.loc[gone, "error"].tolist()
        if gone.any():
            anew = samframe.segment(frame[gone], "image", None, **options, refresh=True)
            out.loc[gone, ["mask", "status", "error"]] = anew[["mask", "status", "error"]]
    finally:
        _end(server)

    assert out["status"].eq("completed").all(), out[["status", "error"]].to_dict("records")
    done = first["status"].eq("completed")
    assert all(
        np.array_equal(one.to_numpy(), two.to_numpy())
        for one, two in zip(first["mask"][done], out["mask"][done], strict=True)
    )


def test_serve_loads_before_it_binds_and_tells_its_engine(sam2):
    """Progress on stderr, then the banner; on another address only with a key; SIGTERM ends it."""
    server, base_url = _serve_command(sam2[0])
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base_url)
        assert "sam2/hiera@" in server.banner
        assert "a Segment Anything model, on cpu" in server.banner
        assert "licence: Apache-2.0" in server.banner
        assert "NOT SAM 2" not in server.banner
        answer = httpx.get(
            f"{base_url}/v1/get-user-credits", headers={"x-api-key": KEY}, verify=NO_CERTIFICATES
        )
        assert answer.status_code == 200
    finally:
        server.terminate()
        _, told = server.communicate(timeout=30)
    assert "samframe: Loading" in told
    assert "samframe: Warming up" in told


def test_serve_and_segment_refuse_options_that_do_not_fit(sam2, tmp_path):
    """An option of a model without a model, a model without weights, two services at once."""
    from samframe.cli import main

    table = tmp_path / "t.csv"
    table.write_text('image,at\na.png,"[1,2]"\n')
    cases = [
        (["serve", "--engine", "sam"], "--engine sam needs --weights"),
        (["serve", "--weights", "x/y"], "--weights goes with --engine sam"),
        (["serve", "--device", "cpu"], "--device goes with --engine sam"),
        (
            ["segment", str(table), "--out", str(tmp_path / "o"), "--coordinates", "at", "--text", "a/b"],
            "--text goes with --local",
        ),
        (
            [
                "segment",
                str(table),
                "--coordinates",
                "at",
                "--out",
                "o",
                "--local",
                str(sam2[0]),
                "--offline",
            ],
            "exclude each other",
        ),
    ]
    for arguments, words in cases:
        told = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", told)
            assert main(arguments) == 2
        assert words in told.getvalue()


def test_segment_command_with_a_local_model(sam2, photo, tmp_path):
    """A table of clicks in, a Parquet file out, no key; the engine's name goes with the rows."""
    from samframe.cli import main

    (tmp_path / "a.png").write_bytes(png(photo()))
    (tmp_path / "clicks.csv").write_text('image,at\na.png,"[60,40]"\n')
    out = tmp_path / "masks.parquet"

    code = main(
        ["segment", str(tmp_path / "clicks.csv"), "--coordinates", "at", "--out", str(out), "--quiet", "--details",
         "--local", str(sam2[0]), "--device", "cpu", "--store", str(tmp_path / "store")]
    )  # fmt: skip

    frame = samframe.read_parquet(out)
    assert code == 0
    assert frame["status"].tolist() == ["completed"]
    assert frame["engine"][0].startswith("sam2/hiera@")


def test_masks_of_a_local_sam_are_fit_for_training(sam2, photo, tmp_path):
    """Exports warn of the offline engine's masks, not of these; the client tells both facts."""
    frame = _frame(photo, tmp_path, n_images=2)
    with samframe.local(sam2[0], device="cpu") as client:
        facts = (client.is_free, client.is_sam, client.is_offline)
        out = samframe.segment(
            frame,
            "image",
            None,
            coordinates_col="at",
            client=client,
            store=tmp_path / "store",
            progress=False,
        )
        report = samframe.to_coco(out.assign(prompt="thing"), tmp_path / "coco")
        words = repr(client)

    assert facts == (True, True, False)
    assert not any("not SAM 2" in warning for warning in report.warnings)
    assert "not SAM 2" not in words
    with samframe.offline() as toy:
        assert (toy.is_free, toy.is_sam, toy.is_offline) == (True, False, True)
    hosted = samframe.Client(KEY)
    assert (hosted.is_free, hosted.is_sam, hosted.is_offline) == (False, True, False)


def test_a_run_over_prompts_by_column_encodes_each_image_once(sam2, photo, tmp_path):
    """Rows in the order point by point, a cache for one image: jobs about an image go together all the same."""
    images = []
    for seed in range(6):
        path = tmp_path / f"{seed}.png"
        path.write_bytes(png(photo((60, 80), seed=seed)))
        images.append(str(path))
    frame = pd.DataFrame([{"image": image, "at": (10 * n, 30)} for n in range(5) for image in images])

    with samframe.local(sam2[0], device="cpu", cache_mb=1) as client:
        out = samframe.segment(
            frame,
            "image",
            None,
            coordinates_col="at",
            client=client,
            store=tmp_path / "store",
            progress=False,
        )
        encodes = client._engine.n_encodes

    assert out["status"].eq("completed").all()
    assert encodes == len(images)


def test_a_vast_image_in_a_frame_is_told_in_its_row(sam2, photo, tmp_path):
    """``samframe.segment`` sends no such image, and the other rows go on."""
    with Image.new("1", (20_000, 20_000)) as vast:
        vast.save(tmp_path / "vast.png")
    (tmp_path / "good.png").write_bytes(png(photo()))
    frame = pd.DataFrame(
        {"image": [str(tmp_path / name) for name in ("vast.png", "good.png")], "at": [(9, 9)] * 2}
    )

    with samframe.local(sam2[0], device="cpu") as client:
        out = samframe.segment(
            frame,
            "image",
            None,
            coordinates_col="at",
            client=client,
            store=tmp_path / "store",
            progress=False,
        )

    assert out["status"].tolist() == ["failed", "completed"]
    assert "20000" in out["error"][0].replace(",", "").replace(" ", "")


def _frame(photo, folder, *, n_images):
    rows = []
    for seed in range(n_images):
        path = folder / f"image-{seed}.png"
        path.write_bytes(png(photo((300, 400), seed=seed)))
        rows += [{"image": str(path), "at": (40 * n + 20, 100)} for n in range(5)]
    return pd.DataFrame(rows)


def _n_completed(run):
    frame = run.frame
    return 0 if frame is None or "status" not in frame else int(frame["status"].eq("completed").sum())


def _end(server):
    server.kill()
    server.communicate(timeout=20)


def _frame_of(run):
    try:
        return run.result()
    except samframe.SamframeError as error:
        return error.frame if error.frame is not None else run.frame


def _serve_command(folder, *, port=0):
    """Start ``samframe serve --engine sam`` as a user does; return its process and address."""
    here = Path(__file__).parent
    code = (
        "import tiny_models; tiny_models.stub_torchvision_operators()\n"
        "import sys; from samframe.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    root = str(here.parents[1])
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), root, str(here)]))
    command = [
        sys.executable,
        "-c",
        code,
        "serve",
        "--engine",
        "sam",
        "--weights",
        str(folder),
        "--device",
        "cpu",
    ]
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    lines = []
    while line := server.stdout.readline():
        lines.append(line)
        if "use it" in line:
            break
    server.banner = "".join(lines)
    found = re.search(r"contract on (http://\S+)", server.banner)
    assert found, server.communicate(timeout=10)
    return server, found[1]
