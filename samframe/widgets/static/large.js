// One row of the gallery, large: asked for, painted with zoom and drag, its words beside it.

import { decodeTile, element, paintMark, paintPicture, paintPill } from "./tile.js";
import { fitInto, zoomView } from "./grid.js";

const LARGEST = 1600;
const WHOLE = { scale: 1, x: 0, y: 0 };
const ZOOM_KEYS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 };

// parent: where it lies. page: what the gallery lends it: model, root, colourOf(id), markOf(id), theme(), pixelRatio(),
// ask(id, size).
export class LargeView {
  constructor(parent, page) {
    this.page = page;
    this.box = element("div", "sf-large", parent);
    this.stage = element("canvas", "sf-stage", this.box);
    this.side = element("div", "sf-side", this.box);
    this.box.style.display = "none";
    this.id = -1;
    this.tile = null;
    this.view = WHOLE;
    this.stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const around = this.stage.getBoundingClientRect();
      this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - around.left, event.clientY - around.top);
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) this.drag(event.movementX, event.movementY);
    });
  }

  get isOpen() {
    return this.box.style.display !== "none";
  }

  setHeight(height) {
    this.box.style.height = `${height}px`;
  }

  // Show a row; one that is shown already keeps its zoom.
  open(id, width) {
    this.box.style.display = "flex";
    if (this.id !== id) {
      this.drop();
      this.id = id;
      this.view = WHOLE;
      this.side.replaceChildren();
      this.page.ask(id, Math.min(LARGEST, Math.round(width * this.page.pixelRatio())));
    }
    this.paint();
  }

  close() {
    this.box.style.display = "none";
    this.drop();
    this.id = -1;
  }

  drop() {
    this.tile?.picture?.close();
    this.tile = null;
  }

  // Take what the kernel sent, unless one has gone on meanwhile.
  async receive(content, buffers) {
    const nothing = { ...content.tile, picture: null, mask: null };
    const tile = await decodeTile(content.tile, buffers[0], buffers[1]).catch(() => nothing);
    if (tile.id !== this.id) {
      tile.picture?.close();
      return;
    }
    this.drop();
    this.tile = tile;
    this.side.replaceChildren();
    content.lines.forEach(([name, text]) => {
      element("div", "sf-name", this.side, name).dir = "auto";
      element("div", "sf-text", this.side, text).dir = "auto";
    });
    this.paint();
  }

  // Do what a key asks for; returns whether it asks for anything here.
  onKey(key) {
    if (!this.isOpen || !(key in ZOOM_KEYS)) return false;
    this.zoom(ZOOM_KEYS[key], this.stage.clientWidth / 2, this.stage.clientHeight / 2);
    return true;
  }

  zoom(factor, x, y) {
    this.view = zoomView(this.view, factor, x, y);
    this.paint();
  }

  drag(dx, dy) {
    if (this.view.scale === 1) return;
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.paint();
  }

  paint() {
    if (!this.isOpen) return;
    const { page, stage, tile, view } = this;
    const ratio = page.pixelRatio();
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    stage.width = Math.round(width * ratio);
    stage.height = Math.round(height * ratio);
    if (!tile) return;
    const context = stage.getContext("2d");
    context.imageSmoothingEnabled = view.scale < 4;
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    paintPicture(context, tile, fitInto(tile.w, tile.h, width, height), page.colourOf(tile.id), page.model, page.theme());
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!tile.mask) paintPill(context, tile.picture ? "no mask" : "nothing to show", width / 2, height / 2, page.theme());
    paintMark(context, page.markOf(tile.id), width - 22, 22, page.theme());
    page.root.dataset.large = String(tile.id);
  }
}
