// The annotator's geometry and rules: screen to image and back, what a key means, deeds on their way. No document.

const PENDING_LIMIT = 200;

// Return the view that shows a whole image in a box: screen = image * scale + (x, y), in CSS pixels.
export function fitView(width, height, boxWidth, boxHeight, margin = 8) {
  const scale = Math.max(
    1e-6,
    Math.min((boxWidth - 2 * margin) / width, (boxHeight - 2 * margin) / height, 16),
  );
  return { scale, x: (boxWidth - width * scale) / 2, y: (boxHeight - height * scale) / 2 };
}

// Return the view scaled by a factor about a point of the screen, which stays where it is.
export function zoomAt(view, factor, screenX, screenY, least, most) {
  const scale = Math.min(most, Math.max(least, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: screenX - (screenX - view.x) * ratio, y: screenY - (screenY - view.y) * ratio };
}

// Return where a point of the screen lies in the image, in pixels from its top left corner.
export function toImage(view, screenX, screenY) {
  return [(screenX - view.x) / view.scale, (screenY - view.y) / view.scale];
}

// Return where a point of the image, measured from its top left corner, lies on the screen.
export function toScreen(view, x, y) {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

// Return the pixel [x, y] of the image under a point of the screen, null outside of the image.
export function pixelAt(view, screenX, screenY, width, height) {
  const [x, y] = toImage(view, screenX, screenY).map(Math.floor);
  return x >= 0 && y >= 0 && x < width && y < height ? [x, y] : null;
}

// Return the number of the point [x, y, include] within reach of a point of the screen, the uppermost first, or -1.
// A point is the centre of its pixel, which is half a pixel from the pixel's corner.
export function hitPoint(view, points, screenX, screenY, reach) {
  for (let at = points.length - 1; at >= 0; at -= 1) {
    const [x, y] = toScreen(view, points[at][0] + 0.5, points[at][1] + 0.5);
    if (Math.hypot(x - screenX, y - screenY) <= reach) return at;
  }
  return -1;
}

// Return a path with neighbours closer than `least` left out, the ends kept, and two decimals.
export function thinPath(path, least) {
  const kept = [];
  path.forEach(([x, y], at) => {
    const last = kept[kept.length - 1];
    const isEnd = at === path.length - 1;
    if (!last || isEnd || Math.hypot(x - last[0], y - last[1]) >= least) kept.push([x, y]);
  });
  return kept.map(([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100]);
}

// Return the deeds that the kernel has not done yet, given the number of the last that it has.
export function stillPending(pending, acknowledged) {
  return pending.filter((deed) => deed.deed > acknowledged).slice(-PENDING_LIMIT);
}

// Return the points as they will be once the pending deeds of this row are done.
export function pointsAhead(points, row, pending) {
  const ahead = points.slice();
  for (const deed of pending) {
    if (deed.row !== row) continue;
    if (deed.do === "point") ahead.push([deed.x, deed.y, deed.include]);
    if (deed.do === "remove_point") ahead.splice(deed.at, 1);
  }
  return ahead;
}

const KEYS = {
  a: "accept",
  r: "reject",
  n: "next",
  p: "previous",
  arrowright: "next",
  arrowleft: "previous",
  u: "undo",
  y: "redo",
  c: "compare",
  q: "queue",
  e: "erase",
  1: "points",
  2: "brush",
  3: "polygon",
  0: "fit",
  "[": "smaller",
  "]": "larger",
  "+": "zoom_in",
  "=": "zoom_in",
  "-": "zoom_out",
  t: "write",
  enter: "send",
  escape: "cancel",
  backspace: "drop_corner",
};

// Return what a key asks for, null for nothing. `event`: key, ctrlKey, metaKey, altKey, shiftKey, isWriting.
export function actionOf(event) {
  const key = event.key.toLowerCase();
  if (event.isWriting) return { enter: "send", escape: "leave" }[key] ?? null;
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    return key === "y" ? "redo" : null;
  }
  if (key === "enter" && event.shiftKey) return "send_queue";
  return Object.hasOwn(KEYS, key) ? KEYS[key] : null;
}

// Return whether a job may go out at a price, in dollars, where another one was shown when the key was pressed.
export function isConsented(shown, now) {
  return shown !== null && now !== null && now <= shown * (1 + 1e-9);
}

// Return the mask of column-major runs, sampled at the centres of a smaller raster: Uint8Array of rows of 0 and 1.
export function sampleRuns(runs, height, width, outHeight, outWidth) {
  const mask = new Uint8Array(outHeight * outWidth);
  let at = 0;
  let end = runs.length ? runs[0] : 0;
  let index = 0;
  for (let outX = 0; outX < outWidth; outX += 1) {
    const x = Math.min(width - 1, Math.floor(((outX + 0.5) * width) / outWidth));
    for (let outY = 0; outY < outHeight; outY += 1) {
      const y = Math.min(height - 1, Math.floor(((outY + 0.5) * height) / outHeight));
      at = x * height + y;
      while (at >= end && index < runs.length - 1) {
        index += 1;
        end += runs[index];
      }
      mask[outY * outWidth + outX] = at < end ? index % 2 : 0;
    }
  }
  return mask;
}

// Return for each pixel what became of it: 0 background, 1 kept, 2 added, 3 removed.
export function compareMasks(before, after) {
  return after.map((value, at) => (value ? 2 - (before[at] ? 1 : 0) : before[at] ? 3 : 0));
}
