"""A real browser for tests: Chromium, a page with a widget model in it, a JupyterLab. Loopback only."""

from harness._chromium import Watch, find_chromium, open_context, serve_pages
from harness._lab import Lab, Notebook
from harness._model import FakeModel, LiveWidget

__all__ = [
    "FakeModel",
    "Lab",
    "LiveWidget",
    "Notebook",
    "Watch",
    "find_chromium",
    "open_context",
    "serve_pages",
]
