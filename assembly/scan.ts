/**
 * Reads the compressed data of the scan (ITU-T T.81, annex F). Bits are read ahead into 64: `ahead` holds `aheadBits`
 * of them, left-aligned, and `scanAt` is the next byte. At a marker, and at the end of the file, zeros are read ahead
 * instead, counted by `paddingBits`: a block that used one of them was cut off.
 *
 * State: `startScan` → strips, each of them MCUs of six blocks → `isAtEnd`. After `restartInterval` MCUs the bits start
 * over behind the next restart marker. Any disorder ends the decoding; libvips then decides what the file is worth.
 */
import { halfFlatBlock, halfInverseDct } from './half-idct'
import { AC_OF, Bytes, DC_OF, QUANTA_OF, restartInterval } from './header'
import { END_OF_BLOCK, Huffman, INCOMPLETE, longCode } from './huffman'
import { flatBlock, inverseDct } from './idct'

/** The current block, [8, 8] of int16. */
const BLOCK: usize = memory.data(128, 16)
/** Results of {@link readBlock}: a block whose only coefficient is the first; damage. */
const FLAT = 1
const DAMAGED = -1
/**
 * Larger coefficients are damage: 8-bit pixels give 1,024, and libjpeg's overflows differ by machine. A power of two.
 */
const COEFFICIENT_LIMIT: i32 = 8192

let inputEnd: usize = 0
let scanAt: usize = 0
let ahead: u64 = 0
let aheadBits = 0
let paddingBits = 0
/** MCUs left in this restart interval, and the number of the marker that ends it. */
let left = 0
let nextRestart = 0
/** First coefficient of each component's last block: the next one is coded as a difference. */
const PREDICTIONS: usize = memory.data(3 * 4, 4)

/** @param at start of the scan's data @param end end of the file */
export function startScan(at: usize, end: usize): void {
  scanAt = at
  inputEnd = end
  nextRestart = 0
  startInterval()
}

function startInterval(): void {
  ahead = 0
  aheadBits = 0
  paddingBits = 0
  left = restartInterval === 0 ? i32.MAX_VALUE : restartInterval
  memory.fill(PREDICTIONS, 0, 3 * 4)
}

/** Whether all bits are used and the end of the image is next. */
export function isAtEnd(): bool {
  return isAtMarker(0xd9)
}

function isAtMarker(marker: i32): bool {
  const unread = aheadBits - paddingBits
  return unread >= 0 && unread < 8 && scanAt + 2 <= inputEnd && Bytes.word(scanAt) === (0xff00 | marker)
}

function restart(): bool {
  if (!isAtMarker(0xd0 + nextRestart)) return false
  scanAt += 2
  nextRestart = (nextRestart + 1) & 7
  startInterval()
  return true
}

/**
 * Reads a row of MCUs, each 16 × 16 pixels.
 * @param y [16 columns × mcus, 16 rows] of int16
 * @param cb [8 columns × mcus, 8 rows] of int16, as `cr`
 * @param first first MCU whose pixels are wanted; `end` is one after the last. All others are only parsed
 * @returns whether they are sound
 */
export function readStrip(y: usize, cb: usize, cr: usize, mcus: i32, first: i32, end: i32): bool {
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (left === 0 && !restart()) return false
    left--
    const isWanted = mcu >= first && mcu < end
    for (let i = 0; i < 4; i++) {
      const length = readBlock(0)
      if (length === DAMAGED) return false
      // The four blocks of luma: two above two.
      if (isWanted)
        Block.toPixels(length, y + ((<usize>mcu) << 9) + ((<usize>(i & 1)) << 8) + ((<usize>(i >> 1)) << 4), 32)
    }
    for (let i = 1; i < 3; i++) {
      const length = readBlock(i)
      if (length === DAMAGED) return false
      if (isWanted) Block.toPixels(length, (i === 1 ? cb : cr) + ((<usize>mcu) << 7), 16)
    }
    if (paddingBits > aheadBits) return false
  }
  return true
}

/**
 * Reads a row of MCUs at half the size, each 8 × 8 pixels. Planes have 16 rows: two rows of MCUs.
 * @param y [8 columns × mcus, 16 rows] of int16, as `cb` and `cr`
 */
export function readHalfStrip(y: usize, cb: usize, cr: usize, mcus: i32, first: i32, end: i32): bool {
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (left === 0 && !restart()) return false
    left--
    const isWanted = mcu >= first && mcu < end
    const at = (<usize>mcu) << 8
    for (let i = 0; i < 4; i++) {
      const length = readBlock(0)
      if (length === DAMAGED) return false
      if (!isWanted) continue
      const to = y + at + ((<usize>(i & 1)) << 7) + ((<usize>(i >> 1)) << 3)
      if (length === FLAT) halfFlatBlock(<i32>load<i16>(BLOCK), to, 32)
      else halfInverseDct(BLOCK, to, 32)
    }
    for (let i = 1; i < 3; i++) {
      const length = readBlock(i)
      if (length === DAMAGED) return false
      if (isWanted) Block.toPixels(length, (i === 1 ? cb : cr) + at, 32)
    }
    if (paddingBits > aheadBits) return false
  }
  return true
}

class Block {
  @inline
  static toPixels(length: i32, to: usize, stride: usize): void {
    if (length === FLAT) flatBlock(<i32>load<i16>(BLOCK), to, stride)
    else inverseDct(BLOCK, to, stride)
  }

  @inline
  static tableOf(component: usize, tables: usize): usize {
    return load<usize>(tables + (component << 2))
  }

  @inline
  static clear(): void {
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
}

/**
 * Reads and dequantises a block into {@link BLOCK}.
 * @returns the number of coefficients up to the last one, or {@link DAMAGED}
 */
function readBlock(component: usize): i32 {
  const quanta = Block.tableOf(component, QUANTA_OF)
  let table = Block.tableOf(component, DC_OF)
  // Locals are in registers, globals in memory.
  let buffer = ahead
  let count = aheadBits
  let at = scanAt
  Block.clear()
  let length = 0
  let outOfRange = 0
  while (true) {
    // A code and the bits that follow it are at most 31.
    if (count < 32) {
      const next = bswap<u32>(load<u32>(at))
      const hasMarker = (~next - 0x01010101) & next & 0x80808080
      if (hasMarker === 0 && at + 4 <= inputEnd) {
        buffer |= (<u64>next) << (32 - count)
        count += 32
        at += 4
      } else {
        for (; count <= 48; count += 8) {
          if (at < inputEnd && load<u8>(at) !== 0xff) {
            buffer |= (<u64>load<u8>(at++)) << (56 - count)
          } else if (at + 1 < inputEnd && load<u8>(at + 1) === 0) {
            buffer |= (<u64>0xff) << (56 - count)
            at += 2
          } else {
            // A marker, or the end of the file.
            paddingBits += 8
          }
        }
      }
    }

    const entry = Huffman.lookUp(table, buffer)
    let run: i32
    let coefficient: i32
    if (entry !== 0 && (entry & INCOMPLETE) === 0) {
      const bits = entry & 0x7f
      buffer <<= bits
      count -= bits
      run = (entry >> 8) & 0xff
      coefficient = entry >> 16
    } else {
      let bits = entry & 0x7f
      let symbol = (entry >> 8) & 0xff
      if (entry === 0) {
        bits = longCode(table, buffer)
        if (bits > 16) return DAMAGED
        symbol = Huffman.symbolOf(table, buffer, bits)
      }
      buffer <<= bits
      const size = symbol & 15
      run = length === 0 ? 0 : Huffman.runOf(symbol)
      // In two steps, because a shift by 64 is none.
      coefficient = Huffman.extended(<i32>((buffer >>> 1) >>> (63 - size)), size)
      buffer <<= size
      count -= bits + size
    }

    if (length === 0) {
      coefficient += load<i32>(PREDICTIONS + (component << 2))
      store<i32>(PREDICTIONS + (component << 2), coefficient)
      table = Block.tableOf(component, AC_OF)
    }
    length += run
    if (length > 63) {
      if (length < END_OF_BLOCK) return DAMAGED
      length -= END_OF_BLOCK
      break
    }
    const quantum = load<u32>(quanta + ((<usize>length) << 2))
    const value = coefficient * <i32>(quantum >> 16)
    outOfRange |= (value + COEFFICIENT_LIMIT) & ~(2 * COEFFICIENT_LIMIT - 1)
    store<i16>(BLOCK + (quantum & 0xffff), value)
    if (++length > 63) break
  }
  if (outOfRange !== 0) return DAMAGED
  ahead = buffer
  aheadBits = count
  scanAt = at
  return length
}
