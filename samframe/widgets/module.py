"""A widget's JavaScript as one ES module, imports put in their place, and its style sheet: no build step."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["module_text", "style_text"]

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^\s*//.*\n", re.MULTILINE)
# A block's end, too: every statement of ours ends in a semicolon.
_LINE_END = re.compile(r"([;{},(\[])\n")
_INDENT = re.compile(r"^\s+", re.MULTILINE)
# What stays as it is (texts, patterns), or blanks beside a sign that needs none. Not `a - -b`, which is no `a--b`.
_BLANKS = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\\n])*`|/(?![*/ ])(?:\\.|\[[^\]\n]*\]|[^/\n\\\[])+/)"""
    r"""|[ ]([-+/%]=?)[ ](?=[\w("'`[$])|[ ]*([=(){}\[\],;:?&|<>*!])[ ]*"""
)

_STYLE_BLANKS = re.compile(r"\s*([{};:,])\s+|\s+(?=\{)")


@cache
def module_text(name: str) -> str:
    """Return the text of a module of ``samframe/widgets/static`` that imports nothing.

    ``import { a } from "./b.js";`` becomes the text of ``b.js`` without its exports, once; lines that are comments, and
    blanks and line ends that mean nothing, are left out, since the text is saved with every notebook. So modules keep
    to imports of this one form, to names that differ between them, and to template literals of one line without another
    inside.

    Parameters
    ----------
    name : str
        Without its ending: ``"gallery"``.
    """
    text = _inlined(f"{name}.js", {f"{name}.js"})
    text = _LINE_END.sub(r"\1", _INDENT.sub("", _COMMENT_LINE.sub("", text)))
    return _BLANKS.sub(lambda match: _quoted(match[1]) if match[1] else match[2] or match[3], text)


def _quoted(literal: str) -> str:
    """Return a text in quotes that JSON, which keeps a notebook, writes as one byte each."""
    is_plain = literal.startswith('"') and not {"'", "\\"} & set(literal)
    return f"'{literal[1:-1]}'" if is_plain else literal


@cache
def style_text(name: str) -> str:
    """Return the text of a style sheet of ``samframe/widgets/static``, without blanks that mean nothing.

    Parameters
    ----------
    name : str
        Without its ending: ``"gallery"``.
    """
    text = files("samframe.widgets").joinpath("static", f"{name}.css").read_text(encoding="utf-8")
    return _STYLE_BLANKS.sub(lambda match: match[1] or "", text)


def _inlined(file_name: str, seen: set[str]) -> str:
    text = files("samframe.widgets").joinpath("static", file_name).read_text(encoding="utf-8")

    def neighbour(match: re.Match[str]) -> str:
        if match[1] in seen:
            return ""
        seen.add(match[1])
        return _EXPORT.sub("", _inlined(match[1], seen))

    return _IMPORT.sub(neighbour, text)
