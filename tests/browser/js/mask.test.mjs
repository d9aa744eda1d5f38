// Run lengths in the page: decoded, painted, outlined, tinted.

import assert from "node:assert/strict";
import test from "node:test";

import { decodeCounts, outlineOf, paintRuns, tintMask } from "../../../samframe/widgets/static/mask.js";

const bytes = (text) => new TextEncoder().encode(text);
// pycocotools encodes [[0,1,1],[0,0,1]] (column-major runs 2 1 1 2) so.
test("counts are those of pycocotools", () => {
  assert.deepEqual(decodeCounts(bytes("2111")), [2, 1, 1, 2]);
});

test("no counts are no runs", () => {
  assert.deepEqual(decodeCounts(bytes("")), []);
});

test("cut or foreign counts are refused", () => {
  assert.throws(() => decodeCounts(bytes("P")), RangeError);
  assert.throws(() => decodeCounts(bytes("<script>!")), RangeError);
});

test("runs are painted down the columns", () => {
  assert.deepEqual([...paintRuns([2, 1, 1, 2], 2, 3)], [0, 1, 1, 0, 0, 1]);
});

test("runs that do not fit are refused", () => {
  assert.throws(() => paintRuns([7], 2, 3), RangeError);
  assert.throws(() => paintRuns([5], 2, 3), RangeError);
  assert.throws(() => paintRuns([7, -1], 2, 3), RangeError);
});

test("an outline is the inner edge, closed at the border of the image", () => {
  const full = new Uint8Array(25).fill(1);
  const ring = [...outlineOf(full, 5, 5)];
  assert.equal(ring.reduce((sum, value) => sum + value), 16);
  assert.equal(ring[12], 0);
  assert.equal([...outlineOf(full, 5, 5, 2)].reduce((sum, value) => sum + value), 24);
});

test("a tint is opaque inside and transparent outside", () => {
  assert.deepEqual([...tintMask(Uint8Array.of(0, 1), [9, 8, 7])], [0, 0, 0, 0, 9, 8, 7, 255]);
});
