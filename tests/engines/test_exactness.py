"""Through raw HTTP and through ``samframe.segment``, masks equal transformers called directly, bit for bit."""

import base64
import io
import json
import ssl
import time

import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

import samframe  # noqa: E402 - after the skip
from samframe.frame.call import OFFLINE_KEY  # noqa: E402
from samframe.server import LocalServer, ServerConfig  # noqa: E402
from samframe.server.engines.sam import load_sam  # noqa: E402

KINDS = ["jpeg", "grey", "rgba", "palette", "thin", "one pixel off the side", "turned by EXIF", "over 2048"]
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture(scope="module")
def files(tiny, photo_maker):
    """Return the eight image files."""
    import exactness

    return exactness.image_files(photo_maker)


@pytest.fixture(scope="module")
def http(sam2):
    """Serve the tiny SAM 2, and return a client that knows nothing of samframe."""
    engine = load_sam(sam2[0], device="cpu")
    with (
        LocalServer(ServerConfig(engine=engine, api_key=OFFLINE_KEY, max_side_px=4096)) as server,
        httpx.Client(base_url=server.base_url, verify=NO_CERTIFICATES, timeout=60) as client,
    ):
        client.headers["x-api-key"] = OFFLINE_KEY
        client.engine = engine
        client.server = server
        yield client


def run(http, raw, **asked):
    """Submit, poll, fetch, and return the result's JSON with its mask."""
    body = {"image": base64.b64encode(raw).decode(), "overlay_mask": False}
    names = {"points": "coordinates", "remove_points": "remove_coordinates", "boxes": "boxes_input"}
    body |= {names[name]: json.dumps(value) for name, value in asked.items()}
    request_id = http.post("/v2/sam-v2-image", json=body).json()["request_id"]
    deadline = time.monotonic() + 60
    while (state := http.get(f"/v2/requests/{request_id}/status").json())["status"] in {
        "QUEUED",
        "PROCESSING",
    }:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert state["status"] == "COMPLETED", state
    result = http.get(f"/v2/requests/{request_id}").json()
    with Image.open(io.BytesIO(http.get(result["output"]).content)) as picture:
        return result, np.asarray(picture) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_raw_http_gives_the_masks_of_transformers(http, sam2, files, kind):
    """Eight kinds of images, eight kinds of questions each: points, excluded points, boxes."""
    import exactness

    raw = files[kind]
    truths = exactness.truth(sam2[1], exactness.pixels_of(raw))
    for at, (name, (asked, mask, score)) in enumerate(truths.items()):
        result, made = run(http, raw, **asked)

        assert np.array_equal(made, mask), name
        assert result["engine"] == http.engine.name
        assert result["metrics"]["score"] == round(min(max(score, 0), 1), 4)
        assert result["metrics"]["embedding_cached"] is (at > 0)
        assert result["metrics"]["cost"] == 0.0


def test_shares_of_the_masks_are_neither_empty_nor_full(sam2, files):
    """Else the comparison would prove nothing."""
    import exactness

    shares = [
        mask.mean()
        for raw in files.values()
        for _, mask, _ in exactness.truth(sam2[1], exactness.pixels_of(raw)).values()
    ]

    assert 0.1 < np.quantile(shares, 0.1) < np.quantile(shares, 0.9) < 0.97


class Recorder:
    """Remembers what an engine was shown and asked, and what it answered."""

    def __init__(self, engine):
        self.met = []
        answer = engine.answer

        def remember(picture, question):
            made = answer(picture, question)
            self.met.append((picture, question, made.mask))
            return made

        engine.answer = remember

    def masks_of(self, size_hw):
        return [mask for picture, _, mask in self.met if picture.size_hw == size_hw]


def test_segment_gives_the_masks_of_transformers(tiny, sam2, files, tmp_path):
    """A frame of all images and all questions of points: compared on the pixels and points that the server received."""
    import exactness

    rows = []
    for at, (kind, raw) in enumerate(files.items()):
        path = tmp_path / f"{at}.bin"
        path.write_bytes(raw)
        rows += [
            {"image": str(path), "kind": kind, "yes": asked["points"], "no": asked.get("remove_points")}
            for asked in exactness.questions(exactness.pixels_of(raw).shape[:2]).values()
            if "points" in asked and "boxes" not in asked
        ]
    frame = pd.DataFrame(rows)
    columns = {"coordinates_col": "yes", "remove_coordinates_col": "no"}

    with samframe.local(sam2[0], device="cpu") as client:
        recorder = Recorder(client._engine)
        options = {"client": client, "store": tmp_path / "store"}
        bill = samframe.plan(frame, "image", None, **columns, **options)
        out = samframe.segment(frame, "image", None, **columns, **options, details=True, progress=False)
        name, encodes = client.identity, client._engine.n_encodes

    assert bill.usd_high == 0.0
    assert out["status"].eq("completed").all(), out["error"].tolist()
    assert set(out["engine"]) == {name} == set(out.attrs["samframe_engines"])
    assert (out["cost"] == 0).all()
    assert (len(recorder.met), encodes) == (len(frame), len(files))
    for picture, question, mask in recorder.met:
        masks, _ = tiny.oracle_mask(
            sam2[1], picture.pixels(), points=question.points, remove_points=question.remove_points
        )
        assert np.array_equal(mask, masks[0])
    for kind, of_kind in out.groupby("kind", sort=False):
        _check_rows(kind, of_kind["mask"], recorder, exactness.pixels_of(files[kind]).shape[:2])


def _check_rows(kind, masks, recorder, size_hw):
    """Compare the frame's masks with those that the server made of the image as it was sent."""
    rows = [np.asarray(mask.to_numpy()) for mask in masks]
    assert all(row.shape == size_hw for row in rows)
    if kind == "over 2048":  # sent smaller, and the mask brought up to the image's size
        made = [_enlarged(mask, size_hw) for mask in recorder.masks_of((74, 2048))]
        assert len(made) == len(rows)
        assert all(any(np.array_equal(row, mask) for mask in made) for row in rows)
        return
    is_turned = kind == "turned by EXIF"  # sent upright, and the mask turned back
    made = [
        np.rot90(mask, 1) if is_turned else mask
        for mask in recorder.masks_of(size_hw[::-1] if is_turned else size_hw)
    ]
    assert all(any(np.array_equal(row, mask) for mask in made) for row in rows)


def _enlarged(mask, size_hw):
    """Give each pixel the cell that holds its centre."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for old, new in zip(mask.shape, size_hw, strict=True)
    )
    return mask[rows][:, columns]


def test_boxes_go_through_segment_too(tiny, sam2, files, tmp_path):
    """By the model that takes boxes: the union, and with ``instances="rows"`` a row an object, bit for bit."""
    import exactness

    path = tmp_path / "a.jpg"
    path.write_bytes(files["jpeg"])
    rgb = exactness.pixels_of(files["jpeg"])
    boxes = [(10, 20, 90, 120), (60, 30, 130, 170)]
    masks, _ = tiny.oracle_mask(sam2[1], rgb, boxes=boxes)
    frame = pd.DataFrame({"image": [str(path)], "boxes": [boxes]})

    with samframe.local(sam2[0], device="cpu") as client:
        options = {"boxes_col": "boxes", "model": "sam3-image", "client": client, "progress": False}
        union = samframe.segment(frame, "image", None, **options, store=tmp_path / "store")
        rows = samframe.segment(frame, "image", None, **options, store=tmp_path / "store", instances="rows")

    assert union["status"].tolist() == ["completed"], union["error"][0]
    assert np.array_equal(union["mask"][0].to_numpy(), masks[0] | masks[1])
    assert len(rows) == 2
    assert all(any(np.array_equal(made.to_numpy(), mask) for made in rows["mask"].tolist()) for mask in masks)
