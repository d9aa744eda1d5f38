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

function paintRun(mask, at, run, height, width) {
  let column = Math.floor(at / height);
  let row = at % height;
  for (let left = run; left > 0; left -= 1) {
    mask[row * width + column] = 1;
    row += 1;
    if (row === height) [row, column] = [0, column + 1];
  }
}

// Return the mask as rows of 0 and 1: Uint8Array of height * width.
export function paintRuns(runs, height, width) {
  const mask = new Uint8Array(height * width);
  let at = 0;
  runs.forEach((run, index) => {
    if (run < 0 || at + run > mask.length) throw new RangeError("runs longer than the mask");
    if (index % 2) paintRun(mask, at, run, height, width);
    at += run;
  });
  if (at !== mask.length) throw new RangeError("runs do not fill the mask");
  return mask;
}

// Return the mask's inner edge as 1, `thickness` pixels wide, and within it a second line as 2, `within` pixels wide: what
// lies outside of the image counts as background.
export function outlineOf(mask, height, width, thickness = 1, within = 0) {
  // A pixel lies in the core of each round while its neighbours did in the round before.
  const depth = mask.slice();
  for (let round = 1; round <= thickness + within; round += 1) {
    for (let y = 1; y < height - 1; y += 1) {
      for (let x = 1, at = y * width + 1; x < width - 1; x += 1, at += 1) {
        if (depth[at] === round && depth[at - 1] >= round && depth[at + 1] >= round
          && depth[at - width] >= round && depth[at + width] >= round) depth[at] = round + 1;
      }
    }
  }
  for (let at = 0; at < depth.length; at += 1) {
    depth[at] = !depth[at] || depth[at] > thickness + within ? 0 : depth[at] <= thickness ? 1 : 2;
  }
  return depth;
}

// Write a mask into RGBA `pixels` of its size: inside in one colour [r, g, b, a], its edge in another, the
// line within it in a third, nothing elsewhere.
export function tintMask(pixels, mask, edge, inside, line, second = inside) {
  const words = new Uint32Array(pixels.buffer);
  const [filled, drawn, within] = [inside, line, second].map((colour) => new Uint32Array(Uint8Array.from(colour).buffer)[0]);
  for (let at = 0; at < mask.length; at += 1) words[at] = edge[at] === 1 ? drawn : edge[at] ? within : mask[at] ? filled : 0;
}
