import { plainToRgb, toRgb } from './colour'
import { height, readHeader, width } from './header'
import { input, inputEnd, reserve, take } from './memory'
import { PAIR_RGB } from './resample'
import { Resizing } from './resizing'
import { isAtEnd, readHalfStrip, readStrip, startScan } from './scan'

export { open } from './memory'

/** The results of the current call. */
let square: Resizing | null = null
let preview: Resizing | null = null

/**
 * Decodes the JPEG that lies where `open` said, resizes a region of it, and crops. README.md has the files it takes.
 * @param scale 1, or 2 to decode at half the size: the following sizes are then of that, and the last pixel may be a
 * half
 * @param sourceLeft left edge of the source region of `sourceWidth` × `sourceHeight`, resized to `outWidth` ×
 * `outHeight`
 * @param left left edge of the square in that
 * @param previewWidth width of the preview of the whole image; 0 for no preview
 * @returns where the square lies, [size, size, 3], RGB; 0 for a file that is not decoded here
 */
export function decode(
  scale: i32,
  sourceLeft: i32,
  sourceTop: i32,
  sourceWidth: f64,
  sourceHeight: f64,
  outWidth: i32,
  outHeight: i32,
  left: i32,
  top: i32,
  size: i32,
  bicubic: bool,
  previewWidth: i32,
  previewHeight: i32,
): usize {
  const scan = readHeader(input, inputEnd)
  if (scan === 0) return 0
  const columns = <f64>width / scale
  const rows = <f64>height / scale
  if (sourceLeft + sourceWidth > columns || sourceTop + sourceHeight > rows) return 0
  square = Resizing.plan(
    sourceLeft,
    sourceTop,
    sourceWidth,
    sourceHeight,
    outWidth,
    outHeight,
    left,
    top,
    size,
    size,
    bicubic,
  )
  if (square == null) return 0
  preview = null
  if (previewWidth > 0) {
    preview = Resizing.plan(0, 0, columns, rows, previewWidth, previewHeight, 0, 0, previewWidth, previewHeight, true)
    if (preview == null) return 0
  }
  startScan(scan, inputEnd)
  if (scale === 2 ? !decodeHalf() : !decodeAll()) return 0
  square!.finish()
  if (preview != null) preview!.finish()
  return square!.result
}

/** Where the preview lies, [height, width, 3], RGB, if there is one. */
export function previewAt(): usize {
  return preview!.result
}

/** Pairs of columns and strips that the square or the preview needs. */
function firstPair(): i32 {
  return preview == null ? square!.firstPair : min(square!.firstPair, preview!.firstPair)
}
function endPair(): i32 {
  return preview == null ? square!.endPair : max(square!.endPair, preview!.endPair)
}
function firstStrip(): i32 {
  return preview == null ? square!.firstStrip : min(square!.firstStrip, preview!.firstStrip)
}
function endStrip(): i32 {
  return preview == null ? square!.endStrip : max(square!.endStrip, preview!.endStrip)
}

function resize(strip: i32, rgb: usize, origin: i32): void {
  square!.take(strip, rgb, origin)
  if (preview != null) preview!.take(strip, rgb, origin)
}

function decodeAll(): bool {
  // Pairs of columns and of rows: colour has one sample per pair.
  const pairs = (width + 1) >> 1
  const rowPairs = (height + 1) >> 1
  const firstColumn = firstPair()
  const endColumn = endPair()
  const strips = (rowPairs + 7) >> 3
  const mcus = (pairs + 7) >> 3
  const firstMcu = max(0, firstColumn - 1) >> 3
  const endMcu = min(mcus, ((endColumn + 1) >> 3) + 1)

  const lumaSize = (<usize>mcus) << 9
  const colourSize = (<usize>mcus) << 7
  const luma = take(2 * lumaSize)
  const cb = take(3 * colourSize)
  const cr = take(3 * colourSize)
  const rgb = take(<usize>(endColumn - firstColumn + 1) * PAIR_RGB)
  if (!reserve()) return false

  for (let strip = 0; strip <= strips; strip++) {
    const current = <usize>(strip % 3) * colourSize
    if (strip < strips) {
      // All others are parsed too: damage there is damage.
      const isWanted = strip + 1 >= firstStrip() && strip <= endStrip()
      const y = luma + <usize>(strip & 1) * lumaSize
      if (!readStrip(y, cb + current, cr + current, mcus, isWanted ? firstMcu : mcus, endMcu)) return false
      if (strip === strips - 1 && !isAtEnd()) return false
    } else {
      const previous = <usize>((strip + 2) % 3) * colourSize
      const last = (rowPairs - 1) & 7
      repeatLastRow(cb + previous, cb + current, mcus << 3, last)
      repeatLastRow(cr + previous, cr + current, mcus << 3, last)
    }
    const done = strip - 1
    if (strip === 0) {
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

/** At half the size a strip is two rows of MCUs, and each pixel has its own sample of colour. */
function decodeHalf(): bool {
  const firstColumn = firstPair()
  const endColumn = endPair()
  const mcus = (width + 15) >> 4
  const mcuRows = (height + 15) >> 4
  const firstMcu = firstColumn >> 2
  const endMcu = min(mcus, (endColumn + 3) >> 2)

  const planeSize = (<usize>mcus) << 8
  const y = take(planeSize)
  const cb = take(planeSize)
  const cr = take(planeSize)
  const rgb = take(<usize>(endColumn - firstColumn + 1) * PAIR_RGB)
  if (!reserve()) return false

  for (let mcuRow = 0; mcuRow < mcuRows; mcuRow++) {
    const strip = mcuRow >> 1
    const isWanted = strip >= firstStrip() && strip < endStrip()
    const lower = (<usize>(mcuRow & 1)) << 4
    if (!readHalfStrip(y + lower, cb + lower, cr + lower, mcus, isWanted ? firstMcu : mcus, endMcu)) return false
    const isFull = (mcuRow & 1) === 1 || mcuRow === mcuRows - 1
    if (!isWanted || !isFull) continue
    plainToRgb(y, cb, cr, firstColumn, endColumn, rgb)
    resize(strip, rgb, firstColumn)
  }
  return isAtEnd()
}

/** Repeats the first row of a plane above it. @param to only its last row is used */
function repeatFirstRow(from: usize, to: usize, columns: i32): void {
  for (let i: usize = 0; i < <usize>columns; i++) v128.store(to + (i << 4), v128.load_splat<i16>(from + (i << 4)))
}

/**
 * Repeats the last row of a plane below it.
 * @param last the image's last row in `from`
 * @param to only its first row is used
 */
function repeatLastRow(from: usize, to: usize, columns: i32, last: i32): void {
  for (let i: usize = 0; i < <usize>columns; i++) {
    const column = from + (i << 4)
    const value = load<i16>(column + ((<usize>last) << 1))
    v128.store(to + (i << 4), i16x8.splat(value))
    for (let row = last + 1; row < 8; row++) store<i16>(column + ((<usize>row) << 1), value)
  }
}
