/**
 * Arrays in the binary form of Postgres (`array_recv`): the number of dimensions, whether there are nulls, the type of the
 * elements; length and first index; then each element with its length. All numbers are big-endian.
 */

const HEADER_BYTES = 20
const TEXT_OID = 25

/** @returns text[] */
export function binaryTexts(texts: readonly string[]): Buffer {
  if (texts.length === 0) return emptyArray(TEXT_OID)
  const size = texts.reduce((sum, text) => sum + 4 + Buffer.byteLength(text), HEADER_BYTES)
  const bytes = Buffer.allocUnsafe(size)
  let at = writeHeader(bytes, TEXT_OID, texts.length)
  for (const text of texts) {
    const length = bytes.write(text, at + 4)
    bytes.writeInt32BE(length, at)
    at += 4 + length
  }
  return bytes
}

/**
 * @param halves [rows, dimension], the bits of each number
 * @param oid of the type halfvec in this database
 * @returns halfvec[]; an element is its dimension, two unused bytes and the numbers (`halfvec_recv`)
 */
export function binaryHalfvecs(halves: Uint16Array, dimension: number, oid: number): Buffer {
  const rows = halves.length / dimension
  if (rows === 0) return emptyArray(oid)
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + rows * (8 + 2 * dimension))
  const numbers = Buffer.from(halves.buffer.slice(halves.byteOffset, halves.byteOffset + halves.byteLength)).swap16()
  let at = writeHeader(bytes, oid, rows)
  for (let row = 0; row < rows; row++) {
    bytes.writeInt32BE(4 + 2 * dimension, at)
    bytes.writeInt16BE(dimension, at + 4)
    bytes.writeInt16BE(0, at + 6)
    numbers.copy(bytes, at + 8, 2 * row * dimension, 2 * (row + 1) * dimension)
    at += 8 + 2 * dimension
  }
  return bytes
}

function writeHeader(bytes: Buffer, oid: number, length: number): number {
  bytes.writeInt32BE(1, 0)
  bytes.writeInt32BE(0, 4)
  bytes.writeUInt32BE(oid, 8)
  bytes.writeInt32BE(length, 12)
  bytes.writeInt32BE(1, 16)
  return HEADER_BYTES
}

function emptyArray(oid: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(oid, 8)
  return bytes
}
