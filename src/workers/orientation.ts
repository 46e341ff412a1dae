/** EXIF orientation, 1 to 8: how an image lies in its file. */
export type Orientation = number

interface Box {
  left: number
  top: number
  width: number
  height: number
}

interface Size {
  width: number
  height: number
}

/**
 * Where the upright image's pixel (x, y) lies in the file: swapped axes first, then mirrored ones.
 * Exif 2.32, tag 0x0112; the same as Pillow's `ImageOps.exif_transpose`.
 */
function turns(orientation: Orientation) {
  return {
    swapped: orientation >= 5,
    mirroredX: [2, 3, 7, 8].includes(orientation),
    mirroredY: [3, 4, 6, 7].includes(orientation),
  }
}

/** The size of an image as seen, from its size in the file, and the other way round. */
export function turnedSize<T extends Size>({ width, height }: T, orientation: Orientation): Size {
  return turns(orientation).swapped ? { width: height, height: width } : { width, height }
}

/** A part of the upright image as a part of the image as it lies in the file. @param whole the upright image */
export function lyingBox(box: Box, whole: Size, orientation: Orientation): Box {
  const { swapped, mirroredX, mirroredY } = turns(orientation)
  const lying = swapped
    ? { left: box.top, top: box.left, width: box.height, height: box.width }
    : { left: box.left, top: box.top, width: box.width, height: box.height }
  const file = turnedSize(whole, orientation)
  if (mirroredX) lying.left = file.width - lying.left - lying.width
  if (mirroredY) lying.top = file.height - lying.top - lying.height
  return lying
}

/** Turns a square upright. Turning 224 × 224 pixels at the end costs less than turning all of them before. @param square [size, size, 3] */
export function uprightSquare(square: Uint8Array, size: number, orientation: Orientation): Uint8Array {
  if (orientation === 1) return square
  const { swapped, mirroredX, mirroredY } = turns(orientation)
  const out = new Uint8Array(square.length)
  let to = 0
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const [u, v] = swapped ? [y, x] : [x, y]
      const from = 3 * ((mirroredY ? size - 1 - v : v) * size + (mirroredX ? size - 1 - u : u))
      out[to++] = square[from]!
      out[to++] = square[from + 1]!
      out[to++] = square[from + 2]!
    }
  return out
}
