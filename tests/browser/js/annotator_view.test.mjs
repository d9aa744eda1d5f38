import assert from "node:assert/strict";
import { test } from "node:test";
import {
  actionOf, compareMasks, fitView, hitPoint, isConsented, pixelAt, pointsAhead, sampleRuns, stillPending, thinPath,
  toImage, toScreen, zoomAt,
} from "../../../samframe/widgets/static/annotator_view.js";
import { paintRuns } from "../../../samframe/widgets/static/mask.js";

test("a fitted view centres the whole image", () => {
  const view = fitView(200, 100, 216, 400);
  assert.equal(view.scale, 1);
  assert.deepEqual(toScreen(view, 0, 0), [8, 150]);
  assert.deepEqual(toScreen(view, 200, 100), [208, 250]);
});

test("screen and image are each other's inverse, at any zoom", () => {
  let view = fitView(333, 777, 640, 480);
  for (const factor of [1.3, 0.2, 9, 0.7]) {
    view = zoomAt(view, factor, 123, 45, 0.01, 64);
    const [x, y] = toScreen(view, ...toImage(view, 17.5, 301.25));
    assert.ok(Math.abs(x - 17.5) < 1e-9 && Math.abs(y - 301.25) < 1e-9);
  }
});

test("zooming leaves the point under the pointer where it is, and holds its limits", () => {
  const view = fitView(200, 100, 600, 300);
  const before = toImage(view, 77, 88);
  const after = toImage(zoomAt(view, 3, 77, 88, 0.1, 64), 77, 88);
  assert.ok(Math.hypot(before[0] - after[0], before[1] - after[1]) < 1e-9);
  assert.equal(zoomAt(view, 1e9, 0, 0, 0.1, 64).scale, 64);
  assert.equal(zoomAt(view, 1e-9, 0, 0, 0.1, 64).scale, 0.1);
});

test("a pixel is hit from its first edge to before its last, and nothing outside", () => {
  const view = { scale: 4, x: 10, y: 20 };
  assert.deepEqual(pixelAt(view, 10, 20, 50, 30), [0, 0]);
  assert.deepEqual(pixelAt(view, 13.99, 23.99, 50, 30), [0, 0]);
  assert.deepEqual(pixelAt(view, 14, 24, 50, 30), [1, 1]);
  assert.deepEqual(pixelAt(view, 209.9, 139.9, 50, 30), [49, 29]);
  assert.equal(pixelAt(view, 210, 30, 50, 30), null);
  assert.equal(pixelAt(view, 9.9, 30, 50, 30), null);
});

test("the uppermost point within reach is hit", () => {
  const view = { scale: 2, x: 0, y: 0 };
  const points = [[10, 10, true], [12, 10, false], [90, 90, true]];
  assert.equal(hitPoint(view, points, 23, 21, 8), 1);
  assert.equal(hitPoint(view, points, 21, 21, 3), 0);
  assert.equal(hitPoint(view, points, 100, 21, 8), -1);
});

test("a thinned path keeps its ends and its shape", () => {
  const path = Array.from({ length: 101 }, (_, at) => [at / 10, 0]);
  const thin = thinPath(path, 1);
  assert.deepEqual(thin[0], [0, 0]);
  assert.deepEqual(thin.at(-1), [10, 0]);
  assert.ok(thin.length <= 12);
  assert.deepEqual(thinPath([[1.234567, 2]], 1), [[1.23, 2]]);
});

test("deeds are pending until the kernel has done them, and points run ahead", () => {
  const deeds = [
    { deed: 3, do: "point", row: 1, x: 5, y: 6, include: true },
    { deed: 4, do: "remove_point", row: 1, at: 0 },
    { deed: 5, do: "point", row: 2, x: 9, y: 9, include: true },
  ];
  assert.deepEqual(stillPending(deeds, 3).map((deed) => deed.deed), [4, 5]);
  assert.deepEqual(stillPending(deeds, -1).length, 3);
  assert.deepEqual(pointsAhead([[1, 1, false]], 1, deeds), [[5, 6, true]]);
  assert.deepEqual(pointsAhead([], 7, deeds), []);
});

test("keys act outside of text, and text takes them inside", () => {
  const key = (name, more = {}) => actionOf({ key: name, ...more });
  assert.equal(key("A"), "accept");
  assert.equal(key("Enter"), "send");
  assert.equal(key("Enter", { shiftKey: true }), "send_queue");
  assert.equal(key("z", { ctrlKey: true }), "undo");
  assert.equal(key("Z", { metaKey: true, shiftKey: true }), "redo");
  assert.equal(key("a", { ctrlKey: true }), null);
  assert.equal(key("a", { isWriting: true }), null);
  assert.equal(key("Enter", { isWriting: true }), "send");
  assert.equal(key("Escape", { isWriting: true }), "leave");
  assert.equal(key("constructor"), null);
});

test("nothing goes out for more than was shown", () => {
  assert.ok(isConsented(0.002, 0.002));
  assert.ok(isConsented(0.002, 0));
  assert.ok(!isConsented(0, 0.002));
  assert.ok(!isConsented(null, 0.002));
  assert.ok(!isConsented(0.002, null));
});

test("runs sampled at their own size are the painted mask, and smaller ones pick the centres", () => {
  const runs = [7, 5, 11, 2, 30, 1, 4];
  const [height, width] = [10, 6];
  const painted = paintRuns(runs, height, width);
  assert.deepEqual(sampleRuns(runs, height, width, height, width), painted);
  const small = sampleRuns(runs, height, width, 5, 3);
  for (let y = 0; y < 5; y += 1) {
    for (let x = 0; x < 3; x += 1) assert.equal(small[y * 3 + x], painted[(2 * y + 1) * width + 2 * x + 1]);
  }
});

test("comparing tells what was kept, added and removed", () => {
  assert.deepEqual(compareMasks(Uint8Array.of(0, 1, 0, 1), Uint8Array.of(0, 1, 1, 0)), Uint8Array.of(0, 1, 2, 3));
});
