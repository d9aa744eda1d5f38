"""Chromium as it is installed, watched: requests that leave the machine, dialogs, errors of a page's own."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_LOCAL_SCHEMES = {"data", "blob", "about", "chrome-error"}
_TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}


def find_chromium() -> str | None:
    """Return the path of the installed Chromium, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Watch:
    """What a page did that it must not do.

    Attributes
    ----------
    remote : list of str
        URLs asked for that are not on loopback.
    dialogs : list of str
        Texts of alerts: what hostile text raises if it runs.
    errors : list of str
        Exceptions that nobody caught.
    """

    remote: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def observe(self, context: Any) -> None:
        """Watch all pages of a browser context, and let no request out."""
        context.on("request", lambda request: self._see(request.url))
        context.on("dialog", self._dismiss)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _see(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL_SCHEMES and parts.hostname not in {"127.0.0.1", "localhost"}:
            self.remote.append(url)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


def open_context(browser: Any, watch: Watch, **options: Any) -> Any:
    """Return a fresh browser context, watched, with limits of time on what waits."""
    context = browser.new_context(**({"viewport": {"width": 1100, "height": 800}} | options))
    context.set_default_timeout(30_000)
    watch.observe(context)
    return context


@contextmanager
def serve_pages(pages: dict[str, str]) -> Iterator[str]:
    """Serve texts by their paths on loopback; give the base URL. The mapping may be changed meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            body = pages.get(path)
            self.send_response(200 if body is not None else 404)
            self.send_header("content-type", _TYPES.get(path.rpartition(".")[2], "text/plain"))
            self.send_header("cache-control", "no-store")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with _running(Handler) as url:
        yield url


@contextmanager
def serve_folder(folder: Path, prefix: str) -> Iterator[str]:
    """Serve a folder of files on loopback under a prefix, and its 404.html for what is not there; give the base URL."""

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            inside = urlsplit(path).path.removeprefix(prefix)
            return super().translate_path(f"/{inside}")

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            body = (folder / "404.html").read_bytes()
            self.send_response(code, message)
            self.send_header("content-type", _TYPES["html"])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with _running(partial(Handler, directory=str(folder))) as url:
        yield url + prefix


@contextmanager
def _running(handler: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
