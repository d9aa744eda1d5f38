"""A real browser for tests: Chromium, a page with a widget model in it, a JupyterLab. Loopback only."""

from harness._axe import axe_source, serious_findings
from harness._chromium import Watch, find_chromium, open_context, serve_folder, serve_pages
from harness._lab import Lab, Notebook
from harness._model import FakeModel, LiveWidget

__all__ = [
    "FakeModel",
    "Lab",
    "LiveWidget",
    "Notebook",
    "Watch",
    "axe_source",
    "find_chromium",
    "open_context",
    "serious_findings",
    "serve_folder",
    "serve_pages",
]
