// One tile: decoded from what the kernel sends, and painted on a canvas: picture, mask, words, mark.

import { decodeCounts, outlineOf, paintRuns, tintMask } from "./mask.js";

const MARK_SIGNS = ["", "\u2713", "\u2715", "\u2691"];
const MARK_COLOURS = ["", "#00704f", "#c23b00", "#8a5a00"];

export function element(tag, name, parent, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// A bytes buffer as the model or a message gives it, at its own place in memory.
export function bytesOf(view) {
  if (view instanceof ArrayBuffer) return new Uint8Array(view);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function themeOf(root) {
  const style = getComputedStyle(root);
  const read = (name, other) => style.getPropertyValue(name).trim() || other;
  return {
    ink: read("--sf-ink", "#1b1b1b"),
    soft: read("--sf-soft", "#5c5c5c"),
    empty: read("--sf-empty", "#eceff1"),
    chosen: read("--sf-chosen", "#d9ecfa"),
    brand: read("--sf-brand", "#0072b2"),
    paper: read("--sf-paper", "#ffffff"),
    font: read("--sf-font", "sans-serif"),
  };
}

export async function decodeTile(tile, jpeg, counts) {
  const picture = jpeg.byteLength ? await createImageBitmap(new Blob([bytesOf(jpeg)], { type: "image/jpeg" })) : null;
  const mask = counts.byteLength ? paintRuns(decodeCounts(bytesOf(counts)), tile.h, tile.w) : null;
  return { ...tile, picture, mask, overlays: {} };
}

// The mask of a tile in a colour, as a canvas of its own size; made when first asked for.
function overlayOf(tile, colour, isOutline, scale) {
  const thickness = isOutline ? Math.max(1, Math.round(2 / scale)) : 0;
  const key = `${colour} ${thickness}`;
  if (!(key in tile.overlays)) {
    const canvas = document.createElement("canvas");
    canvas.width = tile.w;
    canvas.height = tile.h;
    const pixels = isOutline ? outlineOf(tile.mask, tile.h, tile.w, thickness) : tile.mask;
    const rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    canvas.getContext("2d").putImageData(new ImageData(tintMask(pixels, rgb), tile.w, tile.h), 0, 0);
    // One of each kind: the colour may change with every sort.
    const kin = Object.entries(tile.overlays).filter(([other]) => other.endsWith(" 0") !== key.endsWith(" 0"));
    tile.overlays = { ...Object.fromEntries(kin), [key]: canvas };
  }
  return tile.overlays[key];
}

export function paintPicture(context, tile, box, colour, model, theme) {
  const [x, y, w, h] = box;
  if (tile.picture) {
    context.drawImage(tile.picture, x, y, w, h);
  } else {
    context.fillStyle = theme.empty;
    context.fillRect(x, y, w, h);
  }
  if (tile.mask) {
    const opacity = model.get("opacity");
    const isOutline = model.get("outline");
    if (!isOutline) {
      context.globalAlpha = opacity;
      context.drawImage(overlayOf(tile, colour, false, w / tile.w), x, y, w, h);
    }
    // Around a filling the line is white, which is seen on most of what a mask may cover.
    context.globalAlpha = opacity && Math.min(1, opacity + 0.35);
    context.drawImage(overlayOf(tile, isOutline ? colour : "#ffffff", true, w / tile.w), x, y, w, h);
    context.globalAlpha = 1;
  }
}

export function paintPill(context, text, x, y, theme) {
  context.font = `600 12px ${theme.font}`;
  const width = context.measureText(text).width + 16;
  context.fillStyle = theme.paper;
  context.strokeStyle = MARK_COLOURS[2];
  context.lineWidth = 1.2;
  context.beginPath();
  context.roundRect(x - width / 2, y - 11, width, 22, 6);
  context.fill();
  context.stroke();
  context.fillStyle = theme.ink;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + 0.5);
  context.textAlign = "left";
}

export function paintMark(context, mark, x, y, theme) {
  if (!mark) return;
  context.beginPath();
  context.arc(x, y, 12, 0, 2 * Math.PI);
  context.fillStyle = MARK_COLOURS[mark];
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.fillStyle = "#ffffff";
  context.font = `700 14px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(MARK_SIGNS[mark], x, y + 1);
  context.textAlign = "left";
}
