"""A widget's module in a bare page: with a model that a test plays, or with the real Python widget behind it."""

from __future__ import annotations

import base64
import json
from typing import Any

from comm.base_comm import BaseComm

PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title>
<style>body {{ margin: 0; background: {background}; }}</style>
<body data-jp-theme-light="{light}"><div id="root"></div>
<script type="module">
import {{ mount }} from "/model.js";
window.mount = mount;
</script></body>"""

#: What anywidget hands to a module, as far as ours use it: get, set, save_changes, on, off, send.
MODEL_JS = """
const toView = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const toText = (buffer) => {
  const bytes = buffer instanceof ArrayBuffer ? new Uint8Array(buffer)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};
const revive = (value) => {
  if (value && typeof value === "object" && "__bytes__" in value) return toView(value.__bytes__);
  return value;
};

export class Model {
  constructor(state) {
    this.state = {};
    for (const [name, value] of Object.entries(state)) this.state[name] = revive(value);
    this.handlers = {};
    this.changed = {};
    this.sent = [];
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (typeof name === "object") {
      for (const [key, one] of Object.entries(name)) this.set(key, one);
      return;
    }
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.changed[name] = value;
    this.emit(`change:${name}`, this, value);
    this.emit("change", this);
  }
  save_changes() {
    const state = this.changed;
    this.changed = {};
    if (Object.keys(state).length) this.post({ method: "update", state }, []);
  }
  on(names, handler) {
    for (const name of names.split(" ")) (this.handlers[name] ??= []).push(handler);
  }
  off(names, handler) {
    for (const name of (names ?? Object.keys(this.handlers).join(" ")).split(" ")) {
      this.handlers[name] = (this.handlers[name] ?? []).filter((one) => handler && one !== handler);
    }
  }
  emit(name, ...values) {
    for (const handler of [...(this.handlers[name] ?? [])]) handler(...values);
  }
  send(content, callbacks, buffers) { this.post({ method: "custom", content }, buffers ?? []); }
  async post(data, buffers) {
    this.sent.push({ data, buffers });
    if (!window.toKernel) return;
    const replies = await window.toKernel(JSON.stringify({ data, buffers: buffers.map(toText) }));
    this.take(JSON.parse(replies));
  }
  take(messages) {
    for (const { data, buffers } of messages) {
      const views = buffers.map(toView);
      if (data.method === "custom") this.emit("msg:custom", data.content, views);
      if (data.method === "update") {
        (data.buffer_paths ?? []).forEach((path, at) => {
          let place = data.state;
          for (const part of path.slice(0, -1)) place = place[part];
          place[path.at(-1)] = views[at];
        });
        for (const [name, value] of Object.entries(data.state)) {
          this.state[name] = value;
          this.emit(`change:${name}`, this, value);
        }
        this.emit("change", this);
      }
    }
  }
}

export async function mount(state, css) {
  if (css) {
    const style = document.createElement("style");
    style.textContent = css;
    document.head.append(style);
  }
  const module = (await import("/widget.js")).default;
  const definition = typeof module === "function" ? await module() : module;
  const model = new Model(state);
  const el = document.createElement("div");
  document.getElementById("root").append(el);
  const cleanups = [await definition.initialize?.({ model })];
  cleanups.push(await definition.render({ model, el }));
  window.widget = { model, el, remove: () => { cleanups.forEach((one) => one?.()); el.remove(); } };
}
"""


def _open(page: Any, pages: dict[str, str], base_url: str, source: str, *, is_dark: bool) -> None:
    light, background = ("false", "#111") if is_dark else ("true", "#fff")
    pages["/page.html"] = PAGE.format(light=light, background=background)
    pages["/model.js"] = MODEL_JS
    pages["/widget.js"] = source
    page.goto(f"{base_url}/page.html")
    page.wait_for_function("() => Boolean(window.mount)")


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"__bytes__": base64.b64encode(bytes(value)).decode()}
    return value


class FakeModel:
    """A module with a model that the test plays: it says what the kernel answers.

    Parameters
    ----------
    page : playwright Page
    pages : dict, base_url : str
        As :func:`serve_pages` serves them.
    source : str
        The module's text.
    state : mapping
        The traits; bytes become a DataView, as anywidget gives them.
    """

    def __init__(
        self,
        page: Any,
        pages: dict[str, str],
        base_url: str,
        source: str,
        state: dict[str, Any],
        *,
        css: str = "",
        is_dark: bool = False,
    ) -> None:
        self.page = page
        _open(page, pages, base_url, source, is_dark=is_dark)
        page.evaluate(
            "([state, css]) => mount(state, css)",
            [{name: _encoded(value) for name, value in state.items()}, css],
        )

    def sent(self) -> list[dict[str, Any]]:
        """Return what the module sent so far: contents of its messages, and states that it saved."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "widget.model.sent.map(({data}) => JSON.parse(JSON.stringify(data.content ?? data.state)))"
        )
        return found

    def receive(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Hand the module a custom message."""
        texts = [base64.b64encode(data).decode() for data in buffers or []]
        message = {"data": {"method": "custom", "content": content}, "buffers": texts}
        self.page.evaluate("message => widget.model.take([message])", message)

    def get(self, name: str) -> Any:
        """Return a trait as the page has it."""
        return self.page.evaluate("name => widget.model.get(name)", name)

    def set(self, **traits: Any) -> None:
        """Change traits as the kernel does."""
        self.page.evaluate(
            "state => widget.model.take([{data: {method: 'update', state}, buffers: []}])", traits
        )


class _Wire(BaseComm):
    """A comm that keeps what the widget sends until the page asks for it."""

    def __init__(self, **options: Any) -> None:
        self.queue: list[dict[str, Any]] = []
        super().__init__(**options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        if msg_type == "comm_msg" and data["method"] in {"update", "custom"}:
            texts = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers or []]
            # As it was when it was sent: the widget goes on changing its own objects.
            self.queue.append(json.loads(json.dumps({"data": data, "buffers": texts})))


class LiveWidget:
    """A module in a page with its real Python widget behind it, over the real protocol without a kernel.

    Parameters
    ----------
    page, pages, base_url
        As for :class:`FakeModel`.
    widget : anywidget.AnyWidget
        What the page shows.
    """

    def __init__(
        self, page: Any, pages: dict[str, str], base_url: str, widget: Any, *, is_dark: bool = False
    ) -> None:
        self.page = page
        self.widget = widget
        self._wire = _Wire(target_name="jupyter.widget", comm_id=f"wire-{id(self)}")
        widget.comm = self._wire
        _open(page, pages, base_url, str(widget._esm), is_dark=is_dark)
        page.expose_function("toKernel", self._answer)
        state = {name: _encoded(value) for name, value in widget.get_state().items() if name[0] != "_"}
        self._wire.queue.clear()
        page.evaluate("([state, css]) => mount(state, css)", [state, str(getattr(widget, "_css", ""))])

    def _answer(self, text: str) -> str:
        message = json.loads(text)
        buffers = [memoryview(base64.b64decode(one)) for one in message["buffers"]]
        data = {"buffer_paths": []} | message["data"]
        self.widget._handle_msg({"content": {"data": data}, "buffers": buffers})
        return json.dumps(self._drain())

    def _drain(self) -> list[dict[str, Any]]:
        waiting, self._wire.queue[:] = list(self._wire.queue), []
        return waiting

    def flush(self) -> None:
        """Bring to the page what Python changed since the page last asked."""
        self.page.evaluate("messages => widget.model.take(messages)", self._drain())
