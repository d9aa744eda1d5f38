// One row large: what it asks for, what it takes, where zoom and drag lead. On elements that only remember.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { LargeView } from "../../../samframe/widgets/static/large.js";

class Fake {
  constructor() {
    this.style = {};
    this.dataset = {};
    this.children = [];
    this.clientWidth = 400;
    this.clientHeight = 300;
    this.handlers = {};
  }
  append(child) { this.children.push(child); }
  replaceChildren() { this.children = []; }
  addEventListener(name, handler) { this.handlers[name] = handler; }
  getBoundingClientRect() { return { left: 0, top: 0 }; }
  getContext() { return new Proxy({}, { get: () => () => ({ width: 0 }), set: () => true }); }
}

let asked;
let large;
const words = { tile: { id: 7, h: 3, w: 4 }, lines: [["row", "a"], ["prompt", "<b>"]] };
const nothing = [new ArrayBuffer(0), new ArrayBuffer(0)];

beforeEach(() => {
  globalThis.document = { createElement: () => new Fake() };
  asked = [];
  large = new LargeView(new Fake(), {
    root: new Fake(),
    model: { get: () => 1 },
    colourOf: () => "#009eff",
    markOf: () => 0,
    theme: () => ({}),
    pixelRatio: () => 2,
    ask: (id, size) => asked.push([id, size]),
  });
});

test("it is closed at first, and keys are not its own then", () => {
  assert.equal(large.isOpen, false);
  assert.equal(large.onKey("+"), false);
});

test("a row is asked for once, in screen pixels, up to a limit", () => {
  large.open(7, 500);
  large.open(7, 500);
  large.open(8, 5000);
  assert.deepEqual(asked, [[7, 1000], [8, 1600]]);
});

test("what comes is shown with its words, as text", async () => {
  large.open(7, 500);
  await large.receive(words, nothing);
  assert.equal(large.tile.id, 7);
  assert.deepEqual(large.side.children.map((one) => one.textContent), ["row", "a", "prompt", "<b>"]);
});

test("what comes for a row that one has left is passed over", async () => {
  large.open(8, 500);
  await large.receive(words, nothing);
  assert.equal(large.tile, null);
  large.close();
  await large.receive(words, nothing);
  assert.equal(large.tile, null);
});

test("a picture that is none still has its words", async () => {
  large.open(7, 500);
  await large.receive(words, [new Uint8Array([60, 104]).buffer, new ArrayBuffer(0)]);
  assert.deepEqual([large.tile.id, large.tile.picture], [7, null]);
  assert.equal(large.side.children.length, 4);
});

test("keys zoom around the middle, and 0 shows all again", () => {
  large.open(7, 500);
  assert.equal(large.onKey("+"), true);
  assert.deepEqual(large.view, { scale: 1.5, x: -100, y: -75 });
  assert.equal(large.onKey("0"), true);
  assert.equal(large.view.scale, 1);
  assert.equal(large.onKey("a"), false);
});

test("the wheel zooms around the pointer and a drag moves what is zoomed", () => {
  large.open(7, 500);
  large.stage.handlers.pointermove({ buttons: 1, movementX: 9, movementY: 9 });
  assert.equal(large.view.x, 0);
  large.stage.handlers.wheel({ preventDefault() {}, deltaY: -1, clientX: 0, clientY: 0 });
  large.stage.handlers.pointermove({ buttons: 1, movementX: -9, movementY: -5 });
  assert.deepEqual(large.view, { scale: 1.2, x: -9, y: -5 });
});

test("the next row begins without zoom", () => {
  large.open(7, 500);
  large.onKey("+");
  large.open(9, 500);
  assert.equal(large.view.scale, 1);
});
