/** A Huffman table of a JPEG (ITU-T T.81, annex C and F), made for reading a coefficient with one look-up where it is short. */

/** Bits that one look-up covers. */
export const LOOKUP_BITS: i32 = 10
/** Marks what has more bits than a look-up covers: the entry then has the symbol and the length of its code, or is zero. */
export const INCOMPLETE: i32 = 0x80
/** Run of zeros that ends a block, whatever came before. */
export const END_OF_BLOCK: i32 = 128

const LOOKUP: usize = 0
const LIMITS: usize = LOOKUP + (1 << LOOKUP_BITS) * 4
const OFFSETS: usize = LIMITS + 18 * 4
const SYMBOLS: usize = OFFSETS + 18 * 4
export const TABLE_SIZE: i32 = <i32>SYMBOLS + 256

/**
 * @param at 16 counts, then the symbols
 * @param end of the segment
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
    store<i32>(table + OFFSETS + (<usize>length << 2), index - code)
    if (code + count > 1 << length || index + count > 256 || symbols + count > end) return 0
    for (let i = 0; i < count; i++, code++, index++) {
      const symbol = <i32>load<u8>(symbols++)
      if (!isAc && symbol > 15) return 0
      store<u8>(table + SYMBOLS + index, <u8>symbol)
      if (length <= LOOKUP_BITS) fill(table, code << (LOOKUP_BITS - length), length, symbol, isAc)
    }
    store<i32>(table + LIMITS + (<usize>length << 2), code << (16 - length))
    code <<= 1
  }
  store<i32>(table + LIMITS + (17 << 2), i32.MAX_VALUE)
  return symbols
}

/** Entries of all that starts with a code. */
function fill(table: usize, first: i32, length: i32, symbol: i32, isAc: bool): void {
  const size = symbol & 15
  const rest = LOOKUP_BITS - length
  const run = isAc ? runOf(symbol) : 0
  for (let i = 0; i < 1 << rest; i++) {
    let entry = (symbol << 8) | INCOMPLETE | length
    if (size <= rest) entry = (extended((i >> (rest - size)) & ((1 << size) - 1), size) << 16) | (run << 8) | (length + size)
    store<i32>(table + (<usize>(first + i) << 2), entry)
  }
}

// @ts-ignore: decorator
@inline
export function runOf(symbol: i32): i32 {
  return (symbol & 15) == 0 && symbol != 0xf0 ? END_OF_BLOCK : symbol >> 4
}

/** The number that `size` bits stand for. */
// @ts-ignore: decorator
@inline
export function extended(bits: i32, size: i32): i32 {
  return size > 0 && bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits
}

// @ts-ignore: decorator
@inline
export function lookUp(table: usize, bits: u64): i32 {
  return load<i32>(table + (<usize>(bits >>> (64 - LOOKUP_BITS)) << 2))
}

/** Length of a code that is longer than a look-up; 17 if there is no such code. */
export function longCode(table: usize, bits: u64): i32 {
  const start = <i32>(bits >>> 48)
  let length = LOOKUP_BITS + 1
  while (start >= load<i32>(table + LIMITS + (<usize>length << 2))) length++
  return length
}

// @ts-ignore: decorator
@inline
export function symbolOf(table: usize, bits: u64, length: i32): i32 {
  const code = <i32>(bits >>> (64 - length))
  return <i32>load<u8>(table + SYMBOLS + load<i32>(table + OFFSETS + (<usize>length << 2)) + code)
}
