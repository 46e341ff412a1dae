/**
 * A Huffman table of a JPEG (ITU-T T.81, annexes C and F). The next 10 bits index a look-up whose entry holds a whole
 * coefficient if code and value fit into them: value (16 bits), run of zeros (8), number of bits (7). If only the code
 * fits, the entry is {@link INCOMPLETE}: symbol (8), length of the code (7). Longer codes have entry 0 and are found by
 * comparing 16 bits with the first code of each greater length.
 */

/** Bits of the index. */
export const LOOKUP_BITS: i32 = 10
/** Flag of an entry without the value. */
export const INCOMPLETE: i32 = 0x80
/** As a run of zeros, it ends the block from any position. */
export const END_OF_BLOCK: i32 = 128

const LOOKUP: usize = 0
const LIMITS: usize = LOOKUP + (1 << LOOKUP_BITS) * 4
const OFFSETS: usize = LIMITS + 18 * 4
const SYMBOLS: usize = OFFSETS + 18 * 4
export const TABLE_SIZE: i32 = <i32>SYMBOLS + 256

/**
 * @param at 16 counts, then the symbols
 * @param end end of the segment
 * @returns where the next table starts, or 0 if this one is not a Huffman table
 */
export function readTable(table: usize, isAc: bool, at: usize, end: usize): usize {
  if (at + 16 > end) return 0
  let symbols = at + 16
  memory.fill(table + LOOKUP, 0, (1 << LOOKUP_BITS) * 4)
  let code = 0
  let index = 0
  for (let length = 1; length <= 16; length++) {
    const count = <i32>load<u8>(at + length - 1)
    store<i32>(table + OFFSETS + ((<usize>length) << 2), index - code)
    // No code is all ones (libjpeg's jdhuff.c).
    if (code + count >= 1 << length || index + count > 256 || symbols + count > end) return 0
    for (let i = 0; i < count; i++, code++, index++) {
      const symbol = <i32>load<u8>(symbols++)
      if (!isAc && symbol > 15) return 0
      store<u8>(table + SYMBOLS + index, <u8>symbol)
      if (length <= LOOKUP_BITS) fill(table, code << (LOOKUP_BITS - length), length, symbol, isAc)
    }
    store<i32>(table + LIMITS + ((<usize>length) << 2), code << (16 - length))
    code <<= 1
  }
  store<i32>(table + LIMITS + (17 << 2), i32.MAX_VALUE)
  return symbols
}

/** Fills the entries of all 10-bit values that start with a code. */
function fill(table: usize, first: i32, length: i32, symbol: i32, isAc: bool): void {
  const size = symbol & 15
  const rest = LOOKUP_BITS - length
  const run = isAc ? Huffman.runOf(symbol) : 0
  for (let i = 0; i < 1 << rest; i++) {
    let entry = (symbol << 8) | INCOMPLETE | length
    if (size <= rest)
      entry = (Huffman.extended((i >> (rest - size)) & ((1 << size) - 1), size) << 16) | (run << 8) | (length + size)
    store<i32>(table + ((<usize>(first + i)) << 2), entry)
  }
}

export class Huffman {
  @inline
  static runOf(symbol: i32): i32 {
    return (symbol & 15) === 0 && symbol !== 0xf0 ? END_OF_BLOCK : symbol >> 4
  }

  /** Extends `size` bits to a signed number (T.81, F.2.2.1). */
  @inline
  static extended(bits: i32, size: i32): i32 {
    return size > 0 && bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits
  }

  @inline
  static lookUp(table: usize, bits: u64): i32 {
    return load<i32>(table + ((<usize>(bits >>> (64 - LOOKUP_BITS))) << 2))
  }

  @inline
  static symbolOf(table: usize, bits: u64, length: i32): i32 {
    const code = <i32>(bits >>> (64 - length))
    return <i32>load<u8>(table + SYMBOLS + load<i32>(table + OFFSETS + ((<usize>length) << 2)) + code)
  }
}

/** @returns the length of a code that is longer than the index; 17 if there is no such code */
export function longCode(table: usize, bits: u64): i32 {
  const start = <i32>(bits >>> 48)
  let length = LOOKUP_BITS + 1
  while (start >= load<i32>(table + LIMITS + ((<usize>length) << 2))) length++
  return length
}
