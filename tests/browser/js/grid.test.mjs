// The gallery's geometry, keys and memory.

import assert from "node:assert/strict";
import test from "node:test";

import {
  Lru, cornerOf, ellipsize, fitInto, gridLayout, moveFocus, placeAt, rangeOf, visiblePlaces, zoomView,
} from "../../../samframe/widgets/static/grid.js";

const sizes = { tile: 100, gap: 10, caption: 30 };

test("what was not asked for the longest is forgotten, and handed back", () => {
  const kept = new Lru(2);
  kept.set("a", 1);
  kept.set("b", 2);
  kept.get("a");
  assert.deepEqual(kept.set("c", 3), [2]);
  assert.equal(kept.has("b"), false);
  assert.equal(kept.get("a"), 1);
  assert.deepEqual(kept.clear(), [3, 1]);
  assert.equal(kept.get("a"), undefined);
  kept.set("a", 4);
  assert.deepEqual(kept.set("a", 5), [4]);
});

test("columns fill the width, and one is the least", () => {
  assert.equal(gridLayout(340, 7, sizes).columns, 3);
  assert.equal(gridLayout(339, 7, sizes).columns, 2);
  assert.equal(gridLayout(10, 7, sizes).columns, 1);
  assert.equal(gridLayout(340, 0, sizes).rows, 0);
});

test("a place and the point in its middle lead to each other, at every width", () => {
  for (const width of [120, 333, 777, 1280]) {
    const layout = gridLayout(width, 23, sizes);
    for (let place = 0; place < 23; place += 1) {
      const [x, y] = cornerOf(layout, place);
      assert.equal(placeAt(layout, 23, x + 50, y + 50), place);
      assert.ok(x >= 0 && x + 100 <= width);
    }
    assert.equal(placeAt(layout, 23, -20, 20), -1);
    assert.equal(placeAt(layout, 23, 20, layout.height + 200), -1);
  }
});

test("all tiles that touch the window are seen, and none far from it", () => {
  const layout = gridLayout(340, 3000, sizes);
  assert.deepEqual(visiblePlaces(layout, 3000, 0, 280), [0, 6]);
  assert.deepEqual(visiblePlaces(layout, 3000, 1400, 280), [27, 36]);
  assert.deepEqual(visiblePlaces(layout, 5, 0, 900), [0, 5]);
  assert.deepEqual(visiblePlaces(layout, 0, 0, 900), [0, 0]);
  assert.deepEqual(visiblePlaces(layout, 3000, 1e9, 900), [3000, 3000]);
});

test("arrows move by one and by a line, and stop at the ends", () => {
  assert.equal(moveFocus("ArrowRight", 1, 3, 8), 2);
  assert.equal(moveFocus("ArrowDown", 1, 3, 8), 4);
  assert.equal(moveFocus("ArrowDown", 6, 3, 8), 6);
  assert.equal(moveFocus("ArrowLeft", 0, 3, 8), 0);
  assert.equal(moveFocus("PageDown", 1, 3, 8, 9), 7);
  assert.equal(moveFocus("Home", 5, 3, 8), 0);
  assert.equal(moveFocus("End", 5, 3, 8), 7);
  assert.equal(moveFocus("ArrowRight", -1, 3, 8), 0);
  assert.equal(moveFocus("ArrowRight", -1, 3, 0), null);
  assert.equal(moveFocus("x", 1, 3, 8), null);
});

test("a picture fits whole, in the middle", () => {
  assert.deepEqual(fitInto(200, 100, 100, 100), [0, 25, 100, 50]);
  assert.deepEqual(fitInto(10, 20, 100, 100), [25, 0, 50, 100]);
});

test("a zoom keeps the point under the pointer, and ends where the picture is whole", () => {
  const view = zoomView({ scale: 1, x: 0, y: 0 }, 2, 30, 40);
  assert.deepEqual(view, { scale: 2, x: -30, y: -40 });
  assert.deepEqual(zoomView(view, 0, 0, 0), { scale: 1, x: 0, y: 0 });
  assert.equal(zoomView(view, 1000, 0, 0).scale, 32);
});

test("a range has both its ends, and is empty backwards", () => {
  assert.deepEqual(rangeOf(1, 3), [1, 2, 3]);
  assert.deepEqual(rangeOf(0, -1), []);
  assert.deepEqual(rangeOf(2, 2), [2]);
});

test("a text is cut to its width, not in the middle of a character", () => {
  const measure = (text) => text.length;
  assert.equal(ellipsize("short", 5, measure), "short");
  assert.equal(ellipsize("too long", 5, measure), "too \u2026");
  assert.equal(ellipsize("\u{1f408}\u{1f408}\u{1f408}", 4, measure), "\u{1f408}\u2026");
  assert.equal(ellipsize("x".repeat(10000), 9, measure).length, 9);
});
