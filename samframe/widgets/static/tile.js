// One tile: decoded from what the kernel sends, and painted on a canvas: picture, mask, words, mark.

import { ellipsize } from "./grid.js";
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

// ImageDecoder takes the bytes as they are; a Blob goes through the browser's other processes, and takes twice as long.
async function decodeJpeg(bytes) {
  try {
    const decoder = new ImageDecoder({ data: bytes, type: "image/jpeg" });
    try {
      const { image } = await decoder.decode();
      return await createImageBitmap(image).finally(() => image.close());
    } finally {
      decoder.close();
    }
  } catch {
    return createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  }
}

export async function decodeTile(tile, jpeg, counts) {
  const picture = jpeg.byteLength ? await decodeJpeg(bytesOf(jpeg)) : null;
  try {
    const mask = counts.byteLength ? paintRuns(decodeCounts(bytesOf(counts)), tile.h, tile.w) : null;
    return { ...tile, picture, mask };
  } catch (error) {
    picture?.close();
    throw error;
  }
}

// Pixels to write into, by their size: most tiles have one of a few.
let scratch = null;
function scratchOf(width, height) {
  if (scratch?.width !== width || scratch.height !== height) scratch = new ImageData(width, height);
  return scratch;
}

// The mask of a tile as a canvas of its size, painted anew where its look has changed.
function overlayOf(tile, colour, opacity, isOutline, scale) {
  const thickness = Math.max(1, Math.round(2 / scale));
  const look = `${colour} ${opacity} ${isOutline} ${thickness}`;
  if (tile.look !== look) {
    tile.look = look;
    if (tile.thickness !== thickness) tile.edge = outlineOf(tile.mask, tile.h, tile.w, thickness, thickness);
    tile.thickness = thickness;
    const rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    // Around a filling the line is white, which is seen on most of what a mask may cover.
    const strength = 255 * (opacity && Math.min(1, opacity + 0.35));
    const line = [...(isOutline ? rgb : [255, 255, 255]), strength];
    const inside = [...rgb, isOutline ? 0 : 255 * opacity];
    // An outline alone has a white line within: on an object of its own colour one tone would not be seen.
    const second = isOutline ? [255, 255, 255, strength] : inside;
    const pixels = scratchOf(tile.w, tile.h);
    tintMask(pixels.data, tile.mask, tile.edge, inside, line, second);
    if (!tile.overlay) {
      tile.overlay = document.createElement("canvas");
      tile.overlay.width = tile.w;
      tile.overlay.height = tile.h;
    }
    tile.overlay.getContext("2d").putImageData(pixels, 0, 0);
  }
  return tile.overlay;
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
    const overlay = overlayOf(tile, colour, model.get("opacity"), model.get("outline"), w / tile.w);
    context.drawImage(overlay, x, y, w, h);
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

// Title and note cut to a width; to measure them takes as long as to paint them.
function wordsOf(context, tile, width, indent, font) {
  const fit = `${width} ${indent} ${font}`;
  if (tile.fit !== fit) {
    const measure = (text) => context.measureText(text).width;
    context.font = `12px ${font}`;
    const title = ellipsize(tile.title, width, measure);
    context.font = `11px ${font}`;
    Object.assign(tile, { fit, words: [title, ellipsize(tile.note, width - indent, measure)] });
  }
  return tile.words;
}

// Paint a tile's words below it; a colour, where one is given, as a square before the note.
export function paintCaption(context, tile, x, y, width, colour, theme) {
  const indent = colour ? 14 : 0;
  context.textBaseline = "alphabetic";
  if (colour) {
    context.fillStyle = colour;
    context.fillRect(x, y + 21, 9, 9);
  }
  const [title, note] = wordsOf(context, tile, width, indent, theme.font);
  context.font = `12px ${theme.font}`;
  context.fillStyle = theme.ink;
  context.fillText(title, x, y + 15);
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.soft;
  context.fillText(note, x + indent, y + 30);
}
