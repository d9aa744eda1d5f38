"""Money in notebooks: what MathJax would take for a formula, by its own rules, in everything that shows money."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from samframe.frame.call.report import RunReport
from samframe.ground.html import facts_table, html_text
from samframe.jobs import Budget, Plan, Progress
from samframe.widgets import ProgressPanel

_FORMULA = re.compile(r"\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{.+?\\end\{", re.DOTALL)


class MathJax(HTMLParser):
    """The strings in which MathJax 2 to 4 look for formulas: text between tags, comments and ``br`` do not part it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.strings = [""]

    def handle_starttag(self, tag, attrs):
        if tag not in {"br", "wbr"}:
            self.strings.append("")

    def handle_endtag(self, tag):
        self.strings.append("")

    def handle_data(self, data):
        self.strings[-1] += data

    @classmethod
    def formulas(cls, page):
        parser = cls()
        parser.feed(page)
        parser.close()
        return [found for text in parser.strings for found in _FORMULA.findall(text)]


def shown_text(page):
    parser = MathJax()
    parser.feed(page)
    return "".join(parser.strings)


def budget():
    spent = Budget(price=0.002)
    spent.known, spent.in_doubt = 0.5, 3
    return spent


def plan():
    return Plan(
        rows=9, to_pay=5, in_doubt=2, price_usd=0.002, max_cost=0.5, notes=("$1 and $2",)
    )._repr_html_()


def report():
    report = RunReport(
        rows=9,
        jobs=9,
        seconds=1.0,
        by_status={"failed": 9},
        usd_low=0.5,
        usd_high=0.6,
        calls={},
        refused=0,
        reason=r"a prompt \(x\) of $5 or $6",
        notes=("from $1 to $2",),
    )
    return report._repr_html_()


def panel():
    progress = Progress(rows=9, budget=budget(), remaining_credits=5.0, message="$1 or $2")
    shown = ProgressPanel(progress, stop=lambda: None)
    live = " ".join(widget.value for widget in (shown._counts, shown._figures))
    shown.close(progress)
    return live + shown.widget.children[0].value


@pytest.mark.parametrize("make", [plan, report, panel])
def test_money_is_no_formula(make):
    """However many dollars stand side by side: no pair of them is found, and all are there to be read."""
    page = make()

    assert MathJax.formulas(page) == []
    assert shown_text(page).count("$") >= 4
    assert "mathjax_ignore" in page
    assert "tex2jax_ignore" in page


def test_the_rules_find_what_was_eaten():
    """The rules of this test see the fault that they are there for."""
    assert MathJax.formulas("<td>$0.50 ($0.002 a job)</td>") == ["$0.50 ($"]


@pytest.mark.parametrize(
    "text", ["$a$", r"\(a\)", r"\[a\]", r"\begin{a}\end{a}", "$$a$$", r"\$a\$", "<b>$1</b> $2"]
)
def test_text_reads_as_it_is(text):
    """No formula and no markup, and the very text."""
    assert MathJax.formulas(html_text(text)) == []
    assert shown_text(html_text(text)) == text


def test_a_table_is_text():
    """Names and values of a table are text, its caption too."""
    page = facts_table([("<i>", "$1")], caption="$2")

    assert "<i>" not in page
    assert shown_text(page) == "$2<i>$1"
