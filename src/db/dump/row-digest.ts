import { createHash } from 'node:crypto'
import type { CopyFormat } from './copied-tables.js'

const WORDS = 8
const NEW_LINE = 0x0a
/** Signature, flags and length of the extension (Postgres, "COPY", file formats). */
const BINARY_HEADER_BYTES = 19

/**
 * A digest of the rows of a table that does not depend on their order: the SHA-256 digests of all rows, added modulo
 * 2^256 (the multiset hash AdHash of Bellare and Micciancio, 1997). Two databases return rows in different orders, and
 * sorting a large table costs more than hashing it.
 */
export class RowDigest {
  rows = 0
  readonly #sum = new Uint32Array(WORDS)

  /** Returns the digest of the rows of one complete output of COPY. */
  static of(data: Buffer, format: CopyFormat): RowDigest {
    const digest = new RowDigest()
    for (const row of format === 'text' ? textRows(data) : binaryRows(data)) digest.#add(wordsOf(row), 1)
    return digest
  }

  /** Adds the rows of another digest. */
  merge(other: RowDigest): void {
    this.#add(other.#sum, other.rows)
  }

  /** 64 hexadecimal digits. */
  get hex(): string {
    return [...this.#sum].map(word => word.toString(16).padStart(8, '0')).join('')
  }

  /** @param words of a number, the most significant first */
  #add(words: Uint32Array, rows: number): void {
    let carry = 0
    for (let word = WORDS - 1; word >= 0; word--) {
      const sum = this.#sum[word]! + words[word]! + carry
      this.#sum[word] = sum
      carry = sum > 0xffffffff ? 1 : 0
    }
    this.rows += rows
  }
}

function wordsOf(row: Buffer): Uint32Array {
  const digest = createHash('sha256').update(row).digest()
  return Uint32Array.from({ length: WORDS }, (_, word) => digest.readUInt32BE(4 * word))
}

/** Line breaks within a row are escaped. */
function* textRows(data: Buffer): Generator<Buffer> {
  for (let from = 0; from < data.length; ) {
    const end = data.indexOf(NEW_LINE, from)
    if (end === -1) throw new RangeError('expected a line break after the last row of a COPY, found none')
    yield data.subarray(from, end)
    from = end + 1
  }
}

/** A row is a number of fields (16 bits), then the length of each (32 bits; -1 is null) and its bytes. */
function* binaryRows(data: Buffer): Generator<Buffer> {
  let at = BINARY_HEADER_BYTES + data.readInt32BE(BINARY_HEADER_BYTES - 4)
  for (;;) {
    const start = at
    const fields = data.readInt16BE(at)
    if (fields === -1) return
    at += 2
    for (let field = 0; field < fields; field++) at += 4 + Math.max(0, data.readInt32BE(at))
    yield data.subarray(start, at)
  }
}
