// Which tiles to ask the kernel for: those in view at once, those of the next line when all is quiet. Without a document.

import { Lru, rangeOf } from "./grid.js";

const KEPT = 600;
const MOST_AT_ONCE = 64;
// Half a view or so: the kernel has work while the page asks anew, and what was scrolled past is not waited for long.
const MOST_OWED = 12;
// How long to wait for what does not come; longer each time, for a kernel that is busy answers all requests in the end.
const PATIENCE_MS = 10000;
const MOST_PATIENCE_MS = 160000;

export class Asking {
  // onLate: called when something may be asked for again, since it did not come.
  constructor(onLate = () => {}) {
    this.onLate = onLate;
    this.timer = 0;
    this.tiles = new Lru(KEPT);
    this.owed = new Set();
    this.patience = PATIENCE_MS;
  }

  // Whether everything that was asked for is there.
  get isQuiet() {
    return this.owed.size === 0;
  }

  // Return the ids to ask for now, of those in view [first, end) of an order; they count as asked for.
  inView(order, first, end) {
    if (this.owed.size > MOST_OWED) return [];
    return this.expect(this.missing(order, first, end));
  }

  // Return the ids of the places [first, end) to ask for when nothing else is to do.
  ahead(order, first, end) {
    return this.isQuiet ? this.expect(this.missing(order, first, end)) : [];
  }

  missing(order, first, end) {
    const ids = rangeOf(first, Math.min(end, order.length) - 1).map((place) => order[place]);
    return ids.filter((id) => !this.tiles.has(id) && !this.owed.has(id)).slice(0, MOST_AT_ONCE);
  }

  // Count ids as asked for: the kernel will send them.
  expect(ids) {
    ids.forEach((id) => this.owed.add(id));
    if (ids.length) this.wait();
    return ids;
  }

  // Keep a tile that came; returns those that had to go.
  keep(id, tile) {
    this.owed.delete(id);
    this.patience = PATIENCE_MS;
    this.wait();
    return this.tiles.set(id, tile);
  }

  // Wait for what is owed; each tile that comes starts the wait anew. What was lost may be asked for again after it.
  wait() {
    clearTimeout(this.timer);
    if (this.isQuiet) return;
    this.timer = setTimeout(() => {
      this.owed.clear();
      this.patience = Math.min(MOST_PATIENCE_MS, 2 * this.patience);
      this.onLate();
    }, this.patience);
  }

  // Forget everything; returns what was kept.
  forget() {
    this.owed.clear();
    clearTimeout(this.timer);
    return this.tiles.clear();
  }
}
