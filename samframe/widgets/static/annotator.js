// The annotator: what keys do, what the kernel is told of it, what it answers. Nothing is sent by a click.
import { actionOf, fitView, isConsented, pointsAhead, stillPending, thinPath } from "./annotator_view.js";
import { drawScene, overlayOf, tintOverlay } from "./annotator_canvas.js";
import { pointerMethods } from "./annotator_pointer.js";
import { isUpright, placeToStored, placeToUpright, turnPixels, uprightSize } from "./upright.js";
import { drawStrip, makePage, showState } from "./annotator_page.js";
import { watchTheme } from "./surroundings.js";

const PICTURES_KEPT = 6;

class AnnotatorView {
  constructor(model, el) {
    this.model = model;
    this.name = Math.random().toString(36).slice(2);
    this.page = makePage();
    this.state = { number: -1, row: null };
    this.tools = { tool: "points", isErasing: false, isComparing: false, radius: 12, isTyping: false };
    this.pending = [];
    this.deed = 0;
    this.pictures = new Map();
    this.corners = [];
    this.stroke = null;
    this.pointer = null;
    this.press = null;
    this.wish = null;
    this.told = "";
    this.listen();
    el.append(this.page.root);
    this.sizes = new ResizeObserver(() => this.onResize());
    this.sizes.observe(this.page.stage);
    this.endTheme = watchTheme(() => { this.strip(); this.draw(); });
    this.onState = () => this.take(model.get("state"));
    this.onMarks = () => this.strip();
    this.onCustom = (content, buffers) => this.onPicture(content, buffers);
    model.on("change:state", this.onState);
    model.on("change:marks", this.onMarks);
    model.on("msg:custom", this.onCustom);
    this.onState();
  }

  remove() {
    this.sizes.disconnect();
    this.endTheme();
    this.model.off("change:state", this.onState);
    this.model.off("change:marks", this.onMarks);
    this.model.off("msg:custom", this.onCustom);
  }

  listen() {
    const { page } = this;
    const { root, canvas } = page;
    page.onAction = (action) => this.act(action);
    page.onWritten = (name, value) => this.write(name, value);
    page.onTyping = (name) => this.type(name);
    page.onSize = (radius) => this.setRadius(radius);
    page.onGo = (share) => this.go(Math.min(this.state.n_rows - 1, Math.floor(share * this.state.n_rows)));
    // JupyterLab's own shortcuts would delete the cell.
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("keyup", (event) => event.stopPropagation());
    root.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", (event) => this.onUp(event));
    canvas.addEventListener("pointercancel", () => this.dropPress());
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("dblclick", () => this.tools.tool === "polygon" && this.closePolygon());
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  // -- what the kernel says ------------------------------------------------------------------------------------------

  take(state) {
    if (!state || !(state.number > this.state.number)) return;
    const isOther = state.row !== this.state.row;
    const old = this.state;
    this.state = state;
    this.pending = stillPending(this.pending, state.acks[this.name] ?? -1);
    this.told = state.message || state.error || (state.price?.usd === null ? state.price.text : "") || "";
    if (isOther) this.open();
    const isSame = !isOther && ["mask", "before"].every((name) => JSON.stringify(old[name]) === JSON.stringify(state[name]));
    if (!isSame) this.paint();
    this.sendIfWished();
    this.show();
  }

  open() {
    this.corners = [];
    this.stroke = null;
    this.page.inputs.prompt.value = this.state.prompt ?? "";
    this.page.inputs.note.value = this.state.note ?? "";
    this.tools.isTyping = false;
    this.view = null;
    if (this.state.row !== null) this.ask(this.state.row);
    this.fit();
  }

  ask(row) {
    if (!this.pictures.has(row)) this.model.send({ do: "picture", row, view: this.name });
  }

  async onPicture(content, buffers) {
    if (content?.kind !== "picture" || content.view !== this.name) return;
    const { row, size_hw: size, orientation = 1, error } = content;
    let bitmap = null;
    if (buffers?.length) bitmap = await createImageBitmap(new Blob([buffers[0]], { type: "image/jpeg" }));
    this.dropPicture(row);
    this.pictures.set(row, { bitmap, size, orientation, error });
    while (this.pictures.size > PICTURES_KEPT) this.dropPicture(this.pictures.keys().next().value);
    // A reply for a row that was left meanwhile is kept, and not shown.
    if (row !== this.state.row) return;
    // What was begun on a picture that stands otherwise now has lost its place.
    if (orientation !== 1) {
      this.corners = [];
      this.stroke = this.press = this.view = null;
      this.paint();
    }
    if (!this.view) this.fit();
    this.setRadius(this.tools.radius);
    if (this.state.next !== null && this.state.next !== undefined) this.ask(this.state.next);
  }

  dropPicture(row) {
    this.pictures.get(row)?.bitmap?.close();
    this.pictures.delete(row);
  }

  // -- what the kernel is told ---------------------------------------------------------------------------------------

  tell(name, fields = {}) {
    const deed = { do: name, ...fields, view: this.name, deed: this.deed };
    this.deed += 1;
    this.pending = stillPending([...this.pending, deed], -1);
    this.model.send(deed);
    this.show();
  }

  say(words) {
    this.told = words;
    this.show();
  }

  // Enter asks to send; it goes out once the kernel has done all that was done before, at no more than was shown.
  wishToSend(name) {
    this.commit();
    const { state, tools } = this;
    const shown = name === "send_queue" ? state.queue.usd : tools.isTyping || this.pending.length ? state.most.usd : state.price.usd;
    this.tools.isTyping = false;
    this.wish = { name, row: state.row, shown };
    this.sendIfWished();
    this.show();
  }

  sendIfWished() {
    const { wish, state } = this;
    if (!wish || this.pending.length) return;
    this.wish = null;
    if (wish.name === "send" && wish.row !== state.row) return;
    const price = wish.name === "send" ? state.price : state.queue;
    if (wish.shown !== null && price.usd !== null && !isConsented(wish.shown, price.usd)) {
      this.told = `The price is ${price.text} now: press Enter again to send.`;
      return;
    }
    this.tell(wish.name, { row: wish.row, usd: price.usd });
  }

  commit() {
    for (const [name, input] of Object.entries(this.page.inputs)) this.write(name, input.value);
  }

  write(name, value) {
    const { row } = this.state;
    if (name === "prompt") this.tools.isTyping = false;
    const last = this.pending.filter((deed) => deed.do === name && deed.row === row).at(-1);
    if (row === null || value === (last ? last.text : this.state[name])) return;
    this.tell(name, { row, text: value });
  }

  type(name) {
    this.tools.isTyping ||= name === "prompt";
    this.show();
  }

  go(to) {
    this.commit();
    this.tell("go", { to });
  }

  // -- actions -------------------------------------------------------------------------------------------------------

  act(action) {
    if (this.state.row === null) return;
    const { row, at } = this.state;
    const { tools } = this;
    switch (action) {
      case "points":
      case "brush":
      case "polygon":
        tools.tool = action;
        this.corners = [];
        break;
      case "erase":
        tools.isErasing = !tools.isErasing;
        break;
      case "smaller":
      case "larger":
        this.setRadius(tools.radius * (action === "larger" ? 1.25 : 0.8) + (action === "larger" ? 0.5 : -0.5));
        break;
      case "compare":
        tools.isComparing = !tools.isComparing;
        this.paint();
        break;
      case "fit":
        this.fit();
        break;
      case "zoom_in":
      case "zoom_out":
        this.zoom(action === "zoom_in" ? 1.25 : 0.8, this.page.canvas.clientWidth / 2, this.page.canvas.clientHeight / 2);
        break;
      case "next":
        return this.go(at + 1);
      case "previous":
        return this.go(at - 1);
      case "accept":
      case "reject":
        this.commit();
        return this.tell(action, { row });
      case "undo":
        if (this.corners.length) this.corners.pop();
        else return this.tell("undo");
        break;
      case "redo":
        return this.tell("redo");
      case "queue":
        this.commit();
        return this.tell("queue", { row });
      case "send":
        return this.corners.length ? this.closePolygon() : this.wishToSend("send");
      case "send_queue":
        return this.wishToSend("send_queue");
      case "cancel":
        this.corners = [];
        this.stroke = null;
        break;
      case "drop_corner":
        this.corners.pop();
        break;
      case "write":
        this.page.inputs.prompt.focus();
        break;
      case "leave":
        this.page.root.focus({ preventScroll: true });
        break;
    }
    this.show();
  }

  onKey(event) {
    event.stopPropagation();
    const isWriting = event.target.matches?.("input[type=text]") ?? false;
    // A button that has the focus is pressed by Enter as any button is.
    if (event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ")) return;
    // The slider's own keys move it.
    if (event.target === this.page.size && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    const action = actionOf({ key, ctrlKey, metaKey, altKey, shiftKey, isWriting });
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || ["smaller", "larger", "zoom_in", "zoom_out", "next", "previous", "undo", "redo"].includes(action)) this.act(action);
  }

  setRadius(radius) {
    const most = Math.max(100, Math.round(Math.max(...(this.size ?? [0])) / 8));
    this.page.size.max = String(most);
    this.tools.radius = Math.min(most, Math.max(1, Math.round(radius)));
    this.show();
  }

  closePolygon() {
    const path = thinPath(this.corners, 0.01);
    this.corners = [];
    if (path.length >= 3) this.tell("polygon", { row: this.state.row, path: this.toStored(path), erase: this.tools.isErasing });
    else this.say("A polygon has three corners or more.");
  }

  // -- the picture ---------------------------------------------------------------------------------------------------

  // Height and width as stored, and how that stands: the kernel counts so.
  get stored() {
    return this.pictures.get(this.state.row)?.size ?? this.state.mask?.size ?? this.state.before?.size ?? null;
  }

  get turn() {
    return this.pictures.get(this.state.row)?.orientation ?? 1;
  }

  // Height and width as shown, upright.
  get size() {
    return this.stored && uprightSize(this.stored, this.turn);
  }

  // Places as the kernel counts them, of places as they are shown. `last`: 1 for pixels, 0 for places from the corner.
  toStored(places, last = 0) {
    return places.map((place) => placeToStored(place, this.stored, this.turn, last));
  }

  toShown(places, last = 0) {
    return places.map((place) => placeToUpright(place, this.stored, this.turn, last));
  }

  points() {
    const points = pointsAhead(this.state.points ?? [], this.state.row, this.pending);
    return this.stored ? points.map(([x, y, include]) => [...this.toShown([[x, y]], 1)[0], include]) : points;
  }

  whole() {
    const { canvas } = this.page;
    return fitView(this.size[1], this.size[0], canvas.clientWidth, canvas.clientHeight);
  }

  fit() {
    this.view = this.size && this.page.canvas.clientWidth ? this.whole() : null;
  }

  onResize() {
    this.fit();
    this.show();
  }

  paint() {
    const { before, mask } = this.state;
    const overlay = this.state.row === null ? null : overlayOf(before, mask, this.tools.isComparing);
    const isTurned = overlay && this.stored && !isUpright((mask ?? before).size, this.stored, this.turn);
    this.overlay = overlay && tintOverlay(isTurned ? turnPixels(overlay, this.turn) : overlay);
  }

  show() {
    showState(this.page, this.state, this.tools);
    if (this.page.message.textContent !== this.told) this.page.message.textContent = this.told;
    this.caption();
    this.strip();
    this.draw();
  }

  strip() {
    const style = getComputedStyle(this.page.root);
    const marks = this.model.get("marks");
    const bytes = marks ? new Uint8Array(marks.buffer, marks.byteOffset, marks.byteLength) : new Uint8Array();
    const [ground, ink] = ["--sf-line", "--sf-ink"].map((name) => style.getPropertyValue(name));
    drawStrip(this.page.strip, bytes, this.state.at ?? 0, ground, ink);
  }

  caption() {
    const { caption } = this.page;
    caption.textContent = this.pictures.get(this.state.row)?.error ?? "";
    if (!this.tools.isComparing || this.state.row === null) return;
    caption.textContent = "";
    for (const [words, colour] of [["kept", "#0072b2"], ["added", "#009e73"], ["removed", "#d55e00"]]) {
      const swatch = document.createElement("span");
      swatch.className = "sf-swatch";
      swatch.style.background = colour;
      caption.append(swatch, ` ${words} `);
    }
  }

  draw() {
    const { canvas } = this.page;
    if (this.size && !this.view) this.fit();
    const strokes = this.pending
      .filter((deed) => deed.row === this.state.row && deed.path && this.stored)
      .map((deed) => ({ ...deed, path: this.toShown(deed.path) }));
    if (this.stroke) strokes.push(this.stroke);
    canvas.style.cursor = this.tools.tool === "brush" ? "none" : "crosshair";
    canvas.setAttribute("aria-label", `Image of row ${this.state.label ?? ""}, with its mask and ${this.points().length} points`);
    drawScene(canvas, {
      view: this.view,
      size: this.view && this.size,
      picture: this.pictures.get(this.state.row)?.bitmap,
      overlay: this.overlay,
      points: this.points(),
      strokes,
      polygon: { path: this.corners, erase: this.tools.isErasing },
      pointer: this.pointer,
      cursor: this.tools.tool === "brush" ? this.tools.radius : 0,
    });
  }
}

Object.assign(AnnotatorView.prototype, pointerMethods);

// What a saved notebook shows without a kernel is hidden while there is one.
function hideSnapshots(uid) {
  for (const snapshot of document.getElementsByClassName(`samframe-snapshot-${uid}`)) {
    (snapshot.closest(".jp-OutputArea-child") ?? snapshot).style.display = "none";
  }
}

function render({ model, el }) {
  const view = new AnnotatorView(model, el);
  const uid = model.get("uid");
  hideSnapshots(uid);
  // The line is put into the page after the widget.
  for (const later of [200, 1000, 4000]) setTimeout(() => hideSnapshots(uid), later);
  return () => view.remove();
}

export default { render };
