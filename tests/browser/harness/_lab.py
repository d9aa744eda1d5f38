"""A real JupyterLab on loopback, and a notebook in it as a user drives it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import nbformat

from harness._chromium import Watch, open_context

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)
#: Off-screen cells stay in the page, no dialogs come in between, and widget state is saved: the largest file.
_SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}
_KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"


class Lab:
    """A JupyterLab server with folders of its own.

    Parameters
    ----------
    folder : Path
        Where it keeps everything; notebooks lie in ``folder / "work"``.
    browser : playwright Browser
    """

    def __init__(self, folder: Path, browser: Any) -> None:
        self._browser = browser
        self._folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self._token = secrets.token_hex(16)
        environment = os.environ | {name: str(folder / name.lower()) for name in _FOLDERS}
        environment |= {"SAMFRAME_STORE": str(folder / "store"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        environment.pop("MPLBACKEND", None)
        self.set_theme(dark=False)
        for name, values in _SETTINGS.items():
            self._settle(name, values)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = (folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                "--ip=127.0.0.1",
                f"--port={port}",
                f"--IdentityProvider.token={self._token}",
                f"--ServerApp.root_dir={self.work}",
                "--ServerApp.port_retries=0",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--LabApp.extension_manager=readonly",
            ],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_it_answers()

    def set_theme(self, *, dark: bool) -> None:
        """Choose the theme of pages that are opened from now on."""
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self._settle("@jupyterlab/apputils-extension/themes", {"theme": theme, "adaptive-theme": False})

    def open(self, name: str, *, watch: Watch, **options: Any) -> Notebook:
        """Open a notebook of the work folder in a fresh browser context."""
        context = open_context(
            self._browser, watch, **({"viewport": {"width": 1280, "height": 1000}} | options)
        )
        page = context.new_page()
        page.goto(f"{self.url}/doc/tree/{name}?token={self._token}&reset")
        notebook = Notebook(page, context, self.work / name)
        notebook.wait_until_ready()
        return notebook

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook of code cells and return its name."""
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(book, self.work / name)
        return name

    def shut_kernels_down(self) -> None:
        """End every kernel and its session."""
        for session in self._api("GET", "/api/sessions"):
            self._api("DELETE", f"/api/sessions/{session['id']}")

    def close(self) -> None:
        """End the server, and with it its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._log.close()

    def _settle(self, name: str, values: dict[str, Any]) -> None:
        path = self._folder / "jupyterlab_settings_dir" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")

    def _api(self, method: str, path: str) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}{path}", method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            body = answer.read()
        return json.loads(body) if body else None

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 90
        while True:
            try:
                self._api("GET", "/api/status")
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.close()
                    log = (self._folder / "server.log").read_text("utf-8", "replace")
                    raise RuntimeError(f"JupyterLab did not start:\n{log[-4000:]}") from None
                time.sleep(0.2)
            else:
                return


class Notebook:
    """An open notebook."""

    def __init__(self, page: Any, context: Any, path: Path) -> None:
        self.page = page
        self.path = path
        self._context = context

    def wait_until_ready(self, *, timeout_s: float = 90) -> None:
        """Wait for the kernel's first idle moment."""
        self.page.wait_for_function(
            f"window.jupyterapp?.shell?.currentWidget?.sessionContext && {_KERNEL}?.status === 'idle'",
            timeout=timeout_s * 1000,
        )

    def run_all(self, *, wait: bool = True, timeout_s: float = 90) -> None:
        """Run all cells, as the menu does."""
        self.command("notebook:run-all-cells")
        if wait:
            self.wait_until_done(timeout_s=timeout_s)

    def run_cell(self, index: int, *, wait: bool = True, timeout_s: float = 90) -> None:
        """Run one cell by its place."""
        self.page.evaluate(
            "index => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index }", index
        )
        self.command("notebook:run-cell")
        if wait:
            self.wait_until_done(timeout_s=timeout_s)

    def command(self, name: str) -> None:
        """Execute one of JupyterLab's commands, without waiting for its end."""
        self.page.evaluate(
            """name => {
                window.commandDone = false;
                const done = () => { window.commandDone = true; };
                window.jupyterapp.commands.execute(name).then(done, done);
            }""",
            name,
        )

    def wait_until_done(self, *, timeout_s: float = 90) -> None:
        """Wait until the last command is done, and the cells that it ran with it, and the kernel rests."""
        self.page.wait_for_function(
            f"() => window.commandDone && {_KERNEL}?.status === 'idle'", timeout=timeout_s * 1000
        )

    def interrupt(self) -> None:
        """Press the notebook's own stop button."""
        self.page.evaluate("void window.jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def output(self, index: int) -> Any:
        """Return a locator of a cell's output area."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def text(self, index: int) -> str:
        """Return the text that a cell's output shows."""
        return str(self.output(index).inner_text()).strip()

    def kernel_status(self) -> str:
        """Return ``idle`` or ``busy`` or whatever the kernel says."""
        return str(self.page.evaluate(f"{_KERNEL}?.status ?? 'none'"))

    def save(self) -> nbformat.NotebookNode:
        """Save, widget state included, and return the file's notebook."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
        return nbformat.read(self.path, as_version=4)

    def close(self) -> None:
        """Close the browser context."""
        self._context.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
