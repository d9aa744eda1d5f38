"""The offline engine over the wire, by the official SDK: masks against drawn truth, refusals, its label."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from samframe.server.engines.drawn import ENGINE_NAME
from samframe.testing import REPORTING_SEEDS, make_scene

segmind = pytest.importorskip("segmind")
from segmind.v2 import InferenceFailed  # noqa: E402 - after the check that it is there

SCENE = make_scene("flat", REPORTING_SEEDS[0])


@pytest.fixture
def run(make_peer):
    """Run a job on the scene through the SDK, polling a little faster than once a second."""
    peer = make_peer(engine="offline")
    client = segmind.SegmindClient(api_key="SG_0123456789abcdef", base_url=f"{peer.server.base_url}/v1")
    out = io.BytesIO()
    Image.fromarray(SCENE.image).save(out, "PNG")
    image = base64.b64encode(out.getvalue()).decode()

    def run_job(**fields):
        job = client.submit_async("sam-v2-image", image=image, overlay_mask=False, **fields)
        result = job.wait(timeout=60, interval=0.1)
        raw = peer.anonymous.get(result["output"]).content
        return result, np.asarray(Image.open(io.BytesIO(raw))) > 127

    yield run_job
    client._client.close()


def iou(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


def test_point_gives_the_object(run):
    """A point on a drawn object gives its mask, and the result is labelled with the engine."""
    thing = SCENE.objects[-1]
    result, mask = run(coordinates=json.dumps([int(v) for v in thing.point_xy]))

    assert iou(mask, thing.mask) > 0.9
    assert result["engine"] == ENGINE_NAME
    assert result["metrics"]["cost"] == 0.0
    assert "remaining_credits" not in result["metrics"]


def test_prompt_gives_the_object(run):
    """A prompt of the engine's grammar gives the union of what it names."""
    prompt, truth = next(iter(SCENE.prompts.items()))
    _, mask = run(prompt=prompt)

    assert iou(mask, truth) > 0.8


def test_absent_thing_is_refused(run):
    """A prompt for something that is not there FAILS: there is no largest blob to fall back to."""
    with pytest.raises(InferenceFailed):
        run(prompt=SCENE.absent_prompts[0])


def test_foreign_words_are_refused_with_the_vocabulary(run):
    """The message of a refusal tells what the engine does know."""
    with pytest.raises(InferenceFailed) as caught:
        run(prompt="the boy left of the dog")
    assert "red" in caught.value.detail
