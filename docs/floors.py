"""The floors and rooms of the house as a picture, made of import-linter's contracts: the directive ``{floors}``."""

from __future__ import annotations

import html
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
ROOT = "samframe"


def read_floors(path: Path = PYPROJECT) -> tuple[list[list[str]], dict[str, list[list[str]]]]:
    """Return the floors from the top, and for each package its rooms; what stands side by side is one list."""
    contracts = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layered = [contract for contract in contracts if contract["type"] == "layers"]
    (house,) = (contract for contract in layered if "containers" not in contract)
    rooms = {
        container: _split(contract["layers"])
        for contract in layered
        for container in contract.get("containers", ())
    }
    return _split(house["layers"]), rooms


def floors_html() -> str:
    """Return the picture: a list of floors, each a list of packages, each with its rooms."""
    floors, rooms = read_floors()
    return f'<ol class="floors" role="list">{"".join(_floor(names, rooms) for names in floors)}</ol>'


def _split(layers: list[str]) -> list[list[str]]:
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def _floor(names: list[str], rooms: dict[str, list[list[str]]]) -> str:
    packages = []
    for name in names:
        inside = "".join(
            f"<li>{' | '.join(html.escape(room) for room in layer)}</li>" for layer in rooms.get(name, ())
        )
        below = f'<ol role="list">{inside}</ol>' if inside else ""
        packages.append(f"<li><code>{html.escape(name.removeprefix(f'{ROOT}.'))}</code>{below}</li>")
    return f'<li><ul role="list">{"".join(packages)}</ul></li>'


class Floors(Directive):
    """Puts the picture into a page."""

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        return [nodes.raw("", floors_html(), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known; a page with it depends on the contracts."""
    app.add_directive("floors", Floors)
    return {"parallel_read_safe": True}
