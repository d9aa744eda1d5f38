// What the gallery asks for: what is seen and not there, in good time; the next line when nothing is owed.

import assert from "node:assert/strict";
import test from "node:test";

import { Asking } from "../../../samframe/widgets/static/asking.js";

const order = Uint32Array.from({ length: 1000 }, (_, at) => 999 - at);

test("what is in view is asked for once, by id", () => {
  const asking = new Asking();
  assert.deepEqual(asking.inView(order, 0, 3), [999, 998, 997]);
  assert.deepEqual(asking.inView(order, 0, 3), []);
});

test("what is there is not asked for", () => {
  const asking = new Asking();
  asking.keep(998, "tile");
  assert.deepEqual(asking.inView(order, 0, 3), [999, 997]);
});

test("nothing is asked for beyond the last row", () => {
  assert.deepEqual(new Asking().inView(order, 998, 1010), [1, 0]);
});

test("while the kernel owes much nothing more is asked for, and the latest view comes next", () => {
  const asking = new Asking();
  const first = asking.inView(order, 0, 24);
  assert.deepEqual(asking.inView(order, 500, 524), []);
  first.slice(0, 12).forEach((id) => asking.keep(id, "tile"));
  assert.equal(asking.inView(order, 500, 524).length, 24);
});

test("one request is not without limit", () => {
  assert.equal(new Asking().inView(order, 0, 900).length, 64);
});

test("what comes next waits until nothing is owed", () => {
  const asking = new Asking();
  asking.inView(order, 0, 1);
  assert.deepEqual(asking.ahead(order, 1, 3), []);
  asking.keep(999, "tile");
  assert.deepEqual(asking.ahead(order, 1, 3), [998, 997]);
});

test("what the kernel sends unasked is waited for", () => {
  const asking = new Asking();
  asking.expect([999, 998]);
  assert.equal(asking.isQuiet, false);
  assert.deepEqual(asking.inView(order, 0, 3), [997]);
});

test("what does not come may be asked for again, later each time until something comes", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let calls = 0;
  const asking = new Asking(() => { calls += 1; });
  assert.equal(asking.inView(order, 0, 24).length, 24);
  context.mock.timers.tick(9000);
  asking.keep(999, "tile");
  context.mock.timers.tick(9999);
  assert.deepEqual([calls, asking.inView(order, 0, 24)], [0, []]);
  context.mock.timers.tick(1);
  assert.deepEqual([calls, asking.inView(order, 0, 24).length], [1, 23]);
  context.mock.timers.tick(19999);
  assert.equal(calls, 1);
  context.mock.timers.tick(1);
  assert.deepEqual([calls, asking.isQuiet], [2, true]);
});

test("nothing is waited for when all has come or is forgotten", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asking = new Asking(() => assert.fail("nothing is owed"));
  asking.inView(order, 0, 1);
  asking.keep(999, "tile");
  asking.inView(order, 1, 5);
  asking.forget();
  context.mock.timers.tick(10 ** 6);
  assert.equal(asking.patience, 10000);
});

test("what is forgotten is given back and may be asked for again", () => {
  const asking = new Asking();
  asking.inView(order, 0, 2);
  asking.keep(999, "tile");
  assert.deepEqual(asking.forget(), ["tile"]);
  assert.deepEqual(asking.inView(order, 0, 2), [999, 998]);
});
