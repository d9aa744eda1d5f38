"""The pure functions of our JavaScript, by node; and that what a notebook gets imports nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from samframe.images import Upright
from samframe.images.geometry import turn
from samframe.masks import Mask
from samframe.widgets import module_text

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent.parent / "samframe" / "widgets" / "static"


def node(*arguments: str) -> str:
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    done = subprocess.run(
        ["node", *arguments], capture_output=True, text=True, check=False, timeout=100, cwd=HERE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pure_functions_pass_their_own_tests():
    """Every *.test.mjs passes in node, and there are some."""
    files = sorted(str(path) for path in (HERE / "js").glob("*.test.mjs"))
    told = node("--test", "--test-reporter=tap", *files)

    assert int(re.search(r"^# pass (\d+)", told, re.MULTILINE)[1]) >= len(files) > 0
    assert re.search(r"^# fail 0", told, re.MULTILINE)


def test_page_and_python_read_the_same_counts():
    """Masks of many shapes are painted in JavaScript pixel for pixel as in Python."""
    noise = np.random.RandomState(7)
    masks = [
        noise.rand(h, w) < share for h, w, share in [(1, 1, 0.0), (9, 4, 1.0), (40, 31, 0.3), (90, 120, 0.5)]
    ]
    lines = [f"[{list(Mask.from_numpy(mask).counts)}, {mask.shape[0]}, {mask.shape[1]}]" for mask in masks]
    code = (
        f'import {{ decodeCounts, paintRuns }} from "{(STATIC / "mask.js").as_uri()}";'
        f"for (const [counts, h, w] of [{','.join(lines)}])"
        "console.log([...paintRuns(decodeCounts(Uint8Array.from(counts)), h, w)].join(''));"
    )
    painted = node("--input-type=module", "--eval", code).split()

    assert painted == ["".join(map(str, mask.astype(int).ravel())) for mask in masks]


def test_page_and_python_turn_alike():
    """In all eight orientations pixels and places go upright in JavaScript as in Python, and back again."""
    stored, place = (3, 4), (1, 2)
    raster = np.arange(12, dtype=np.uint8).reshape(stored)
    module = (STATIC / "upright.js").as_uri()
    code = (
        f'import {{ placeToStored, placeToUpright, turnPixels, uprightSize }} from "{module}";'
        f"const raster = {{ pixels: Uint8Array.from({raster.ravel().tolist()}), height: 3, width: 4 }};"
        "for (let turn = 1; turn <= 8; turn += 1) {"
        f"const there = placeToUpright({list(place)}, [3, 4], turn, 1);"
        "const edge = placeToStored(placeToUpright([0.25, 3], [3, 4], turn, 0), [3, 4], turn, 0);"
        "const turned = turnPixels(raster, turn);"
        "console.log(JSON.stringify([[...turned.pixels], uprightSize([3, 4], turn), [turned.height, turned.width],"
        "there, placeToStored(there, [3, 4], turn, 1), edge])); }"
    )
    lines = node("--input-type=module", "--eval", code).splitlines()

    assert len(lines) == 8
    for orientation, line in enumerate(lines, 1):
        pixels, size, turned_size, there, back, edge = json.loads(line)
        upright = Upright(size_hw=stored, stored_hw=stored, orientation=orientation)
        assert np.array(pixels).reshape(size).tolist() == turn(raster, orientation).tolist()
        assert tuple(size) == tuple(turned_size) == upright.full_hw
        assert there == upright.points(np.array([place], float))[0].tolist()
        assert (back, edge) == (list(place), [0.25, 3])


def test_a_widgets_module_is_javascript(tmp_path):
    """What is left of a module once comments, blanks and line ends are taken out is a module that node can parse."""
    for path in STATIC.glob("*.js"):
        file = tmp_path / f"{path.stem}.mjs"
        file.write_text(module_text(path.stem), encoding="utf-8")

        assert node("--check", str(file)) == ""


def test_a_widgets_module_imports_nothing():
    """What a notebook gets is one module: no import, nothing remote, at most one default export."""
    for path in STATIC.glob("*.js"):
        text = module_text(path.stem)

        assert not re.search(r"(^|[;}\n])\s*import\b|\bimport\s*\(", text), path.name
        assert "//" not in re.sub(r"http://www\.w3\.org/", "", text), path.name
        assert len(re.findall(r"\bexport default\b", text)) == ("export default" in path.read_text())
