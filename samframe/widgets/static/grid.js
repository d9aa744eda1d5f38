// Where tiles lie, which are seen, where keys lead, and what is remembered of them. Pure functions without a document.

// A map of limited size that forgets what was not asked for the longest.
export class Lru {
  constructor(limit) {
    this.limit = limit;
    this.map = new Map();
  }

  get(key) {
    const value = this.map.get(key);
    if (value !== undefined) {
      this.map.delete(key);
      this.map.set(key, value);
    }
    return value;
  }

  has(key) {
    return this.map.has(key);
  }

  // Returns the values that had to go, the one in whose place it came among them.
  set(key, value) {
    const gone = this.map.has(key) ? [this.map.get(key)] : [];
    this.map.delete(key);
    this.map.set(key, value);
    while (this.map.size > this.limit) {
      const oldest = this.map.keys().next().value;
      gone.push(this.map.get(oldest));
      this.map.delete(oldest);
    }
    return gone;
  }

  clear() {
    const gone = [...this.map.values()];
    this.map.clear();
    return gone;
  }
}

// Return columns, rows and sizes in CSS pixels of n tiles of a side in a width; captions are `caption` high.
export function gridLayout(width, n, { tile, gap, caption }) {
  const columns = Math.max(1, Math.floor((width - gap) / (tile + gap)));
  const rows = Math.ceil(n / columns);
  const spare = Math.max(0, width - gap - columns * (tile + gap));
  const cell = tile + gap + Math.floor(spare / columns);
  const line = tile + caption + gap;
  return { columns, rows, tile, gap, cell, line, height: rows * line + gap };
}

// Return [first, end) of the places seen between top and top + height.
export function visiblePlaces(layout, n, top, height) {
  const firstRow = Math.max(0, Math.floor((top - layout.gap) / layout.line));
  const lastRow = Math.max(firstRow, Math.ceil((top + height) / layout.line));
  return [Math.min(n, firstRow * layout.columns), Math.min(n, lastRow * layout.columns)];
}

// Return the top left corner [x, y] of a place, in the whole grid.
export function cornerOf(layout, place) {
  const column = place % layout.columns;
  return [
    layout.gap + column * layout.cell + Math.floor((layout.cell - layout.gap - layout.tile) / 2),
    layout.gap + Math.floor(place / layout.columns) * layout.line,
  ];
}

// Return the place at a point of the whole grid, -1 where there is none.
export function placeAt(layout, n, x, y) {
  const column = Math.floor((x - layout.gap / 2) / layout.cell);
  const row = Math.floor((y - layout.gap / 2) / layout.line);
  const place = row * layout.columns + column;
  return column < 0 || column >= layout.columns || row < 0 || place >= n ? -1 : place;
}

// Return where a key leads from a place, or null if it leads nowhere.
export function moveFocus(key, place, columns, n, page = 1) {
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * page,
    PageDown: columns * page,
  };
  if (!n) return null;
  if (key === "Home") return 0;
  if (key === "End") return n - 1;
  if (!(key in steps)) return null;
  if (place < 0) return 0;
  const next = place + steps[key];
  if (key.startsWith("Page")) return Math.min(n - 1, Math.max(0, next));
  return next < 0 || next >= n ? place : next;
}

// Return the box [x, y, w, h] that shows w by h as large as fits into a square of a side, in its middle.
export function fitInto(width, height, boxWidth, boxHeight) {
  const scale = Math.min(boxWidth / width, boxHeight / height);
  const [w, h] = [Math.max(1, width * scale), Math.max(1, height * scale)];
  return [(boxWidth - w) / 2, (boxHeight - h) / 2, w, h];
}

// Return a view {scale, x, y} after a zoom by a factor around a point that stays where it is.
export function zoomView(view, factor, x, y) {
  const scale = Math.min(32, Math.max(1, view.scale * factor));
  const real = scale / view.scale;
  if (scale === 1) return { scale: 1, x: 0, y: 0 };
  return { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
}

// Return the places from one to another, ends included; none where the second comes first.
export function rangeOf(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

// Return a text that is at most `width` wide by `measure`, cut with an ellipsis where it is longer.
export function ellipsize(text, width, measure) {
  if (measure(text) <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(`${text.slice(0, middle)}\u2026`) <= width) low = middle;
    else high = middle - 1;
  }
  // Not in the middle of a pair of surrogates.
  if (low && /[\ud800-\udbff]/.test(text[low - 1])) low -= 1;
  return `${text.slice(0, low)}\u2026`;
}
