"""The harness itself: a model in a page, and a notebook in JupyterLab."""

from __future__ import annotations

from harness import FakeModel

ECHO = """
export default { render({ model, el }) {
  el.textContent = `${model.get("label")} ${new Uint8Array(model.get("data").buffer).join()}`;
  model.on("msg:custom", (content, buffers) => {
    el.textContent = `${content.text} ${buffers[0].getUint8(0)}`;
  });
  model.on("change:label", () => { el.textContent = model.get("label"); });
  model.set("state", "set");
  model.save_changes();
  model.send({ kind: "hello" });
} };
"""


def test_a_module_gets_its_model(chromium_page, site):
    """Traits, bytes, custom messages with buffers and saved changes go both ways."""
    fake = FakeModel(chromium_page, *site, ECHO, {"label": "a", "data": b"\x01\x02"})
    first = chromium_page.inner_text("#root")
    fake.receive({"text": "<b>"}, [b"\x07"])

    assert first == "a 1,2"
    assert chromium_page.inner_text("#root") == "<b> 7"
    assert fake.sent() == [{"state": "set"}, {"kind": "hello"}]
    fake.set(label="from the kernel")
    assert chromium_page.inner_text("#root") == "from the kernel"


def test_a_notebook_runs_in_jupyterlab(lab, watch):
    """Run all runs all, a cell runs again, and Stop interrupts."""
    name = lab.write(
        "harness.ipynb", ["n = 1", "n += 1; print('n is', n)", "import time\nif n > 2: time.sleep(60)"]
    )
    notebook = lab.open(name, watch=watch)
    notebook.run_all()
    assert notebook.text(1) == "n is 2"

    notebook.run_cell(1)
    assert notebook.text(1) == "n is 3"

    notebook.run_cell(2, wait=False)
    notebook.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    notebook.interrupt()
    notebook.output(2).get_by_text("KeyboardInterrupt").first.wait_for()
    saved = notebook.save()
    notebook.close()

    assert saved.cells[1].outputs[0].text == "n is 3\n"
