"""The built documentation in Chromium. Run ``make docs`` first, then ``pytest tests/browser/docs_site.py``.

``SAMFRAME_DOCS`` names another folder of built pages. This file is asked for by name, as it needs them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import open_context, serious_findings, serve_folder

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("SAMFRAME_DOCS", ROOT / "docs" / "_build" / "html"))
PREFIX = "/samframe/"
#: Not pages of their own: what Sphinx keeps for itself.
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if not path.relative_to(SITE).parts[0].startswith("_")
)
NARROW = ("index.html", "calls.html", "see.html", "reference/segment.html", "notebooks/01_quickstart.html")


@pytest.fixture(scope="module")
def base_url():
    """The site as a host serves it, under the project's name."""
    with serve_folder(SITE, PREFIX) as url:
        yield url


@pytest.fixture
def opened(browser, watch, base_url):
    """Open a page in a theme and a width."""
    contexts = []

    def open_page(path, *, theme="light", width=1280):
        # The pages follow the system's theme where their reader has chosen none.
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
        context = open_context(browser, watch, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(base_url + path)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_there_are_pages():
    """The site was built."""
    assert {"index.html", "404.html", "search.html"} <= set(PAGES)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_serious_for_axe(opened, path):
    """No page has a serious finding of axe, in either theme, which changes colours and nothing else."""
    page = opened(path)
    assert serious_findings(page) == []

    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert serious_findings(page, rules=("color-contrast",)) == []


@pytest.mark.parametrize("width", [900, 600])
@pytest.mark.parametrize("path", NARROW)
def test_a_narrow_page_does_not_scroll_sideways(opened, path, width):
    """What is wide scrolls by itself, not with the page."""
    page = opened(path, width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_header_is_one_line(opened):
    """The sections stand in one line beside the search."""
    page = opened("index.html", width=1280)
    tops = page.eval_on_selector_all(
        ".bd-header .navbar-nav .nav-link", "links => links.map((link) => link.getBoundingClientRect().top)"
    )

    assert len(tops) >= 4
    assert max(tops) - min(tops) < 4


@pytest.mark.parametrize("word", ["mask", "export", "max_cost", "gallery", "coco"])
def test_search_shows_a_guide_first(opened, word):
    """The first result is a guide or a notebook; the reference comes later."""
    page = opened(f"search.html?q={word}")
    page.locator("#search-results li a").first.wait_for()
    first = page.locator("#search-results li a").first.get_attribute("href")

    assert not first.startswith("reference/")


def test_search_finds_a_name_of_the_reference(opened):
    """Who types a function's name finds its page among the first."""
    page = opened("search.html?q=segment_dataset")
    page.locator("#search-results li a").first.wait_for()
    links = page.eval_on_selector_all(
        "#search-results li a", "links => links.map((link) => link.getAttribute('href'))"
    )

    assert any(link.startswith("reference/dataset.html") for link in links[:6])


def test_a_page_that_is_not_there_leads_back(opened):
    """The host's 404 page finds its style and its links from any depth."""
    page = opened("no/such/page.html")

    assert page.title().startswith("There is no such page")
    assert (
        page.locator(".bd-article a", has_text="the first page").get_attribute("href")
        == "/samframe/index.html"
    )
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-header')).position") == "sticky"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_follow_the_theme(opened, theme):
    """Of a pair of pictures one is shown."""
    page = opened("index.html", theme=theme)
    shown = page.eval_on_selector_all(
        ".bd-article img",
        "all => all.filter((one) => one.offsetParent).map((one) => one.getAttribute('src'))",
    )

    assert any("-dark" in name for name in shown) is (theme == "dark")


def test_code_has_a_copy_button(opened):
    """A block of code can be copied, without its prompts."""
    assert opened("index.html").locator("button.copybtn").count() >= 3
