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

test("a tint has a colour inside, another on the edge, and nothing elsewhere", () => {
  const pixels = new Uint8ClampedArray(12).fill(77);
  tintMask(pixels, Uint8Array.of(0, 1, 1), Uint8Array.of(0, 0, 1), [9, 8, 7, 140], [255, 255, 255, 230]);
  assert.deepEqual([...pixels], [0, 0, 0, 0, 9, 8, 7, 140, 255, 255, 255, 230]);
});

test("runs go on in the next column", () => {
  assert.deepEqual([...paintRuns([1, 4, 1], 3, 2)], [0, 1, 1, 1, 1, 0]);
});

test("an outline of some thickness is what as many erosions take away", () => {
  const [height, width] = [17, 23];
  const mask = Uint8Array.from({ length: height * width }, (_, at) => ((at * 7919) % 11 ? 1 : 0));
  for (const thickness of [1, 2, 3]) {
    let core = mask;
    for (let round = 0; round < thickness; round += 1) {
      core = core.map((value, at) => {
        const [x, y] = [at % width, Math.floor(at / width)];
        const isInner = x > 0 && y > 0 && x < width - 1 && y < height - 1;
        return isInner ? value & core[at - 1] & core[at + 1] & core[at - width] & core[at + width] : 0;
      });
    }
    assert.deepEqual(outlineOf(mask, height, width, thickness), mask.map((value, at) => value & (1 - core[at])));
  }
});
