/**
 * The wire format of protocol buffers, as far as ONNX files need it (https://protobuf.dev/programming-guides/encoding).
 */

/** Bytes that may be outside memory. */
export interface Bytes {
  readonly length: number
  /** @returns the bytes from `start` to `end`, fewer at the end */
  slice(start: number, end: number): Uint8Array
}

export interface Field {
  number: number
  /** 0: a number, 2: bytes. */
  wireType: number
  /** Start of the whole field, including its tag. */
  start: number
  end: number
  /** Start of its contents. Those of wire type 2 end at `end`. */
  contents: number
  /** Value of a varint (wire type 0), else 0. */
  value: number
}

const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5
/** A tag and a length: two varints of at most ten bytes. */
const MOST_HEADER_BYTES = 20

/**
 * Yields the fields of a message in their order, without reading their contents.
 * @throws RangeError when the bytes are no such message
 */
export function* readFields(bytes: Bytes, start = 0, end = bytes.length): Generator<Field> {
  for (let at = start; at < end; ) {
    const header = bytes.slice(at, Math.min(end, at + MOST_HEADER_BYTES))
    const tag = readVarint(header, 0)
    const wireType = tag.value % 8
    const number = Math.floor(tag.value / 8)
    // Bytes that are no message, such as a file of zeros, would be millions of fields.
    if (number === 0) throw new RangeError('a field without a number')
    const field: Field = { number, wireType, start: at, contents: at + tag.next, end: 0, value: 0 }
    if (wireType === VARINT) {
      const { value, next } = readVarint(header, tag.next)
      field.value = value
      field.end = at + next
    } else if (wireType === LENGTH_DELIMITED) {
      const { value, next } = readVarint(header, tag.next)
      field.contents = at + next
      field.end = field.contents + value
    } else if (wireType === FIXED_64) field.end = field.contents + 8
    else if (wireType === FIXED_32) field.end = field.contents + 4
    else throw new RangeError(`wire type ${wireType}`)
    if (field.end > end) throw new RangeError('a field that is cut off')
    yield field
    at = field.end
  }
}

/** Returns the contents of a field of wire type 2. */
export function contents(bytes: Bytes, field: Field): Uint8Array {
  return bytes.slice(field.contents, field.end)
}

/** Reads a varint. @returns the number, as far as a double represents it, and the start of the next one */
export function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    // A negative number takes ten bytes: two's complement of 64 bits.
    if (byte < 0x80) return { value: value < 2 ** 63 ? value : readNegative(bytes, start), next: at + 1 }
  }
  throw new RangeError('a truncated number')
}

function readNegative(bytes: Uint8Array, start: number): number {
  let value = 0n
  for (let index = 0; index < 10; index++) value |= BigInt(bytes[start + index]! & 0x7f) << BigInt(7 * index)
  return Number(BigInt.asIntN(64, value))
}

/**
 * Unpacks varints into plain numbers of `size` bytes each, little-endian.
 * @returns the end of the last value in `plain`; nothing is written beyond the end
 */
export function unpackVarints(packed: Uint8Array, plain: Uint8Array, start: number, size: number): number {
  let end = start
  // Two words of 32 bits, because a double cannot represent every 64-bit integer.
  let low = 0
  let high = 0
  let shift = 0
  for (const byte of packed) {
    const bits = byte & 0x7f
    if (shift < 32) low |= bits << shift
    if (shift >= 32) high |= bits << (shift - 32)
    else if (shift > 25) high |= bits >>> (32 - shift)
    shift += 7
    if (byte > 0x7f) continue
    for (let index = 0; index < size; index++, end++)
      plain[end] = index < 4 ? low >>> (8 * index) : high >>> (8 * (index - 4))
    low = high = shift = 0
  }
  return end
}

export function integerField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8 + VARINT), varint(value)])
}

export function textField(number: number, text: string): Buffer {
  return Buffer.concat(bytesField(number, [Buffer.from(text)]))
}

/** Returns the parts behind a header, without copying them. */
export function bytesField(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return [varint(number * 8 + LENGTH_DELIMITED), varint(length), ...parts]
}

/** Encodes seven bits per byte, lowest first; negative numbers in two's complement of 64 bits. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(bytes)
}
