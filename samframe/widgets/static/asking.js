// Which tiles to ask the kernel for: those in view at once, those of the next line when all is quiet. Without a document.

import { Lru, rangeOf } from "./grid.js";

const KEPT = 600;
const MOST_AT_ONCE = 64;
// Half a view or so: the kernel has work while the page asks anew, and what was scrolled past is not waited for long.
const MOST_OWED = 12;

export class Asking {
  constructor() {
    this.tiles = new Lru(KEPT);
    this.owed = new Set();
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
    return ids;
  }

  // Keep a tile that came; returns those that had to go.
  keep(id, tile) {
    this.owed.delete(id);
    return this.tiles.set(id, tile);
  }

  // Forget everything; returns what was kept.
  forget() {
    this.owed.clear();
    return this.tiles.clear();
  }
}
