// Between the raster that masks and points lie on and the upright picture: EXIF's eight orientations. No document.

// EXIF 2.32, tag 0x0112. What makes a stored raster upright: swap rows and columns, then mirror x, mirror y.
const TURNS = [0, 0, 2, 6, 4, 1, 3, 7, 5].map((bits) => [bits & 1, bits & 2, bits & 4]);

// Return [height, width] once the orientation is applied; twice gives the stored size again.
export function uprightSize([height, width], orientation) {
  return TURNS[orientation][0] ? [width, height] : [height, width];
}

// Return whether a mask of a size lies on the upright raster of an image already: only its sides tell.
export function isUpright([height, width], stored, orientation) {
  const [high, wide] = uprightSize(stored, orientation);
  return height === high && width === wide && high !== wide && TURNS[orientation][0] === 1;
}

// Return a place of the stored raster in the upright one. `last`: 1 for pixels, 0 for places measured from the corner.
export function placeToUpright([x, y], stored, orientation, last) {
  const [swap, mirrorX, mirrorY] = TURNS[orientation];
  const [height, width] = uprightSize(stored, orientation);
  const [across, down] = swap ? [y, x] : [x, y];
  return [mirrorX ? width - last - across : across, mirrorY ? height - last - down : down];
}

// Return a place of the upright raster in the stored one.
export function placeToStored([x, y], stored, orientation, last) {
  const [swap, mirrorX, mirrorY] = TURNS[orientation];
  const [height, width] = uprightSize(stored, orientation);
  const [across, down] = [mirrorX ? width - last - x : x, mirrorY ? height - last - y : y];
  return swap ? [down, across] : [across, down];
}

// Return { pixels, height, width } of a stored raster as it stands upright.
export function turnPixels(raster, orientation) {
  if (orientation === 1) return raster;
  const stored = [raster.height, raster.width];
  const [height, width] = uprightSize(stored, orientation);
  const pixels = new Uint8Array(raster.pixels.length);
  // Where the first pixel is stored, and how far its neighbours to the right and below lie from it.
  const [first, right, below] = [[0, 0], [1, 0], [0, 1]].map((place) => {
    const [column, row] = placeToStored(place, stored, orientation, 1);
    return row * raster.width + column;
  });
  for (let y = 0, at = 0; y < height; y += 1) {
    let from = first + y * (below - first);
    for (let x = 0; x < width; x += 1, at += 1, from += right - first) pixels[at] = raster.pixels[from];
  }
  return { pixels, height, width };
}
