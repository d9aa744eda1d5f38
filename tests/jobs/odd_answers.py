"""What a service's first answers may be that are not as expected: outputs, JSON, and the frame that asks for them."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
from PIL import Image

from samframe.jobs import Ledger
from samframe.testing.chaos import Reply

ROWS = 40
SIZE_HW = (48, 64)
RNG = np.random.RandomState(5)
SENT = (RNG.randint(40, 200, (*SIZE_HW, 3)) // 3 + np.indices(SIZE_HW).sum(axis=0)[..., None]).astype(
    np.uint8
)
TRUTH = np.zeros(SIZE_HW, bool)
TRUTH[12:36, 16:48] = True


def as_file(pixels, file_format="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


IMAGE = as_file(SENT)
CUT_OUT = as_file(np.dstack([SENT, np.where(TRUTH, 255, 0).astype(np.uint8)]))
COLOURED = as_file(np.where(TRUTH[..., None], (30, 144, 255), 0).astype(np.uint8))
OVERLAY = as_file(np.where(TRUTH[..., None], SENT * 0.5 + np.array((15, 72, 127)), SENT).astype(np.uint8))
SOFT = as_file(np.where(TRUTH, 200, np.arange(64)[None, :] * 1.5).astype(np.uint8))
MASK = as_file(np.where(TRUTH, 255, 0).astype(np.uint8))
LETTERBOX = as_file(np.pad(np.where(TRUTH, 255, 0).astype(np.uint8), ((8, 8), (0, 0))))


def outputs(data, content_type="image/png", status=200):
    """A service whose outputs are these bytes."""

    def rewrite(endpoint, argument, reply):
        return (
            Reply(status_code=status, body=data, content_type=content_type) if endpoint == "output" else reply
        )

    return rewrite


def answers(change, on="result"):
    """A service whose JSON is changed."""

    def rewrite(endpoint, argument, reply):
        if endpoint not in (on if isinstance(on, tuple) else (on,)) or reply.status_code != 200:
            return reply
        return Reply.of_json(change(json.loads(reply.body), argument))

    return rewrite


def cut_frame(data, context):
    """Read a mask out of the middle of a frame that is too high."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    top = (pixels.shape[0] - context.size_hw[0]) // 2
    return pixels[top : top + context.size_hw[0]] > 127


def frame(rows=ROWS):
    return pd.DataFrame({"image": [IMAGE] * rows, "prompt": [f"thing {i}" for i in range(rows)]})


def states(world):
    with Ledger(world.store) as ledger:
        return pd.Series([record["state"] for record in ledger.records()]).value_counts().to_dict()
