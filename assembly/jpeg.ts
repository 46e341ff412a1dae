import { plainToRgb, toRgb } from './colour'
import { height, readHeader, width } from './header'
import { input, inputEnd, reserve, take } from './memory'
import { PAIR_RGB } from './resample'
import { Resizing } from './resizing'
import { isAtEnd, readHalfStrip, readStrip, startScan } from './scan'

export { open } from './memory'

/** What is made of the image. */
let square: Resizing | null = null
let picture: Resizing | null = null

/**
 * Decodes the JPEG that was put where `open` said, resizes a part of it, and crops: three components of 8 bits, sequential,
 * Huffman-coded, colour at half the size both ways. What is not like that, or damaged, is left alone.
 * @param scale 1, or 2 to decode at half the size: what follows then counts pixels of that, the last of which may be a half
 * @param seenLeft of the part that is resized, `seenWidth` × `seenHeight`, to `outWidth` × `outHeight`
 * @param left of the square that is wanted, in what it was resized to
 * @param pictureWidth of all of the image, which is wanted as well; 0 if it is not
 * @returns where [size, size, 3] lie, RGB, or 0
 */
export function decode(
  scale: i32,
  seenLeft: i32,
  seenTop: i32,
  seenWidth: f64,
  seenHeight: f64,
  outWidth: i32,
  outHeight: i32,
  left: i32,
  top: i32,
  size: i32,
  bicubic: bool,
  pictureWidth: i32,
  pictureHeight: i32,
): usize {
  const scan = readHeader(input, inputEnd)
  if (scan == 0) return 0
  const columns = <f64>width / scale
  const rows = <f64>height / scale
  if (seenLeft + seenWidth > columns || seenTop + seenHeight > rows) return 0
  square = Resizing.plan(seenLeft, seenTop, seenWidth, seenHeight, outWidth, outHeight, left, top, size, size, bicubic)
  if (square == null) return 0
  picture = null
  if (pictureWidth > 0) {
    picture = Resizing.plan(0, 0, columns, rows, pictureWidth, pictureHeight, 0, 0, pictureWidth, pictureHeight, true)
    if (picture == null) return 0
  }
  startScan(scan, inputEnd)
  if (scale == 2 ? !decodeHalf() : !decodeAll()) return 0
  square!.finish()
  if (picture != null) picture!.finish()
  return square!.result
}

/** Where [height, width, 3] lie of the picture that was wanted beside the square, RGB. */
export function pictureAt(): usize {
  return picture!.result
}

/** Pairs of columns and strips that anything is made of. */
function firstPair(): i32 {
  return picture == null ? square!.firstPair : min(square!.firstPair, picture!.firstPair)
}
function endPair(): i32 {
  return picture == null ? square!.endPair : max(square!.endPair, picture!.endPair)
}
function firstStrip(): i32 {
  return picture == null ? square!.firstStrip : min(square!.firstStrip, picture!.firstStrip)
}
function endStrip(): i32 {
  return picture == null ? square!.endStrip : max(square!.endStrip, picture!.endStrip)
}

function resize(strip: i32, rgb: usize, origin: i32): void {
  square!.take(strip, rgb, origin)
  if (picture != null) picture!.take(strip, rgb, origin)
}

function decodeAll(): bool {
  // Pairs of columns and of rows; colour has one sample each.
  const pairs = (width + 1) >> 1
  const rowPairs = (height + 1) >> 1
  const firstColumn = firstPair()
  const endColumn = endPair()
  const strips = (rowPairs + 7) >> 3
  const mcus = (pairs + 7) >> 3
  const firstMcu = max(0, firstColumn - 1) >> 3
  const endMcu = min(mcus, ((endColumn + 1) >> 3) + 1)

  const lumaSize = <usize>mcus << 9
  const colourSize = <usize>mcus << 7
  const luma = take(2 * lumaSize)
  const cb = take(3 * colourSize)
  const cr = take(3 * colourSize)
  const rgb = take(<usize>(endColumn - firstColumn + 1) * PAIR_RGB)
  if (!reserve()) return false

  for (let strip = 0; strip <= strips; strip++) {
    const current = <usize>(strip % 3) * colourSize
    if (strip < strips) {
      // The others are read as well: what is damaged there is damaged.
      const isWanted = strip + 1 >= firstStrip() && strip <= endStrip()
      const y = luma + <usize>(strip & 1) * lumaSize
      if (!readStrip(y, cb + current, cr + current, mcus, isWanted ? firstMcu : mcus, endMcu)) return false
      if (strip == strips - 1 && !isAtEnd()) return false
    } else {
      const previous = <usize>((strip + 2) % 3) * colourSize
      const last = (rowPairs - 1) & 7
      repeatLastRow(cb + previous, cb + current, mcus << 3, last)
      repeatLastRow(cr + previous, cr + current, mcus << 3, last)
    }
    const done = strip - 1
    if (strip == 0) {
      repeatFirstRow(cb, cb + 2 * colourSize, mcus << 3)
      repeatFirstRow(cr, cr + 2 * colourSize, mcus << 3)
    }
    if (done < firstStrip() || done >= endStrip()) continue
    const before = <usize>((done + 2) % 3) * colourSize
    const at = <usize>(done % 3) * colourSize
    const y = luma + <usize>(done & 1) * lumaSize
    toRgb(y, cb + before, cb + at, cb + current, cr + before, cr + at, cr + current, firstColumn, endColumn, pairs, rgb)
    resize(done, rgb, firstColumn)
  }
  return true
}

/** At half the size a strip is two rows of MCUs, and there is a sample of colour for each pixel. */
function decodeHalf(): bool {
  const firstColumn = firstPair()
  const endColumn = endPair()
  const mcus = (width + 15) >> 4
  const mcuRows = (height + 15) >> 4
  const firstMcu = firstColumn >> 2
  const endMcu = min(mcus, (endColumn + 3) >> 2)

  const planeSize = <usize>mcus << 8
  const y = take(planeSize)
  const cb = take(planeSize)
  const cr = take(planeSize)
  const rgb = take(<usize>(endColumn - firstColumn + 1) * PAIR_RGB)
  if (!reserve()) return false

  for (let mcuRow = 0; mcuRow < mcuRows; mcuRow++) {
    const strip = mcuRow >> 1
    const isWanted = strip >= firstStrip() && strip < endStrip()
    const lower = <usize>(mcuRow & 1) << 4
    if (!readHalfStrip(y + lower, cb + lower, cr + lower, mcus, isWanted ? firstMcu : mcus, endMcu)) return false
    const isFull = (mcuRow & 1) == 1 || mcuRow == mcuRows - 1
    if (!isWanted || !isFull) continue
    plainToRgb(y, cb, cr, firstColumn, endColumn, rgb)
    resize(strip, rgb, firstColumn)
  }
  return isAtEnd()
}

/** A plane goes on above its first row as that is. @param to its last row counts */
function repeatFirstRow(from: usize, to: usize, columns: i32): void {
  for (let i: usize = 0; i < <usize>columns; i++)
    v128.store(to + (i << 4), v128.load_splat<i16>(from + (i << 4)))
}

/** A plane goes on below its last row as that is. @param last row of the image in `from` @param to its first row counts */
function repeatLastRow(from: usize, to: usize, columns: i32, last: i32): void {
  for (let i: usize = 0; i < <usize>columns; i++) {
    const column = from + (i << 4)
    const value = load<i16>(column + (<usize>last << 1))
    v128.store(to + (i << 4), i16x8.splat(value))
    for (let row = last + 1; row < 8; row++) store<i16>(column + (<usize>row << 1), value)
  }
}
