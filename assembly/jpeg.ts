import { toRgb } from './colour'
import {
  END_OF_BLOCK,
  extended,
  INCOMPLETE,
  longCode,
  lookUp,
  readTable,
  runOf,
  symbolOf,
  TABLE_SIZE,
} from './huffman'
import { flatBlock, inverseDct } from './idct'
import { PAIR_RGB, planTaps, resizeColumns, resizeRows, tapsSize } from './resample'

/** From a coefficient's place in zigzag order to where it lies in a block of int16, in bytes. */
const ZIGZAG: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
])

/** Four quantisation tables: for each coefficient in zigzag order, where it lies (16 bits) and its factor (16 bits). */
const QUANTA: usize = memory.data(4 * 256, 16)
/** Two Huffman tables for the first coefficients, two for the others. */
const TABLES: usize = memory.data(4 * TABLE_SIZE, 16)
/** The block that is read, [8, 8] of int16. */
const BLOCK: usize = memory.data(128, 16)
/** Components' quantisation tables, and Huffman tables for their first and their other coefficients. */
const QUANTA_OF = memory.data(3 * 4, 4)
const DC_OF = memory.data(3 * 4, 4)
const AC_OF = memory.data(3 * 4, 4)
/** Components' numbers in the file. */
const IDS = memory.data(3, 1)

let width = 0
let height = 0
let restartInterval = 0
/** Which tables there are: bits 0 to 3 quantisation, 4 to 7 Huffman. */
let defined = 0

/** Where the file lies, and where it ends. */
let input: usize = 0
let inputEnd: usize = 0
/** Memory that is free. */
let free: usize = 0

/** What was read of the scan: the next byte, bits read ahead, how many, and how many of them lie behind its end. */
let scanAt: usize = 0
let ahead: u64 = 0
let aheadBits = 0
let paddingBits = 0
/** Restart intervals: MCUs left in this one, and which marker ends it. */
let left = 0
let nextRestart = 0

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
  if (!readHeader()) return 0
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

  startScan()
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

// @ts-ignore: decorator
@inline
function word(at: usize): i32 {
  return (<i32>load<u8>(at) << 8) | <i32>load<u8>(at + 1)
}

/** Reads everything up to the scan. @returns whether it is a file of the kind that is decoded here */
function readHeader(): bool {
  width = 0
  restartInterval = 0
  defined = 0
  let isJfif = false
  let adobe = -1
  let at = input
  if (inputEnd - at < 4 || word(at) != 0xffd8) return false
  at += 2
  while (at + 4 <= inputEnd && load<u8>(at) == 0xff) {
    const marker = load<u8>(at + 1)
    const length = word(at + 2)
    const body = at + 4
    const end = at + 2 + length
    if (length < 2 || end > inputEnd) return false
    if (marker == 0xdb) {
      if (!readQuanta(body, end)) return false
    } else if (marker == 0xc4) {
      if (!readTables(body, end)) return false
    } else if (marker == 0xc0) {
      if (width != 0 || length != 17 || !readFrame(body)) return false
    } else if (marker == 0xdd) {
      if (length != 4) return false
      restartInterval = word(body)
    } else if (marker == 0xda) {
      scanAt = end
      const ids = <i32>load<u8>(IDS) == 1 && <i32>load<u8>(IDS, 1) == 2 && <i32>load<u8>(IDS, 2) == 3
      return width != 0 && (isJfif || adobe == 1 || (adobe < 0 && ids)) && length == 12 && readScan(body)
    } else if (marker == 0xe0) {
      isJfif = isJfif || (length >= 7 && load<u32>(body) == 0x4649464a)
    } else if (marker == 0xee) {
      if (length >= 14 && load<u32>(body) == 0x626f6441) adobe = load<u8>(body + 11)
    } else if (marker != 0xfe && (marker < 0xe0 || marker > 0xef)) {
      return false
    }
    at = end
  }
  return false
}

function readQuanta(from: usize, end: usize): bool {
  let at = from
  while (at < end) {
    const head = load<u8>(at++)
    // Factors of 8 bits.
    if (head > 3 || at + 64 > end) return false
    defined |= 1 << head
    const table = QUANTA + (<usize>head << 8)
    for (let i: usize = 0; i < 64; i++) {
      const place = <u32>load<u8>(ZIGZAG + i) << 1
      store<u32>(table + (i << 2), (<u32>load<u8>(at++) << 16) | place)
    }
  }
  return true
}

function readTables(from: usize, end: usize): bool {
  let at = from
  while (at < end) {
    const head = <i32>load<u8>(at++)
    if ((head & 0xee) != 0) return false
    const index = (head & 1) | ((head >> 4) << 1)
    at = readTable(TABLES + <usize>index * TABLE_SIZE, index > 1, at, end)
    if (at == 0) return false
    defined |= 16 << index
  }
  return true
}

function readFrame(at: usize): bool {
  height = word(at + 1)
  width = word(at + 3)
  if (load<u8>(at) != 8 || load<u8>(at + 5) != 3 || width < 8 || height < 8) return false
  for (let i: usize = 0; i < 3; i++) {
    const component = at + 6 + i * 3
    store<u8>(IDS + i, load<u8>(component))
    if (load<u8>(component, 1) != (i == 0 ? 0x22 : 0x11)) return false
    store<u32>(QUANTA_OF + (i << 2), load<u8>(component, 2))
  }
  return true
}

/** The only scan has to have all components. */
function readScan(at: usize): bool {
  if (load<u8>(at) != 3 || load<u8>(at + 7) != 0 || load<u8>(at + 8) != 63 || load<u8>(at + 9) != 0) return false
  for (let i: usize = 0; i < 3; i++) {
    const tables = <i32>load<u8>(at + 2 + i * 2)
    const quanta = load<i32>(QUANTA_OF + (i << 2))
    if (load<u8>(at + 1 + i * 2) != load<u8>(IDS + i) || (tables & 0xee) != 0 || quanta > 3) return false
    const dc = tables >> 4
    const ac = 2 + (tables & 1)
    if ((defined & (1 << quanta)) == 0 || (defined & (16 << dc)) == 0 || (defined & (16 << ac)) == 0) return false
    store<usize>(QUANTA_OF + (i << 2), QUANTA + (<usize>quanta << 8))
    store<usize>(DC_OF + (i << 2), TABLES + <usize>dc * TABLE_SIZE)
    store<usize>(AC_OF + (i << 2), TABLES + <usize>ac * TABLE_SIZE)
  }
  return true
}

/** What the blocks' first coefficients are told from. */
let dc0 = 0
let dc1 = 0
let dc2 = 0

function startScan(): void {
  left = restartInterval == 0 ? i32.MAX_VALUE : restartInterval
  nextRestart = 0
  startInterval()
}

function startInterval(): void {
  ahead = 0
  aheadBits = 0
  paddingBits = 0
  dc0 = 0
  dc1 = 0
  dc2 = 0
}

/** Whether all that was to be read was, so that a marker is next. */
function isAtMarker(marker: i32): bool {
  const unread = aheadBits - paddingBits
  return unread >= 0 && unread < 8 && scanAt + 2 <= inputEnd && word(scanAt) == (0xff00 | marker)
}

function isAtEnd(): bool {
  return isAtMarker(0xd9)
}

function restart(): bool {
  if (!isAtMarker(0xd0 + nextRestart)) return false
  scanAt += 2
  nextRestart = (nextRestart + 1) & 7
  left = restartInterval
  startInterval()
  return true
}

// @ts-ignore: decorator
@inline
function tableOf(component: usize, tables: usize): usize {
  return load<usize>(tables + (component << 2))
}

/**
 * Reads a row of MCUs, each 16 × 16 pixels.
 * @param y [16 columns × mcus, 16 rows] of int16
 * @param cb [8 columns × mcus, 8 rows] of int16, as `cr`
 * @param first MCU whose pixels are wanted, and `end`, one after the last; the others are but read
 * @returns whether they are in order
 */
function readStrip(y: usize, cb: usize, cr: usize, mcus: i32, first: i32, end: i32): bool {
  let buffer = ahead
  let count = aheadBits
  let at = scanAt
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (left == 0) {
      ahead = buffer
      aheadBits = count
      scanAt = at
      if (!restart()) return false
      buffer = 0
      count = 0
      at = scanAt
    }
    left--
    const isWanted = mcu >= first && mcu < end
    for (let i = 0; i < 6; i++) {
      const component: usize = i < 4 ? 0 : <usize>(i - 3)
      const dcTable = tableOf(component, DC_OF)
      const acTable = tableOf(component, AC_OF)
      const quanta = tableOf(component, QUANTA_OF)
      clear()

      let coefficient = 0
      let entry = 0
      let table = dcTable
      let k = 0
      while (true) {
        if (count < 32) {
          const next = bswap<u32>(load<u32>(at))
          // No byte of it is 0xff.
          if (at + 4 <= inputEnd && ((~next - 0x01010101) & next & 0x80808080) == 0) {
            buffer |= <u64>next << (32 - count)
            count += 32
            at += 4
          } else {
            while (count <= 48) {
              const byte = at < inputEnd ? load<u8>(at) : <u8>0xff
              if (byte == 0xff) {
                if (at + 1 >= inputEnd || load<u8>(at + 1) != 0) {
                  // A marker: zeros follow, and it is told later whether any of them was used.
                  count += 8
                  paddingBits += 8
                  continue
                }
                at++
              }
              at++
              buffer |= <u64>byte << (56 - count)
              count += 8
            }
          }
        }
        entry = lookUp(table, buffer)
        let run: i32
        if ((entry & INCOMPLETE) == 0 && entry != 0) {
          const length = entry & 0x7f
          buffer <<= length
          count -= length
          run = (entry >> 8) & 0xff
          coefficient = entry >> 16
        } else {
          let length = entry & 0x7f
          let symbol = (entry >> 8) & 0xff
          if (entry == 0) {
            length = longCode(table, buffer)
            if (length > 16) return false
            symbol = symbolOf(table, buffer, length)
          }
          buffer <<= length
          count -= length
          const size = symbol & 15
          run = k == 0 ? 0 : runOf(symbol)
          coefficient = 0
          if (size > 0) {
            coefficient = extended(<i32>(buffer >>> (64 - size)), size)
            buffer <<= size
            count -= size
          }
        }
        if (k == 0) {
          if (component == 0) {
            dc0 += coefficient
            coefficient = dc0
          } else if (component == 1) {
            dc1 += coefficient
            coefficient = dc1
          } else {
            dc2 += coefficient
            coefficient = dc2
          }
          coefficient *= <i32>load<u16>(quanta, 2)
          store<i16>(BLOCK, coefficient)
          table = acTable
          k = 1
          continue
        }
        k += run
        if (k > 63) {
          if (k < END_OF_BLOCK) return false
          break
        }
        const place = load<u32>(quanta + (<usize>k << 2))
        store<i16>(BLOCK + (place & 0xffff), coefficient * (place >> 16))
        if (++k > 63) break
      }
      if (!isWanted) continue
      const to = i < 4 ? y + (<usize>mcu << 9) + (<usize>(i & 1) << 8) + (<usize>(i >> 1) << 4) : (i == 4 ? cb : cr) + (<usize>mcu << 7)
      const stride: usize = i < 4 ? 32 : 16
      if (k == 1 + END_OF_BLOCK) flatBlock(<i32>load<i16>(BLOCK), to, stride)
      else inverseDct(BLOCK, to, stride)
    }
    if (paddingBits > count) return false
  }
  ahead = buffer
  aheadBits = count
  scanAt = at
  return true
}

// @ts-ignore: decorator
@inline
function clear(): void {
  const zero = i64x2.splat(0)
  v128.store(BLOCK, zero)
  v128.store(BLOCK, zero, 16)
  v128.store(BLOCK, zero, 32)
  v128.store(BLOCK, zero, 48)
  v128.store(BLOCK, zero, 64)
  v128.store(BLOCK, zero, 80)
  v128.store(BLOCK, zero, 96)
  v128.store(BLOCK, zero, 112)
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
