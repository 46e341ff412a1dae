/** EXIF orientation, 1 to 8: how the file stores the image. 1 is upright. */
export type Orientation = number

/** In pixels. */
export interface Size {
  width: number
  height: number
}

export interface Box extends Size {
  left: number
  top: number
}

/**
 * Maps a pixel of the upright image to the file: swap the axes first, then mirror them.
 * Exif 2.32, tag 0x0112; the same as Pillow's `ImageOps.exif_transpose`.
 */
function turns(orientation: Orientation) {
  return {
    swapped: orientation >= 5,
    mirroredX: [2, 3, 7, 8].includes(orientation),
    mirroredY: [3, 4, 6, 7].includes(orientation),
  }
}

/** The size of the upright image from its size in the file, and the reverse. */
export function turnedSize<T extends Size>({ width, height }: T, orientation: Orientation): Size {
  return turns(orientation).swapped ? { width: height, height: width } : { width, height }
}

/** Maps a box of the upright image to the file. @param whole the size of the upright image */
export function toFileBox(box: Box, whole: Size, orientation: Orientation): Box {
  const { swapped, mirroredX, mirroredY } = turns(orientation)
  const inFile = swapped
    ? { left: box.top, top: box.left, width: box.height, height: box.width }
    : { left: box.left, top: box.top, width: box.width, height: box.height }
  const file = turnedSize(whole, orientation)
  if (mirroredX) inFile.left = file.width - inFile.left - inFile.width
  if (mirroredY) inFile.top = file.height - inFile.top - inFile.height
  return inFile
}

/**
 * Turns a square upright, after the resize: that is less work than turning the whole image.
 * @param square [size, size, 3]
 */
export function orientSquare(square: Uint8Array, size: number, orientation: Orientation): Uint8Array {
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
