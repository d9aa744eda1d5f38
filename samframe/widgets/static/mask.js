// COCO's compressed run lengths in the page: decoded, painted and outlined. Pure functions without a document.

// Return the run lengths of COCO's compressed counts: column-major, background first.
// bytes: Uint8Array of ASCII 48 to 111, five bits a character, each run but the first two as a difference.
export function decodeCounts(bytes) {
  const runs = [];
  let at = 0;
  while (at < bytes.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      if (at >= bytes.length) throw new RangeError("counts cut off in a number");
      const bits = bytes[at] - 48;
      if (bits < 0 || bits > 63) throw new RangeError("counts with a character that is none of theirs");
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      at += 1;
      shift += 5;
      if (!more && bits & 16 && shift < 32) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

// Return the mask as rows of 0 and 1: Uint8Array of height * width.
export function paintRuns(runs, height, width) {
  const mask = new Uint8Array(height * width);
  let at = 0;
  runs.forEach((run, index) => {
    if (run < 0 || at + run > mask.length) throw new RangeError("runs longer than the mask");
    if (index % 2) {
      for (let end = at + run, place = at; place < end; place += 1) {
        mask[(place % height) * width + Math.floor(place / height)] = 1;
      }
    }
    at += run;
  });
  if (at !== mask.length) throw new RangeError("runs do not fill the mask");
  return mask;
}

// Return the mask's inner edge, `thickness` pixels wide: what lies outside of the image counts as background.
export function outlineOf(mask, height, width, thickness = 1) {
  let core = mask;
  for (let round = 0; round < thickness; round += 1) {
    const inner = new Uint8Array(core.length);
    for (let y = 1; y < height - 1; y += 1) {
      for (let x = 1, at = y * width + 1; x < width - 1; x += 1, at += 1) {
        inner[at] = core[at] & core[at - 1] & core[at + 1] & core[at - width] & core[at + width];
      }
    }
    core = inner;
  }
  return mask.map((value, at) => value & (1 - core[at]));
}

// Return RGBA of a mask in one colour [r, g, b], transparent elsewhere: what ImageData takes.
export function tintMask(mask, colour) {
  const pixels = new Uint8ClampedArray(mask.length * 4);
  for (let at = 0; at < mask.length; at += 1) {
    if (mask[at]) {
      pixels[at * 4] = colour[0];
      pixels[at * 4 + 1] = colour[1];
      pixels[at * 4 + 2] = colour[2];
      pixels[at * 4 + 3] = 255;
    }
  }
  return pixels;
}
