"""Check the built pages: links lead somewhere, nothing is asked of other sites, and no private name is shown.

Run as ``python docs/check_site.py docs/_build/html``; ``make docs`` does.
"""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: A module of the package with an underscore before its name: what the reference must not show.
PRIVATE = re.compile(r"\bsamframe(?:\.\w+)*\._[a-z]\w*")
#: What a page fetches by itself, unlike a link that a reader follows.
FETCHED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
#: Made by Sphinx for other programs, and for people only where the page says so.
NO_PAGES = ("_static", "_sphinx_design_static")


class Page(HTMLParser):
    """The anchors of a page and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect ids, links and what is fetched."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        is_hint = values.get("rel") in {"canonical", "next", "prev", "search", "index", "preconnect"}
        for name in ("href", "src"):
            if name in values:
                fetched = (tag, name) in FETCHED and not is_hint
                (self.fetched if fetched else self.links).append(values[name])


def broken_links(pages: dict[Path, Page], root: Path, prefix: str) -> list[str]:
    """Return each internal link whose file or anchor is not there."""
    broken = []
    for path, page in pages.items():
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            place = unquote(parts.path)
            absolute = place.startswith("/")
            target = root / place.removeprefix(prefix).lstrip("/") if absolute else path.parent / place
            target = (path if not place else target).resolve()
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                broken.append(f"{path.relative_to(root)}: {link}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                broken.append(f"{path.relative_to(root)}: {link}: no such place in it")
    return broken


def remote(pages: dict[Path, Page], root: Path) -> list[str]:
    """Return what a page would fetch from another site."""
    return [
        f"{path.relative_to(root)}: fetches {link}"
        for path, page in pages.items()
        for link in page.fetched
        if urlsplit(link).netloc
    ]


def private_names(texts: dict[Path, str], root: Path) -> list[str]:
    """Return each private name that a page, or the index of the search, shows."""
    index = (root / "searchindex.js").read_text("utf-8")
    found = [(path, name) for path, text in texts.items() for name in PRIVATE.findall(text)]
    found += [(root / "searchindex.js", name) for name in PRIVATE.findall(index)]
    objects = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")")).get("objects", {})
    for module, names in objects.items():
        parts = [*module.split("."), *(entry[-1] if isinstance(entry, list) else entry for entry in names)]
        found += [(root / "searchindex.js", f"{module}: {part}") for part in parts if _is_private(part)]
    return [f"{path.relative_to(root)}: {name}" for path, name in dict.fromkeys(found)]


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def main() -> int:
    """Check, print what is wrong, and return the exit status."""
    root = Path(sys.argv[1]).resolve()
    prefix = sys.argv[2] if len(sys.argv) > 2 else "/samframe/"  # noqa: PLR2004 - the program's own name is one
    texts = {
        path: path.read_text("utf-8")
        for path in sorted(root.rglob("*.html"))
        if path.relative_to(root).parts[0] not in NO_PAGES
    }
    pages = {path: Page(text) for path, text in texts.items()}
    wrong = broken_links(pages, root, prefix) + remote(pages, root) + private_names(texts, root)
    links = sum(len(page.links) + len(page.fetched) for page in pages.values())
    print("\n".join(wrong))
    print(f"{len(pages)} pages, {links} links: {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
