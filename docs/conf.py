"""Sphinx configuration: MyST pages and notebooks, numpydoc docstrings, the pydata theme."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samframe import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent

project = "samframe"
author = "The samframe developers"
copyright = "The samframe developers"  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = [
    "floors",
    "myst_nb",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings tell types, with shape and unit
autodoc_inherit_docstrings = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
maximum_signature_line_length = 70  # a longer signature has one parameter a line
toc_object_entries_show_parents = "hide"

# The notebooks are kept without outputs, and run when the pages are made; the cache is for the next time.
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)
nb_execution_mode = "cache"
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
# A page has no kernel: it shows the small picture that stays of a widget, and asks no other site for code.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

notfound_urls_prefix = "/samframe/"

html_theme = "pydata_sphinx_theme"
html_title = "samframe"
html_favicon = "_static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_options = {"type": "default"}
html_search_scorer = str(HERE / "_static/scorer.js")
html_sidebars = {"index": [], "404": []}
html_theme_options = {
    "logo": {"text": "samframe", "image_light": "_static/mark.svg", "image_dark": "_static/mark.svg"},
    "icon_links": [
        {"name": "GitHub", "url": "https://github.com/samframe/samframe", "icon": "fa-brands fa-github"},
    ],
    "navigation_depth": 1,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_domain_indices = False


#: Classes that calls return: how they are made is no concern of their users.
MADE_BY_CALLS = {
    "samframe.DatasetRun",
    "samframe.Run",
    "samframe.dask.DaskFrameSam",
    "samframe.dask.DaskSeriesSam",
    "samframe.frame.FrameSam",
    "samframe.frame.SeriesSam",
    "samframe.widgets.Annotator",
    "samframe.widgets.Viewer",
}


def leave_out_signature(
    app: Sphinx, kind: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Show such a class without what it is made of."""
    return ("", None) if kind == "class" and name in MADE_BY_CALLS else None


def leave_out_parameters(
    app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Take the section of its parameters out of such a class's docstring, before napoleon reads it."""
    heads = [at for at, line in enumerate(lines[1:]) if line and set(line) == {"-"}]
    if kind != "class" or name not in MADE_BY_CALLS:
        return
    for number, head in enumerate(heads):
        if lines[head] == "Parameters":
            end = heads[number + 1] if number + 1 < len(heads) else len(lines)
            del lines[head:end]
            return


SIGNATURE = re.compile(r'<dt class="sig.*?</dt>', re.DOTALL)


def write_signatures_as_lines(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Make lines of the parameters of a long signature: as the list without terms that they are, no reader reads it."""

    def lines(found: re.Match[str]) -> str:
        text = found[0].replace("<dl>", '<div class="sig-lines">').replace("</dl>", "</div>")
        return text.replace("<dd>", "<div>").replace("</dd>", "</div>")

    if "body" in context:
        context["body"] = SIGNATURE.sub(lines, context["body"])


def leave_out_widget_state(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take out of a page what only a live widget needs: no page has one, and it is half of the bytes."""
    context["script_files"] = [
        script
        for script in context.get("script_files", ())
        if "widget-state" not in str(getattr(script, "attributes", {}).get("type", ""))
    ]


def setup(app: Sphinx) -> None:
    """Connect what is ours."""
    app.connect("autodoc-process-signature", leave_out_signature)
    app.connect("autodoc-process-docstring", leave_out_parameters, priority=100)
    app.connect("html-page-context", write_signatures_as_lines, priority=900)
    app.connect("html-page-context", leave_out_widget_state, priority=900)
