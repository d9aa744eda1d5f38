// The gallery: rows as tiles on one canvas, asked for as they come into view; keys mark them; one large on demand.

import { bytesOf, decodeTile, element, paintCaption, paintMark, paintPicture, paintPill, themeOf } from "./tile.js";
import { cornerOf, fitInto, gridLayout, moveFocus, placeAt, rangeOf, visiblePlaces } from "./grid.js";
import { Asking } from "./asking.js";
import { LargeView } from "./large.js";
import { nameSliders, watchTheme } from "./surroundings.js";

const QUIET_MS = 150;
const PAINTED_MS = 3000;
const MOST_GUESSED = 48;
const CAPTION = 36;
const GAP = 12;
const MARKS = ["", "accepted", "rejected", "flagged"];
const MARK_KEYS = { a: 1, r: 2, f: 3 };
const HINT = "Arrows move \u00b7 A accept \u00b7 R reject \u00b7 F flag \u00b7 U undo \u00b7 Space one large \u00b7 Shift or Ctrl click selects more";
const HINT_LARGE = "Wheel or + \u2212 zoom, drag moves \u00b7 0 whole \u00b7 arrows next \u00b7 A R F U mark \u00b7 Space back";

function render({ model, el }) {
  const root = element("div", "samframe-gallery", el);
  root.tabIndex = 0;
  root.dataset.lmSuppressShortcuts = "true";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Gallery of images with their masks");
  const legend = element("div", "sf-legend", root);
  const scroller = element("div", "sf-scroll", root);
  const space = element("div", "sf-space", scroller);
  const canvas = element("canvas", "sf-canvas", space);
  const foot = element("div", "sf-foot", root);
  const said = element("div", "sf-said", root);
  said.setAttribute("aria-live", "polite");

  let order = new Uint32Array(0);
  let colours = new Uint8Array(0);
  let marks = new Uint8Array(0);
  let palette = ["#009eff"];
  let told = "";
  let layout = null;
  let focus = -1;
  let anchor = -1;
  let undoneAt = -1;
  let frame = 0;
  let isLive = false;
  let isGone = false;
  let version = 0;
  let theme = themeOf(root);
  let [quiet, soon, sliding] = [0, 0, 0];
  let isPainted = false;
  let endNames = () => {};
  const name = Math.random().toString(36).slice(2);
  const asking = new Asking(draw);

  const idAt = (place) => order[place];
  const colourOf = (id) => palette[colours[id]] ?? palette[0];
  const pixelRatio = () => Math.min(2, window.devicePixelRatio || 1);
  const look = () => ({ tile: model.get("tile"), gap: GAP, caption: CAPTION });
  const tilePixels = () => Math.min(512, Math.ceil(model.get("tile") * pixelRatio()));
  let asked = tilePixels();

  function seen() {
    return visiblePlaces(layout, order.length, scroller.scrollTop, scroller.clientHeight);
  }

  function ask(ids) {
    if (ids.length) model.send({ kind: "tiles", ids, version, size: asked });
  }

  // Ask for what is in view, and for the line that comes next when nothing moves any more: a jump does not wait for it.
  function askForView() {
    if (!isLive || !layout || isGone || sliding) return;
    const [first, end] = seen();
    ask(asking.inView(order, first, end));
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      if (!isGone) ask(asking.ahead(order, end, end + layout.columns));
    }, QUIET_MS);
  }

  function measure() {
    const width = scroller.clientWidth;
    if (!width) return;
    layout = gridLayout(width, order.length, look());
    space.style.height = `${Math.max(layout.height, scroller.clientHeight)}px`;
    const ratio = pixelRatio();
    const [w, h] = [Math.round(width * ratio), Math.round(scroller.clientHeight * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${scroller.clientHeight}px`;
    }
    draw();
  }

  function draw() {
    if (!frame) frame = requestAnimationFrame(paint);
  }

  function paint() {
    frame = 0;
    if (!layout || isGone) return;
    theme = themeOf(root);
    const context = canvas.getContext("2d");
    const ratio = pixelRatio();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const selected = new Set(model.get("selected"));
    const [first, end] = seen();
    let missing = 0;
    for (let place = first; place < end; place += 1) {
      missing += paintTile(context, place, selected) ? 0 : 1;
    }
    if (!order.length) paintNothing(context);
    tell("pending", missing);
    tell("shown", end - first);
    large.paint();
    askForView();
    if (isLive && !missing) tellPainted();
  }

  // The kernel adds the controls then: once the first view is there, or when it takes too long.
  function tellPainted() {
    if (isPainted) return;
    isPainted = true;
    model.send({ kind: "painted" });
  }

  // Every change of an attribute lets the page's styles be computed anew.
  function tell(name, count) {
    if (root.dataset[name] !== String(count)) root.dataset[name] = String(count);
  }

  function paintNothing(context) {
    context.fillStyle = theme.soft;
    context.font = `14px ${theme.font}`;
    context.textAlign = "center";
    context.fillText("No rows to show", scroller.clientWidth / 2, scroller.clientHeight / 2);
    context.textAlign = "left";
  }

  function paintTile(context, place, selected) {
    const id = idAt(place);
    const [x, top] = cornerOf(layout, place);
    const y = top - scroller.scrollTop;
    const edge = layout.tile;
    if (selected.has(id)) {
      context.fillStyle = theme.chosen;
      context.beginPath();
      context.roundRect(x - 5, y - 5, edge + 10, edge + CAPTION + 6, 6);
      context.fill();
    }
    context.fillStyle = theme.empty;
    context.fillRect(x, y, edge, edge);
    const tile = asking.tiles.get(id);
    if (tile) {
      const [dx, dy, w, h] = fitInto(tile.w, tile.h, edge, edge);
      paintPicture(context, tile, [x + dx, y + dy, w, h], colourOf(id), model, theme);
      if (!tile.mask) paintPill(context, tile.picture ? "no mask" : "nothing to show", x + edge / 2, y + edge / 2, theme);
      paintCaption(context, tile, x, y + edge, edge, palette.length > 1 && colourOf(id), theme);
    }
    paintMark(context, marks[id], x + edge - 14, y + 14, theme);
    if (place === focus) {
      context.strokeStyle = theme.brand;
      context.lineWidth = 2.5;
      context.strokeRect(x - 2, y - 2, edge + 4, edge + 4);
    }
    return Boolean(tile);
  }

  // -- one large ------------------------------------------------------------------------------------------------------

  const large = new LargeView(root, {
    model, root, colourOf, pixelRatio,
    markOf: (id) => marks[id],
    theme: () => theme,
    ask: (id, size) => model.send({ kind: "large", id, version, size }),
  });

  function openLarge() {
    if (focus < 0) return;
    large.open(idAt(focus), scroller.clientWidth);
    tellFoot();
  }

  function closeLarge() {
    large.close();
    tellFoot();
    draw();
  }

  // -- choosing and marking -------------------------------------------------------------------------------------------

  function choose(ids) {
    model.set("selected", ids);
    model.save_changes();
    draw();
  }

  function goTo(place, { extend = false } = {}) {
    focus = place;
    if (!extend) anchor = place;
    const from = Math.max(0, anchor);
    choose(extend ? rangeOf(Math.min(from, place), Math.max(from, place)).map(idAt) : [idAt(place)]);
    const top = cornerOf(layout, place)[1];
    const low = top - GAP;
    const high = top + layout.line;
    if (low < scroller.scrollTop) scroller.scrollTop = low;
    if (high > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = high - scroller.clientHeight;
    const tile = asking.tiles.get(idAt(place));
    said.textContent = tile ? `${tile.title}. ${tile.note}. ${MARKS[marks[idAt(place)]]}` : "";
    if (large.isOpen) openLarge();
  }

  function mark(code) {
    const several = model.get("selected");
    const ids = several.length ? several : focus < 0 ? [] : [idAt(focus)];
    if (!ids.length) return;
    ids.forEach((id) => { marks[id] = code; });
    model.send({ kind: "mark", ids, mark: code });
    draw();
    if (ids.length === 1 && focus >= 0 && focus + 1 < order.length) goTo(focus + 1);
  }

  function undo() {
    undoneAt = focus;
    model.send({ kind: "undo" });
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // JupyterLab's own keys would delete the cell.
    event.stopPropagation();
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isLarge = large.isOpen;
    const place = layout ? moveFocus(event.key, focus, layout.columns, order.length, Math.floor(scroller.clientHeight / layout.line)) : null;
    if (place !== null) goTo(place, { extend: event.shiftKey && !isLarge });
    else if (key in MARK_KEYS) mark(MARK_KEYS[key]);
    else if (key === "u") undo();
    else if (key === " " || key === "Enter") isLarge ? closeLarge() : openLarge();
    else if (key === "Escape") isLarge ? closeLarge() : choose([]);
    else if (!large.onKey(key)) return;
    event.preventDefault();
  }

  function onPress(event) {
    root.focus({ preventScroll: true });
    if (!layout || event.button) return;
    const box = canvas.getBoundingClientRect();
    const place = placeAt(layout, order.length, event.clientX - box.left, event.clientY - box.top + scroller.scrollTop);
    if (place < 0) {
      choose([]);
    } else if (event.shiftKey) {
      goTo(place, { extend: true });
    } else if (event.ctrlKey || event.metaKey) {
      focus = anchor = place;
      const id = idAt(place);
      const now = model.get("selected");
      choose(now.includes(id) ? now.filter((other) => other !== id) : [...now, id]);
    } else {
      goTo(place);
    }
  }

  // -- what the kernel says -------------------------------------------------------------------------------------------

  function forget() {
    asking.forget().forEach((tile) => tile.picture?.close());
  }

  function onRows(content, buffers) {
    // What another view of this gallery asked for when it was opened.
    if (content.view && content.view !== name) return;
    const before = order;
    const kept = focus >= 0 ? idAt(focus) : -1;
    // What is the same for all rows is not sent: as they are in the frame, one colour, no marks.
    const shown = bytesOf(buffers[0]);
    order = shown.length ? new Uint32Array(shown.slice().buffer) : Uint32Array.from(rangeOf(0, (content.n ?? 0) - 1));
    colours = bytesOf(buffers[1]);
    marks = marksOf(content, buffers[2]);
    palette = content.palette;
    told = content.told;
    if (content.version !== version) forget();
    version = content.version;
    asking.expect([...order.slice(0, content.coming ?? 0)]);
    focus = kept < 0 ? -1 : order.indexOf(kept);
    if (focus < 0 && before.join() !== order.join()) {
      scroller.scrollTop = 0;
      if (large.isOpen) closeLarge();
    }
    legend.replaceChildren();
    legend.style.display = content.legend.length ? "flex" : "none";
    content.legend.forEach(([colour, text]) => {
      const item = element("span", "sf-item", legend);
      element("span", "sf-dot", item).style.background = colour;
      element("bdi", "", item, text);
    });
    tellFoot();
    wake();
    measure();
  }

  function marksOf(content, buffer) {
    return buffer.byteLength ? bytesOf(buffer).slice() : new Uint8Array(content.rows ?? 0);
  }

  function wake() {
    if (isLive) return;
    isLive = true;
    root.classList.add("sf-live");
    const viewer = root.closest(".samframe-viewer");
    viewer?.classList.add("samframe-is-live");
    endNames = nameSliders(viewer);
    // As rules, for the snapshot may come later than the first rows. Two of them: not every browser knows :has().
    const snapshot = `.samframe-snapshot-${CSS.escape(model.get("uid"))}`;
    const rules = [snapshot, `.jp-OutputArea-child:has(${snapshot})`].map((which) => `${which} { display: none !important; }`);
    element("style", "", root, rules.join(" "));
    soon = setTimeout(tellPainted, PAINTED_MS);
  }

  async function onTiles(content, buffers) {
    const made = await Promise.all(
      content.tiles.map((tile, at) => decodeTile(tile, buffers[2 * at], buffers[2 * at + 1]).catch(() => null)),
    );
    if (content.version !== version || (content.size ?? asked) !== asked || isGone) {
      made.forEach((tile) => tile?.picture?.close());
      return;
    }
    content.tiles.forEach((tile, at) => {
      const kept = made[at] ?? { ...tile, picture: null, mask: null };
      asking.keep(tile.id, kept).forEach((gone) => gone.picture?.close());
    });
    draw();
  }

  function onMarks(content, buffers) {
    marks = marksOf(content, buffers[0]);
    told = content.told;
    tellFoot();
    const place = content.id === undefined ? -1 : order.indexOf(content.id);
    // Who has gone on meanwhile is not fetched back.
    if (place >= 0 && focus === undoneAt) {
      goTo(place);
      undoneAt = focus;
    }
    draw();
  }

  function onMessage(content, buffers) {
    if (content.kind === "rows") onRows(content, buffers);
    else if (content.kind === "tiles") onTiles(content, buffers);
    else if (content.kind === "large") large.receive(content, buffers);
    else if (content.kind === "marks") onMarks(content, buffers);
  }

  function tellFoot() {
    foot.replaceChildren();
    element("span", "sf-told", foot, told);
    if (model.get("footer")) element("span", "sf-offline", foot, model.get("footer"));
    element("span", "sf-hint", foot, large.isOpen ? HINT_LARGE : HINT);
  }

  // -- wiring ---------------------------------------------------------------------------------------------------------

  const relayout = () => {
    scroller.style.height = `${model.get("height")}px`;
    large.setHeight(model.get("height"));
    measure();
    // While a slider moves, tiles of the old size are painted larger or smaller.
    clearTimeout(sliding);
    sliding = setTimeout(() => {
      sliding = 0;
      if (asked !== tilePixels()) forget();
      asked = tilePixels();
      draw();
    }, QUIET_MS);
  };
  scroller.style.height = `${model.get("height")}px`;
  large.setHeight(model.get("height"));
  root.addEventListener("keydown", onKey);
  root.addEventListener("keyup", (event) => event.stopPropagation());
  scroller.addEventListener("scroll", draw);
  canvas.addEventListener("pointerdown", onPress);
  canvas.addEventListener("dblclick", openLarge);
  large.stage.addEventListener("pointerdown", () => root.focus({ preventScroll: true }));
  const sizes = new ResizeObserver(() => { measure(); large.paint(); });
  sizes.observe(scroller);
  // A frame that was asked for while the page was styled anew may never have come.
  const endTheme = watchTheme(() => {
    cancelAnimationFrame(frame);
    frame = 0;
    measure();
  });
  model.on("msg:custom", onMessage);
  model.on("change:opacity change:outline change:selected change:footer", draw);
  model.on("change:tile change:height", relayout);
  // What will be seen of the first rows, at the least: sent together with them. The page may be narrower than its window.
  const screen = gridLayout(window.innerWidth, Infinity, look());
  const guess = Math.min(MOST_GUESSED, visiblePlaces(screen, Infinity, 0, model.get("height"))[1]);
  model.send({ kind: "hello", size: asked, guess, view: name });

  return () => {
    isGone = true;
    model.off("msg:custom", onMessage);
    model.off("change:opacity change:outline change:selected change:footer", draw);
    model.off("change:tile change:height", relayout);
    sizes.disconnect();
    endTheme();
    endNames();
    [quiet, soon, sliding].forEach(clearTimeout);
    if (frame) cancelAnimationFrame(frame);
    large.close();
    forget();
  };
}

export default { render };
