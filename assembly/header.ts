/**
 * Reads markers up to the scan, and refuses everything but a baseline frame of three components, 4:2:0, in one scan.
 * libvips recognises colours by JFIF and Adobe markers or by component numbers; so does this.
 */
import { readTable, TABLE_SIZE } from './huffman'

/** Index of each coefficient in a block, in zigzag order (T.81, figure A.6). */
const ZIGZAG: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
])

/**
 * Four quantisation tables. For each coefficient in zigzag order: byte offset in the block (16 bits), factor (16 bits).
 */
const QUANTA: usize = memory.data(4 * 256, 16)
/** Two Huffman tables for first (DC) coefficients, two for the others (AC). */
const TABLES: usize = memory.data(4 * TABLE_SIZE, 16)
/** For each component, pointers to its quantisation table and its Huffman tables. */
export const QUANTA_OF = memory.data(3 * 4, 4)
export const DC_OF = memory.data(3 * 4, 4)
export const AC_OF = memory.data(3 * 4, 4)
/** Component numbers in the file. */
const IDS = memory.data(3, 1)

/** In pixels. */
export let width = 0
export let height = 0
/** MCUs between two restart markers, or 0. */
export let restartInterval = 0
/** Tables that are defined: bits 0 to 3 quantisation, 4 to 7 Huffman. */
let defined = 0

/**
 * Reads everything before the data of the scan.
 * @returns where they start; 0 for a file that is not decoded here
 */
export function readHeader(input: usize, inputEnd: usize): usize {
  width = 0
  restartInterval = 0
  defined = 0
  let isJfif = false
  let adobe = -1
  let at = input
  if (inputEnd - at < 4 || Bytes.word(at) !== 0xffd8) return 0
  at += 2
  while (at + 4 <= inputEnd && load<u8>(at) === 0xff) {
    const marker = load<u8>(at + 1)
    const length = Bytes.word(at + 2)
    const body = at + 4
    const end = at + 2 + length
    if (length < 2 || end > inputEnd) return 0
    if (marker === 0xdb) {
      if (!readQuanta(body, end)) return 0
    } else if (marker === 0xc4) {
      if (!readTables(body, end)) return 0
    } else if (marker === 0xc0) {
      if (width !== 0 || length !== 17 || !readFrame(body)) return 0
    } else if (marker === 0xdd) {
      if (length !== 4) return 0
      restartInterval = Bytes.word(body)
    } else if (marker === 0xda) {
      const ids = <i32>load<u8>(IDS) === 1 && <i32>load<u8>(IDS, 1) === 2 && <i32>load<u8>(IDS, 2) === 3
      const isYcc = isJfif || adobe === 1 || (adobe < 0 && ids)
      return width !== 0 && isYcc && length === 12 && readScan(body) ? end : 0
    } else if (marker === 0xe0) {
      // libjpeg reads no shorter one as JFIF (jdmarker.c, APP0_DATA_LEN).
      isJfif = isJfif || (length >= 16 && load<u32>(body) === 0x4649464a && load<u8>(body + 4) === 0)
    } else if (marker === 0xee) {
      if (length >= 14 && load<u32>(body) === 0x626f6441 && load<u8>(body + 4) === 0x65) adobe = load<u8>(body + 11)
    } else if (marker !== 0xfe && (marker < 0xe0 || marker > 0xef)) {
      return 0
    }
    at = end
  }
  return 0
}

function readQuanta(from: usize, end: usize): bool {
  let at = from
  while (at < end) {
    const head = load<u8>(at++)
    // Factors of 8 bits.
    if (head > 3 || at + 64 > end) return false
    defined |= 1 << head
    const table = QUANTA + ((<usize>head) << 8)
    for (let i: usize = 0; i < 64; i++) {
      const place = (<u32>load<u8>(ZIGZAG + i)) << 1
      store<u32>(table + (i << 2), ((<u32>load<u8>(at++)) << 16) | place)
    }
  }
  return true
}

function readTables(from: usize, end: usize): bool {
  let at = from
  while (at < end) {
    const head = <i32>load<u8>(at++)
    if ((head & 0xee) !== 0) return false
    const index = (head & 1) | ((head >> 4) << 1)
    at = readTable(TABLES + <usize>index * TABLE_SIZE, index > 1, at, end)
    if (at === 0) return false
    defined |= 16 << index
  }
  return true
}

function readFrame(at: usize): bool {
  height = Bytes.word(at + 1)
  width = Bytes.word(at + 3)
  if (load<u8>(at) !== 8 || load<u8>(at + 5) !== 3 || width < 8 || height < 8) return false
  for (let i: usize = 0; i < 3; i++) {
    const component = at + 6 + i * 3
    store<u8>(IDS + i, load<u8>(component))
    if (load<u8>(component, 1) !== (i === 0 ? 0x22 : 0x11)) return false
    store<u32>(QUANTA_OF + (i << 2), load<u8>(component, 2))
  }
  return true
}

/** The only scan must contain all components. */
function readScan(at: usize): bool {
  if (load<u8>(at) !== 3 || load<u8>(at + 7) !== 0 || load<u8>(at + 8) !== 63 || load<u8>(at + 9) !== 0) return false
  for (let i: usize = 0; i < 3; i++) {
    const tables = <i32>load<u8>(at + 2 + i * 2)
    const quanta = load<i32>(QUANTA_OF + (i << 2))
    if (load<u8>(at + 1 + i * 2) !== load<u8>(IDS + i) || (tables & 0xee) !== 0 || quanta > 3) return false
    const dc = tables >> 4
    const ac = 2 + (tables & 1)
    if ((defined & (1 << quanta)) === 0 || (defined & (16 << dc)) === 0 || (defined & (16 << ac)) === 0) return false
    store<usize>(QUANTA_OF + (i << 2), QUANTA + ((<usize>quanta) << 8))
    store<usize>(DC_OF + (i << 2), TABLES + <usize>dc * TABLE_SIZE)
    store<usize>(AC_OF + (i << 2), TABLES + <usize>ac * TABLE_SIZE)
  }
  return true
}

export class Bytes {
  @inline
  static word(at: usize): i32 {
    return ((<i32>load<u8>(at)) << 8) | <i32>load<u8>(at + 1)
  }
}
