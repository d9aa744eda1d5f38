"""Chromium, pages with a widget in them, and a JupyterLab. In a pytest process of its own: Playwright leaves a loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import FakeModel, Lab, LiveWidget, Watch, find_chromium, open_context, serve_pages
from harness._gallery import SIDE, STATE, rows_message, settled, tile_message

import samframe.widgets
from samframe.widgets import module_text

STATIC = Path(samframe.widgets.__file__).parent / "static"

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test of this folder its alarm, and leave alone what shutting down a kernel or loop warns of."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))
        item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The installed Chromium, without a window."""
    path = find_chromium()
    if path is None:
        pytest.skip("no chromium on this machine")
    from harness._chromium import ARGS  # noqa: PLC0415
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield running
        running.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What pages did that they must not do: asked of each test at its end."""
    seen = Watch()
    yield seen
    assert seen.remote == []
    assert seen.dialogs == []
    assert seen.errors == []


@pytest.fixture
def chromium_page(browser: Any, watch: Watch) -> Iterator[Any]:
    """An empty page. Nothing in it may ask for anything outside of this machine, nor raise."""
    context = open_context(browser, watch)
    yield context.new_page()
    context.close()


@pytest.fixture
def site() -> Iterator[tuple[dict[str, str], str]]:
    """Pages on loopback: a mapping of path to text, and the base URL."""
    pages: dict[str, str] = {}
    with serve_pages(pages) as base_url:
        yield pages, base_url


@pytest.fixture
def fake_model(chromium_page: Any, site: tuple[dict[str, str], str]) -> Callable[..., FakeModel]:
    """Show one of our modules with a model that the test plays: ``fake_model("gallery", {"n": 3})``."""

    def show(name: str, state: dict[str, Any], **options: Any) -> FakeModel:
        sheet = STATIC / f"{name}.css"
        options.setdefault("css", sheet.read_text("utf-8") if sheet.exists() else "")
        return FakeModel(chromium_page, *site, module_text(name), state, **options)

    return show


@pytest.fixture
def live_widget(chromium_page: Any, site: tuple[dict[str, str], str]) -> Callable[..., LiveWidget]:
    """Show a Python widget of ours: its module in the page, its Python behind it."""

    def show(widget: Any, **options: Any) -> LiveWidget:
        return LiveWidget(chromium_page, *site, widget, **options)

    return show


@pytest.fixture(scope="session")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab for all tests, started once."""
    running = Lab(tmp_path_factory.mktemp("lab"), browser)
    yield running
    running.close()


@pytest.fixture
def played(fake_model: Callable[..., FakeModel], chromium_page: Any) -> FakeModel:
    """A gallery of three rows, painted."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0, 1, 2]))
    fake.receive(*tile_message([0, 1, 2]))
    settled(chromium_page)
    return fake


@pytest.fixture
def shown(live_widget: Callable[..., LiveWidget], chromium_page: Any) -> Callable[..., Any]:
    """Show a frame: the viewer, with the page settled."""

    def show(df: Any, **options: Any) -> Any:
        viewer = samframe.view(df, **{"tile": SIDE, "height": 300} | options)
        viewer.page = live_widget(viewer.gallery)
        settled(chromium_page)
        return viewer

    return show
