"""An annotator in a bare page, driven as a person drives it, by the pixels of its images; jobs are answered at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from samframe import Mask
from samframe.widgets.annotator.ask import Quote, Reply
from samframe.widgets.annotator.widget import Annotator

HEIGHT, WIDTH = 120, 200
BOX = Mask.from_bbox((60, 40, 50, 30), (HEIGHT, WIDTH))
HOSTILE = "<img src=x onerror=alert(1)></script>\u202e$$x$$"


class DiscSegmenter:
    """Answers every point with a disc around it, at once or when told; keeps what it was asked for."""

    def __init__(self, *, waits=False):
        self.asked = []
        self.waits = waits
        self.parked = []

    def at_most(self, n_jobs):
        return Quote(usd=0.002 * n_jobs, text=f"at most ${0.002 * n_jobs:.3f}")

    def quote(self, ask):
        return Quote(usd=0.002, text="$0.002")

    def total(self, quotes):
        usd = sum(quote.usd for quote in quotes)
        return Quote(usd=usd, text=f"${usd:.3f}")

    def send(self, asks, *, usd_limit, done):
        self.asked.append((list(asks), usd_limit))
        replies = [self.reply(ask) for ask in asks]
        if self.waits:
            self.parked.append(lambda: done(replies))
        else:
            done(replies)

    def reply(self, ask):
        if ask.prompt is not None:
            return Reply(status="failed", error=f"Nothing is called {ask.prompt}.")
        x, y = ask.points[0]
        rows, cols = np.mgrid[:HEIGHT, :WIDTH]
        disc = (cols - x) ** 2 + (rows - y) ** 2 <= 15**2
        return Reply(status="completed", mask=Mask.from_numpy(disc), request_id="r-1")


def make_frame(**columns):
    picture = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    frame = pd.DataFrame(
        {
            "image": [picture, picture, picture],
            "prompt": ["boy", None, HOSTILE],
            "mask": pd.array([BOX, None, BOX], dtype="mask"),
        },
        index=pd.Index(["a", "a", HOSTILE]),
    )
    return frame.assign(**columns)


class Desk:
    """An annotator in a page, driven as a person drives it; places are pixels of the picture as shown."""

    def __init__(self, live_widget, frame, *, segmenter=None, size_hw=(HEIGHT, WIDTH), fetch=None, **options):
        self.frame = frame
        self.size_hw = size_hw
        self.segmenter = segmenter or DiscSegmenter()
        self.annotator = Annotator(
            frame,
            list(range(len(frame))),
            image_col="image",
            prompt_col="prompt",
            mask_col="mask",
            segmenter=self.segmenter,
            background=lambda function: function(),
            fetch=fetch,
        )
        self.live = live_widget(self.annotator, **options)
        self.page = self.live.page
        self.canvas = self.page.locator(".sf-stage canvas")
        self.page.locator(".samframe-annotator").focus()
        self.settle()

    def settle(self):
        """Let messages, answers and frames come to rest."""
        for _ in range(3):
            self.live.flush()
            self.page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))"
            )

    @property
    def scale(self):
        """CSS pixels an image pixel, and the image's corner in the canvas, as the fitted view has it."""
        box = self.canvas.bounding_box()
        height, width = self.size_hw
        scale = min((box["width"] - 16) / width, (box["height"] - 16) / height, 16)
        return scale, (box["width"] - width * scale) / 2, (box["height"] - height * scale) / 2

    def where(self, x, y):
        """Return where a place of the image lies in the window."""
        scale, left, top = self.scale
        box = self.canvas.bounding_box()
        return box["x"] + left + x * scale, box["y"] + top + y * scale

    def click(self, x, y, **options):
        """Click the centre of a pixel."""
        self.page.mouse.click(*self.where(x + 0.5, y + 0.5), **options)
        self.settle()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def pixel(self, x, y):
        """Return the canvas's colour at the centre of a pixel of the image."""
        scale, left, top = self.scale
        return tuple(
            self.page.evaluate(
                """([x, y]) => {
                    const canvas = document.querySelector(".sf-stage canvas");
                    const ratio = canvas.width / canvas.clientWidth;
                    const at = [Math.floor(x * ratio), Math.floor(y * ratio)];
                    return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
                }""",
                [left + (x + 0.5) * scale, top + (y + 0.5) * scale],
            )
        )

    def text(self):
        return self.page.locator(".samframe-annotator").inner_text()

    @property
    def points(self):
        return self.annotator.state["points"]


WHITE = (255, 255, 255)


def is_blue(colour):
    return colour[2] > colour[0] + 60
