// The annotator's pointer: clicks set and remove points, drags pan or paint, the wheel zooms. Methods of its view.
import { hitPoint, pixelAt, thinPath, toImage, toScreen, zoomAt } from "./annotator_view.js";

const DRAG_FROM = 4;
const REACH = 10;
const MOST_SCALE = 64;

export const pointerMethods = {
  at(event) {
    const box = this.page.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  },

  onDown(event) {
    event.stopPropagation();
    event.preventDefault();
    this.page.root.focus({ preventScroll: true });
    if (this.press || this.state.row === null) return;
    if (!this.view) return this.say("The size of this image is not known, so nothing can be marked on it.");
    this.page.canvas.setPointerCapture?.(event.pointerId);
    const at = this.at(event);
    const isSecond = event.button === 2 || event.shiftKey || event.ctrlKey;
    const isBrush = this.tools.tool === "brush" && event.button !== 1;
    this.press = { at, last: at, isSecond, button: event.button, isDrag: false, isBrush, row: this.state.row };
    if (isBrush) {
      this.stroke = { do: "brush", path: [toImage(this.view, ...at)], radius: this.tools.radius, erase: this.tools.isErasing !== isSecond };
      this.show();
    }
  },

  onMove(event) {
    const at = this.at(event);
    const { press } = this;
    if (press?.isBrush && this.stroke) {
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.stroke.path.push(toImage(this.view, ...this.at(one)));
    } else if (press && this.view) {
      press.isDrag ||= Math.hypot(at[0] - press.at[0], at[1] - press.at[1]) > DRAG_FROM;
      if (press.isDrag) this.view = { ...this.view, x: this.view.x + at[0] - press.last[0], y: this.view.y + at[1] - press.last[1] };
      if (press.isDrag) press.last = at;
    }
    this.point(at);
  },

  onUp(event) {
    const { press } = this;
    this.press = null;
    if (!press || press.row !== this.state.row) return this.dropPress();
    if (press.isBrush) return this.endStroke();
    if (press.isDrag || press.button === 1) return this.show();
    this.click(this.at(event), press.isSecond);
  },

  dropPress() {
    this.press = null;
    this.stroke = null;
    this.show();
  },

  endStroke() {
    const { stroke } = this;
    this.stroke = null;
    if (!stroke) return;
    const path = thinPath(stroke.path, Math.max(0.25, stroke.radius / 8));
    this.tell("brush", { row: this.state.row, path: this.toStored(path), radius: stroke.radius, erase: stroke.erase });
  },

  click(at, isSecond) {
    const { view, size } = this;
    const pixel = size && pixelAt(view, ...at, size[1], size[0]);
    if (this.tools.tool === "polygon") return this.addCorner(at);
    const hit = hitPoint(view, this.points(), ...at, REACH);
    if (hit >= 0) return this.tell("remove_point", { row: this.state.row, at: hit });
    if (!pixel) return this.say("");
    const [[x, y]] = this.toStored([pixel], 1);
    this.tell("point", { row: this.state.row, x, y, include: !isSecond });
  },

  addCorner(at) {
    const first = this.corners.length >= 3 && toScreen(this.view, ...this.corners[0]);
    if (first && Math.hypot(first[0] - at[0], first[1] - at[1]) <= REACH) return this.closePolygon();
    this.corners.push(toImage(this.view, ...at));
    this.show();
  },

  point(at) {
    this.pointer = at;
    if (this.press || this.tools.tool !== "points") this.draw();
  },

  onWheel(event) {
    event.preventDefault();
    event.stopPropagation();
    this.zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY)) * 0.0016), ...this.at(event));
    this.show();
  },

  zoom(factor, x, y) {
    if (!this.view) return;
    const whole = this.whole().scale;
    this.view = zoomAt(this.view, factor, x, y, whole / 4, Math.max(MOST_SCALE, whole));
  },
};
