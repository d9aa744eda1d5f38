// The annotator's canvas: picture, mask, points and the stroke under way, in that order.
import { decodeCounts, outlineOf, paintRuns } from "./mask.js";
import { compareMasks, sampleRuns, toScreen } from "./annotator_view.js";

// Okabe and Ito's colours: mask and kept, added, removed; and lighter ones along the edge, seen on any ground.
const FILL_COLOURS = [null, [0, 114, 178], [0, 158, 115], [213, 94, 0]];
const EDGE_COLOURS = [null, [86, 180, 233], [64, 220, 170], [255, 160, 80]];
const FILL_ALPHA = 130;
const INCLUDE = "#009e73";
const EXCLUDE = "#d55e00";
const POINT_RADIUS = 7;
const LONGEST_RASTER = 2048;

// Return a mask {size, counts} as rows of 0 and 1, no finer than it is looked at: { pixels, height, width }.
export function readMask(mask) {
  const [height, width] = mask.size;
  const runs = decodeCounts(new TextEncoder().encode(mask.counts));
  const scale = Math.min(1, LONGEST_RASTER / Math.max(height, width));
  if (scale === 1) return { pixels: paintRuns(runs, height, width), height, width };
  const out = [height, width].map((side) => Math.max(1, Math.round(side * scale)));
  return { pixels: sampleRuns(runs, height, width, ...out), height: out[0], width: out[1] };
}

// Return what the overlay shows: 0 nothing, 1 mask or kept, 2 added, 3 removed; null where there is no mask at all.
export function overlayOf(before, after, isComparing) {
  const one = after && readMask(after);
  if (!isComparing) return one;
  const other = before && readMask(before);
  const like = one ?? other;
  if (!like || (one && other && (one.height !== other.height || one.width !== other.width))) return one;
  const nothing = new Uint8Array(like.pixels.length);
  return { ...like, pixels: compareMasks(other?.pixels ?? nothing, one?.pixels ?? nothing) };
}

// Return an overlay as a canvas of its own: half clear inside, opaque along the edge.
export function tintOverlay(overlay) {
  const { pixels, height, width } = overlay;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const data = new ImageData(width, height);
  const solid = pixels.map((value) => (value ? 1 : 0));
  const edge = outlineOf(solid, height, width, Math.max(1, Math.round(Math.max(height, width) / 350)));
  for (let at = 0; at < pixels.length; at += 1) {
    if (!pixels[at]) continue;
    data.data.set((edge[at] ? EDGE_COLOURS : FILL_COLOURS)[pixels[at]], at * 4);
    data.data[at * 4 + 3] = edge[at] ? 255 : FILL_ALPHA;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function drawPoint(context, [x, y], isIncluded) {
  context.beginPath();
  context.arc(x, y, POINT_RADIUS, 0, 2 * Math.PI);
  context.fillStyle = isIncluded ? INCLUDE : EXCLUDE;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.stroke();
  const arm = POINT_RADIUS - 3;
  context.beginPath();
  if (isIncluded) {
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
  } else {
    context.moveTo(x - arm + 1, y - arm + 1);
    context.lineTo(x + arm - 1, y + arm - 1);
    context.moveTo(x - arm + 1, y + arm - 1);
    context.lineTo(x + arm - 1, y - arm + 1);
  }
  context.stroke();
}

function drawStroke(context, view, { path, radius, erase }) {
  const corners = path.map(([x, y]) => toScreen(view, x, y));
  context.strokeStyle = context.fillStyle = erase ? EXCLUDE : "#0072b2";
  context.globalAlpha = 0.5;
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = 2 * radius * view.scale;
  context.beginPath();
  corners.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (corners.length === 1) context.lineTo(corners[0][0] + 0.01, corners[0][1]);
  context.stroke();
  context.globalAlpha = 1;
}

function drawPolygon(context, view, { path, erase }, pointer) {
  const corners = path.map(([x, y]) => toScreen(view, x, y));
  context.beginPath();
  corners.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (pointer) context.lineTo(...pointer);
  context.closePath();
  context.fillStyle = context.strokeStyle = erase ? EXCLUDE : "#0072b2";
  context.globalAlpha = 0.25;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.stroke();
  for (const [x, y] of corners) {
    context.fillStyle = "#ffffff";
    context.fillRect(x - 3.5, y - 3.5, 7, 7);
    context.strokeRect(x - 3.5, y - 3.5, 7, 7);
  }
}

// Draw everything. `scene`: view, size [h, w], picture, overlay, points, strokes, polygon, pointer, cursor.
export function drawScene(canvas, scene) {
  const ratio = window.devicePixelRatio || 1;
  const [boxWidth, boxHeight] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.max(1, Math.round(boxWidth * ratio));
  canvas.height = Math.max(1, Math.round(boxHeight * ratio));
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const { view, size } = scene;
  if (!size) return;
  const [height, width] = size;
  const place = [view.x, view.y, width * view.scale, height * view.scale];
  context.fillStyle = "#8f979f";
  context.fillRect(...place);
  context.imageSmoothingEnabled = view.scale < 2;
  if (scene.picture) context.drawImage(scene.picture, ...place);
  context.imageSmoothingEnabled = view.scale < 1;
  if (scene.overlay) context.drawImage(scene.overlay, ...place);
  context.save();
  context.beginPath();
  context.rect(...place);
  context.clip();
  for (const stroke of scene.strokes) {
    if (stroke.do === "brush") drawStroke(context, view, stroke);
    else drawPolygon(context, view, stroke, null);
  }
  context.restore();
  if (scene.polygon.path.length) drawPolygon(context, view, scene.polygon, scene.pointer);
  for (const [x, y, isIncluded] of scene.points) drawPoint(context, toScreen(view, x + 0.5, y + 0.5), isIncluded);
  if (scene.cursor && scene.pointer) {
    context.beginPath();
    context.arc(...scene.pointer, scene.cursor * view.scale, 0, 2 * Math.PI);
    context.lineWidth = 1.5;
    context.strokeStyle = "#ffffff";
    context.stroke();
    context.lineWidth = 0.75;
    context.strokeStyle = "#000000";
    context.stroke();
  }
}
