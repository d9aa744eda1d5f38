"""The static report in a real browser: hostile text stays text, filters and orders work, nothing is asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from samframe.masks import Mask
from samframe.testing import HOSTILE_TEXTS

RED = (200, 30, 30)


def box(width):
    """Return a mask of 40 rows by so many columns in an image of 100 x 100."""
    pixels = np.zeros((100, 100), bool)
    pixels[30:70, 10 : 10 + width] = True
    return Mask.from_numpy(pixels)


def frame():
    """Four rows: small, large, empty, failed."""
    image = np.full((100, 100, 3), RED, np.uint8)
    return pd.DataFrame(
        {
            "image": pd.Series([image] * 4, dtype=object),
            "prompt": ["wheel", "Car", "empty road", "dog"],
            "mask": pd.array([box(10), box(60), box(0), None], dtype="mask"),
            "status": ["completed"] * 3 + ["failed"],
            "inference_time": [1.0, 3.0, 2.0, None],
        }
    )


@pytest.fixture
def opened(chromium_page, site, tmp_path):
    """Write a report, serve it, open it; give the page."""
    pages, base_url = site

    def open_report(df, **options):
        df.sam.to_html(tmp_path / "report.html", **options)
        pages["/report.html"] = (tmp_path / "report.html").read_text(encoding="utf-8")
        chromium_page.goto(f"{base_url}/report.html")
        return chromium_page

    return open_report


def prompts(page):
    """Return the prompts of the cards, in their order."""
    return page.locator(".card .prompt").all_text_contents()


def test_filters(opened):
    """Text, status, area and suspicion leave the rows that pass, and the count says how many."""
    page = opened(frame())
    seen = []
    for field, value, reset in (
        ("#words", "CAR", ""),
        ("#least", "5", ""),
        ("#most", "5", ""),
        ("#doubt", "0.9", "0"),
    ):
        page.fill(field, value)
        seen.append(prompts(page))
        page.fill(field, reset)
    page.select_option("#status", "failed")

    assert seen == [["Car"], ["Car"], ["wheel", "empty road"], ["empty road", "dog"]]
    assert (prompts(page), page.text_content("#count")) == (["dog"], "1 of 4 rows")


def test_orders(opened):
    """Each order puts the right row first; rows without a value come last."""
    page = opened(frame())
    firsts = {}
    for order in ("doubt", "small", "large", "slow", "prompt", "frame"):
        page.select_option("#order", order)
        firsts[order] = (prompts(page)[0], prompts(page)[-1])

    assert firsts == {
        "doubt": ("empty road", "Car"),
        "small": ("empty road", "dog"),
        "large": ("Car", "dog"),
        "slow": ("Car", "dog"),
        "prompt": ("Car", "wheel"),
        "frame": ("wheel", "dog"),
    }


def test_no_row_passes(opened):
    """Where nothing passes the page says so, and the rows come back."""
    page = opened(frame())
    page.fill("#words", "giraffe")
    said = page.text_content("main")
    page.fill("#words", "")

    assert (said, len(prompts(page))) == ("No row passes the filters.", 4)


def pixel(page, card, x, y):
    """Return the colour at a place of a card's picture, in hundredths of its sides."""
    from io import BytesIO  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    shot = Image.open(BytesIO(page.locator(".picture").nth(card).screenshot())).convert("RGB")
    return shot.getpixel((shot.width * x // 100, shot.height * y // 100))


def test_mask_is_seen(opened):
    """Inside the mask the picture has its colour, outside it is pale; without the overlay it has it all over."""
    page = opened(frame())
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    inside, outside = pixel(page, 1, 40, 50), pixel(page, 1, 85, 50)
    page.fill("#overlay", "0")
    without = pixel(page, 1, 85, 50)

    assert np.abs(np.subtract(inside, RED)).max() < 12
    assert min(outside) > 130
    assert np.abs(np.subtract(without, RED)).max() < 12


def test_hostile_text_is_text(opened):
    """Prompts, statuses, errors, file names, index and column labels are shown as they are, and nothing runs."""
    texts = pd.Series(HOSTILE_TEXTS, dtype=object)
    label = HOSTILE_TEXTS[0]
    df = pd.DataFrame({"image": texts, "mask": pd.array([box(20)] * len(texts), dtype="mask"), label: texts})
    df["prompt"] = df["status"] = df["error"] = texts
    page = opened(df.set_index(texts.rename("index")), columns=[label], title=HOSTILE_TEXTS[1])
    page.select_option("#order", "prompt")

    assert {"<img src=x onerror=alert(1)>", "$$\\frac{1}{0}$$ and $x"} <= set(prompts(page))
    assert page.text_content("h1") == HOSTILE_TEXTS[1]
    assert page.locator(".extra").first.text_content().startswith(f"{label}: ")
    assert page.evaluate("[typeof window.hacked, document.querySelectorAll('img[src=x]').length]") == [
        "undefined",
        0,
    ]
    # The page's own script and style, nothing else.
    assert page.evaluate("[document.scripts.length, document.styleSheets.length]") == [2, 1]


def test_policy_stops_what_is_put_in_later(opened):
    """Even a script, a handler or an image by URL that gets into the page is refused by the page's own policy."""
    page = opened(frame())
    page.evaluate(
        """() => {
          window.refused = [];
          document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          document.body.insertAdjacentHTML("beforeend", "<img src='/x.png'><b onclick='window.ran = 1'>b</b>");
          const one = document.createElement("script");
          one.textContent = "window.ran = 2";
          document.body.append(one);
          document.querySelector("b").click();
        }"""
    )
    page.wait_for_function("refused.length >= 3")

    assert page.evaluate("window.ran") is None
    assert set(page.evaluate("refused")) == {"img-src", "script-src-attr", "script-src-elem"}


def test_many_rows(opened):
    """2,000 rows are shown, filtered and put in order."""
    many = pd.concat([frame()] * 500, ignore_index=True)
    page = opened(many, size_px=64)
    page.fill("#words", "car")
    page.select_option("#order", "large")

    assert page.text_content("#count") == "500 of 2,000 rows"


def test_no_rows(opened):
    """An empty frame says that it is empty."""
    assert opened(frame().iloc[:0]).text_content("main") == "The frame has no rows."


@pytest.mark.parametrize(("scheme", "media"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_text_is_legible_in_both_themes_and_on_paper(opened, chromium_page, scheme, media):
    """All text stands out from its ground by 4.5 to 1 (WCAG 2.2, AA)."""
    chromium_page.emulate_media(color_scheme=scheme, media=media)
    page = opened(frame().assign(engine="offline/1"))
    ratios = page.evaluate(CONTRASTS)

    assert len(ratios) > 20
    assert min(ratios) >= 4.5


#: Contrast of each line of a card and of the tools with the ground behind it.
CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.querySelectorAll(".text > *, .tools label, .tools select, header p, h1, .count, .notice");
  return [...texts].filter((one) => one.textContent.trim()).map((one) => {
    const pair = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
}"""
