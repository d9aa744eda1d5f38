"""axe-core in a page: what a screen reader, a keyboard or weak eyes would stumble on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

#: axe's own words for how much a finding matters, of which these are none to live with.
SERIOUS = ("serious", "critical")


@cache
def axe_source() -> str:
    """Return axe-core's script, as axe-playwright-python brings it along."""
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def serious_findings(
    page: Any,
    within: str | None = None,
    *,
    leave_out: tuple[str, ...] = (),
    rules: tuple[str, ...] | None = None,
) -> list[str]:
    """Return a line for each serious or critical finding in a page.

    Parameters
    ----------
    page : playwright Page
    within : str, optional
        A selector: only what lies in it is looked at. None: the whole page.
    leave_out : tuple of str, optional
        Rules of axe that do not apply, such as ``region`` for a widget that stands alone.
    rules : tuple of str, optional
        The only rules to ask. None: all.
    """
    page.evaluate(axe_source())
    result = page.evaluate(
        """async ([within, leaveOut, only]) => {
            const rules = Object.fromEntries(leaveOut.map((rule) => [rule, { enabled: false }]));
            const asked = only ? { runOnly: only } : { rules };
            return await axe.run(within ?? document, { ...asked, resultTypes: ["violations"] });
        }""",
        [within, list(leave_out), rules and list(rules)],
    )
    return [
        f"{finding['impact']}: {finding['id']}: {node['target'][0]}: {finding['help']}"
        for finding in result["violations"]
        if finding["impact"] in SERIOUS
        for node in finding["nodes"]
    ]
