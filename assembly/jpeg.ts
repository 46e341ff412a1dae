import { toRgb } from './colour'
import { height, readHeader, width } from './header'
import { PAIR_RGB, planTaps, resizeColumns, resizeRows, tapsSize } from './resample'
import { isAtEnd, readStrip, startScan } from './scan'

/** Where the file lies, and where it ends. */
let input: usize = 0
let inputEnd: usize = 0
/** Memory that is free. */
let free: usize = 0

/** Room for a file. @param size in bytes @returns where it is to be put; 0 if there is no room */
export function open(size: i32): usize {
  input = (__heap_base + 15) & ~15
  inputEnd = input + size
  free = (inputEnd + 64) & ~15
  return reserve() ? input : 0
}

function take(size: usize): usize {
  const at = free
  free = (free + size + 15) & ~15
  return at
}

function reserve(): bool {
  const pages = <i32>((free + 0xffff) >>> 16)
  const more = pages - memory.size()
  return more <= 0 || memory.grow(more) >= 0
}

/**
 * Decodes the JPEG that was put where {@link open} said, resizes a part of it, and crops: three components of 8 bits,
 * sequential, Huffman-coded, colour at half the size both ways. What is not like that, or damaged, is left alone.
 * @param seenLeft of the part that is resized, `seenWidth` × `seenHeight`, to `outWidth` × `outHeight`
 * @param left of the square that is wanted, in what it was resized to
 * @returns where [size, size, 3] lie, RGB, or 0
 */
export function square(
  seenLeft: i32,
  seenTop: i32,
  seenWidth: i32,
  seenHeight: i32,
  outWidth: i32,
  outHeight: i32,
  left: i32,
  top: i32,
  size: i32,
  bicubic: bool,
): usize {
  const scan = readHeader(input, inputEnd)
  if (scan == 0) return 0
  if (seenLeft + seenWidth > width || seenTop + seenHeight > height) return 0
  const acrossSize = tapsSize(seenWidth, outWidth, bicubic)
  const downSize = tapsSize(seenHeight, outHeight, bicubic)
  if (acrossSize == 0 || downSize == 0) return 0
  const across = take(acrossSize * size)
  const down = take(downSize * size)
  if (!reserve()) return 0
  const acrossBits = planTaps(across, acrossSize, seenWidth, outWidth, seenLeft, left, size, bicubic)
  const downBits = planTaps(down, downSize, seenHeight, outHeight, seenTop, top, size, bicubic)

  // Pairs of columns and of rows that are looked at; colour has one sample each.
  const pairs = (width + 1) >> 1
  const rowPairs = (height + 1) >> 1
  const firstColumn = firstPair(across)
  const endColumn = endPair(across + acrossSize * (size - 1))
  const firstStrip = firstPair(down) >> 3
  const endStrip = (endPair(down + downSize * (size - 1)) + 7) >> 3
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
  const stride = (<usize>size * 6 + 31) & ~31
  const narrow = take(<usize>(endStrip - firstStrip) * 8 * stride + 32)
  const result = take(<usize>size * size * 3 + 16)
  if (!reserve()) return 0

  startScan(scan, inputEnd)
  for (let strip = 0; strip <= strips; strip++) {
    const current = <usize>(strip % 3) * colourSize
    if (strip < strips) {
      // The others are read as well: what is damaged there is damaged.
      const isWanted = strip + 1 >= firstStrip && strip <= endStrip
      const y = luma + <usize>(strip & 1) * lumaSize
      if (!readStrip(y, cb + current, cr + current, mcus, isWanted ? firstMcu : mcus, endMcu)) return 0
      if (strip == strips - 1 && !isAtEnd()) return 0
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
    if (done < firstStrip || done >= endStrip) continue
    const before = <usize>((done + 2) % 3) * colourSize
    const at = <usize>(done % 3) * colourSize
    const y = luma + <usize>(done & 1) * lumaSize
    toRgb(y, cb + before, cb + at, cb + current, cr + before, cr + at, cr + current, firstColumn, endColumn, pairs, rgb)
    const rows = narrow + <usize>(done - firstStrip) * 8 * stride
    resizeRows(rgb, firstColumn, across, acrossSize, acrossBits, size, rows, stride)
  }
  resizeColumns(narrow, firstStrip << 3, stride, down, downSize, downBits, size, result, <usize>size * 3)
  return result
}

/** The first pair of pixels that one of the output is made of, by its taps. */
// @ts-ignore: decorator
@inline
function firstPair(taps: usize): i32 {
  return load<i32>(taps)
}

/** One after the last. */
// @ts-ignore: decorator
@inline
function endPair(taps: usize): i32 {
  return load<i32>(taps) + load<i32>(taps, 4)
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
