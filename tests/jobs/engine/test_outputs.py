"""From a finished job's output to the row's mask: every form, spoilt files, other sizes, and what is no mask."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samframe.jobs import Artifacts
from samframe.server import DrawnEngine, Fault, OutputForm
from samframe.testing.chaos import Reply

FORMS = [
    OutputForm(),
    OutputForm(mode="1"),
    OutputForm(mode="LA"),
    OutputForm(mode="P"),
    OutputForm(mode="P", high=1),
    OutputForm(mode="RGB"),
    OutputForm(mode="RGBA"),
    OutputForm(mode="I;16"),
    OutputForm(mode="L", high=1),
    OutputForm(file_format="JPEG", mode="L"),
    OutputForm(file_format="JPEG", mode="RGB", quality=75),
    OutputForm(file_format="WEBP", mode="RGB"),
    OutputForm(file_format="WEBP", mode="RGB", quality=100),
    OutputForm(inline="base64", always_inline=True),
    OutputForm(inline="data-uri", always_inline=True),
]


def truth(png, prompt, size_hw):
    """Return the ellipse that the server draws."""
    import hashlib  # noqa: PLC0415 - here only

    sha = hashlib.sha256(png).hexdigest()
    return DrawnEngine().draw(size_hw, image_sha256=sha, prompt=prompt).mask


@pytest.mark.parametrize(
    "form",
    FORMS,
    ids=lambda form: (
        f"{form.file_format}-{form.mode}-{form.high}-{form.inline if form.always_inline else 'url'}"
    ),
)
def test_every_form_of_output_gives_the_same_mask(make_world, png, form):
    """The API's own form is not documented: whatever it is, the mask is the one that was drawn."""
    world = make_world(output=form)
    data = png(size_hw=(64, 96))
    out = world.run(pd.DataFrame({"image": [data], "prompt": ["boy"]}))
    expected = truth(data, "boy", (64, 96))

    assert out["status"].tolist() == ["completed"], out["error"].tolist()
    assert out["error"].isna().all()
    got = out["mask"][0].to_numpy()
    agree = (got & expected).sum() / (got | expected).sum()
    assert agree == 1.0 if form.file_format == "PNG" else agree > 0.97


def test_base64_takes_the_output_in_the_answer(world):
    """No file is downloaded."""
    out = world.run(2, base64=True)

    assert (out["status"] == "completed").all()
    assert world.server.counters.downloads == 0


@pytest.mark.parametrize("fault", [Fault.OUTPUT_LIST, Fault.OUTPUT_DICT])
def test_an_output_within_a_list_or_an_object_is_found(world, fault):
    """One URL, wherever it is."""
    world.server.script(fault, on="result", times=None)

    assert world.run(1)["status"].tolist() == ["completed"]


def test_an_output_of_null_is_asked_for_again(world):
    """It may come: asking is free."""
    world.server.script(Fault.OUTPUT_NULL, on="result", times=2)
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 1


def test_an_output_of_null_beside_images_is_no_trouble(world):
    """The URL of the first image is used."""
    world.server.script(Fault.OUTPUT_NULL, on="result", times=None)

    assert world.run(1)["status"].tolist() == ["completed"]


def test_an_output_that_stays_null_leaves_its_row_unread(make_service):
    """After three results; the row says that it was billed, and is asked for again by the next run."""
    world = make_service(
        lambda endpoint, _, reply: (
            Reply(body=re.sub(rb'"output": "[^"]*"', b'"output": null', reply.body))
            if endpoint == "result"
            else reply
        )
    )
    out = world.run(1)

    assert out["status"].tolist() == ["unread"]
    assert "billed $0.002" in out["error"][0]
    assert (world.server.count("result"), world.server.count("submit")) == (3, 1)


SPOILT = [
    Fault.CORRUPT_OUTPUT,
    Fault.TRUNCATED_OUTPUT,
    Fault.EMPTY_OUTPUT,
    Fault.HTML_OUTPUT,
    Fault.GONE_OUTPUT,
]


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_file_is_fetched_again(world, fault):
    """A flipped bit, half a file, none, a page, a 404: the third download is right, and nothing is paid anew."""
    world.server.script(fault, on="output", times=2)
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert (world.server.counters.downloads, world.server.counters.submits) == (3, 1)


@pytest.mark.parametrize("fault", SPOILT)
def test_a_file_that_stays_spoilt_is_unread(world, fault):
    """Three downloads; the row is unread, says what it cost, and the next run reads it for nothing."""
    world.server.script(fault, on="output", times=None)
    first = world.run(1)
    downloads = world.server.counters.downloads
    world.server.heal()
    second = world.run(1)

    assert first["status"].tolist() == ["unread"]
    assert second["status"].tolist() == ["completed"]
    assert "billed $0.002" in first["error"][0]
    assert "retry=" not in first["error"][0]
    assert (downloads, world.server.counters.submits) == (3, 1)


def test_a_file_that_is_gone_for_good_is_paid_for_again_on_request_alone(world):
    """Not by the same call and not by retry=; the row says what does it."""
    world.server.script(Fault.GONE_OUTPUT, on="output", times=None)
    world.run(1)
    again = world.run(1, retry=["failed", "in_doubt", "lost"])
    submits = world.server.counters.submits
    world.server.heal()
    anew = world.run(1, refresh=True)

    assert again["status"].tolist() == ["unread"]
    assert "refresh=True" in again["error"][0]
    assert submits == 1
    assert anew["status"].tolist() == ["completed"]
    assert world.server.counters.submits == 2


def test_a_mask_of_another_aspect_ratio_is_not_stretched(make_world):
    """It is unread: a frame around the image, or a crop, would put every box in the wrong place."""
    world = make_world(output=OutputForm(size_hw=(64, 32)))
    out = world.run(1)

    assert out["status"].tolist() == ["unread"]
    assert "32 x 64 px for an image sent as 32 x 32 px" in out["error"][0]


@pytest.mark.parametrize("size_hw", [(16, 16), (64, 64), (33, 32), (1, 1)])
def test_a_mask_of_another_size_is_flagged_and_put_right(make_world, size_hw):
    """The row completes, its error tells both sizes, and the mask has the image's own."""
    world = make_world(output=OutputForm(size_hw=size_hw))
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert out["mask"][0].size_hw == (32, 32)
    assert f"{size_hw[1]} x {size_hw[0]} px" in out["error"][0]
    assert "nearest neighbour" in out["error"][0]


def serve_picture(monkeypatch, picture):
    """Let every job answer with this picture; return its bytes."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    monkeypatch.setattr("samframe.server.work.workers._file_of", lambda *_: out.getvalue())
    return out.getvalue()


def test_a_colourful_output_is_no_mask(make_world, monkeypatch):
    """A picture in place of a mask is not thresholded: the row is unread, and the file is kept to look at."""
    noise = np.random.RandomState(0).randint(0, 255, (32, 32, 3), dtype=np.uint8)
    world = make_world()
    data = serve_picture(monkeypatch, Image.fromarray(noise))
    out = world.run(1)
    kept = [path for path in (world.store / "artifacts").rglob("*") if path.is_file()]

    assert out["status"].tolist() == ["unread"]
    assert "no mask" in out["error"][0]
    assert [path.read_bytes() for path in kept] == [data]
    assert str(kept[0]) in out["error"][0]


@pytest.mark.parametrize("value", [0, 255])
def test_an_empty_and_a_full_mask_are_masks(make_world, monkeypatch, value):
    """Nothing found, or everything: an answer like any other."""
    world = make_world()
    serve_picture(monkeypatch, Image.new("L", (32, 32), value))
    out = world.run(1)

    assert out["status"].tolist() == ["completed"]
    assert out["mask"][0].area == (1024 if value else 0)


def picture_size(path):
    with Image.open(path) as picture:
        return picture.size


def test_an_overlay_is_kept_as_a_picture(world):
    """overlay_mask=True: a column of paths, no masks."""
    out = world.run(2, overlay_mask=True)

    assert (out["status"] == "completed").all()
    assert out["mask"].isna().all()
    assert [picture_size(path) for path in out["overlay"]] == [(32, 32)] * 2


def test_an_output_of_another_host_is_not_fetched(chaos_world):
    """The row is unread, with the way to allow it; nobody is asked."""
    from samframe.testing import Chaos  # noqa: PLC0415 - one test only

    chaos_world.server.script(Chaos.FOREIGN_URLS, on="result")
    out = chaos_world.run(1)

    assert out["status"].tolist() == ["unread"]
    assert "allowed_hosts" in out["error"][0]
    assert chaos_world.server.count("output") == 0


def test_raw_outputs_are_kept_by_their_hash(world):
    """The file as it came, whole, under its own sha256."""
    world.run(2)
    artifacts = Artifacts(world.store)
    names = [record["artifact"] for record in world.records()]

    assert len(set(names)) == 2
    assert all(artifacts.verify(name) for name in names)
