import { isAscii, isUtf8 } from 'node:buffer'

const LF = 10
const CR = 13
const QUOTE = 34
const BOM = '\uFEFF'
const BOM_BYTES = Buffer.from(BOM)

/** Longer lines are dropped; a photo's row has less than a thousandth of this. */
export const MAX_LINE_BYTES = 1024 * 1024

/** Any line break: of Unix, Windows or classic Mac OS. */
export const LINE_BREAK = /\r\n|[\r\n]/

export interface Line {
  /** From 1. */
  number: number
  text: string
  /** Line ending; empty on a last line without one. A carriage return at the end of the file counts as one. */
  end: '\n' | '\r\n' | ''
  /** Why `text` differs from the file: bytes that are not UTF-8, or a truncated line. */
  damage?: 'BROKEN_UTF8' | 'ROW_TOO_LONG'
}

/**
 * Splits bytes into lines of text, independent of the chunks. Lines end with LF or CRLF; with CR alone if the first line
 * does, as spreadsheets write them for classic Mac OS. Drops a byte order mark at the start. Decodes each line
 * separately, so that a line kept for long does not keep its chunk in memory.
 */
export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0)
  private number = 0
  private skipping = false
  /** How the lines end; undefined until the first line break. */
  private ends: 'LF' | 'CR' | undefined
  /** Whether the last byte was the CR of a line; a LF may follow it in the next chunk. */
  private afterCr = false;

  /** @returns the lines completed by this chunk */
  *push(chunk: Buffer): Generator<Line> {
    const added = this.ends === 'CR' ? this.lineFeeds(chunk) : chunk
    let bytes = this.rest.length === 0 ? added : Buffer.concat([this.rest, added])
    if (this.ends === undefined) {
      this.ends = lineEnds(bytes)
      if (this.ends === 'CR') bytes = this.lineFeeds(bytes)
    }
    const end = bytes.lastIndexOf(LF) + 1
    if (end > 0) yield* this.lines(bytes.subarray(0, end))
    // A copy, so that the chunk, possibly much larger, can be freed.
    this.rest = Buffer.from(bytes.subarray(end))
    if (this.rest.length > MAX_LINE_BYTES) {
      if (!this.skipping) yield tooLong(++this.number, this.rest)
      this.skipping = true
      this.rest = Buffer.alloc(0)
    }
  }

  /** @returns the last line, if it has no line break */
  *end(): Generator<Line> {
    if (this.rest.length > 0 && !this.skipping) yield* this.lines(this.rest)
    this.rest = Buffer.alloc(0)
  }

  /** The bytes with LF in place of CR and CRLF. */
  private lineFeeds(bytes: Buffer): Buffer {
    const changed = Buffer.alloc(bytes.length)
    let length = 0
    for (const byte of bytes) {
      if (byte !== LF || !this.afterCr) changed[length++] = byte === CR ? LF : byte
      this.afterCr = byte === CR
    }
    return changed.subarray(0, length)
  }

  private *lines(bytes: Buffer): Generator<Line> {
    const encoding = isAscii(bytes) ? 'latin1' : isUtf8(bytes) ? 'utf8' : undefined
    let start = 0
    while (start < bytes.length) {
      const lf = bytes.indexOf(LF, start)
      const stop = lf < 0 ? bytes.length : lf
      if (this.skipping) this.skipping = false
      else yield this.line(bytes, start, stop, lf >= 0, encoding)
      start = stop + 1
    }
  }

  private line(
    bytes: Buffer,
    start: number,
    stop: number,
    terminated: boolean,
    encoding: 'latin1' | 'utf8' | undefined,
  ): Line {
    const number = ++this.number
    if (stop - start > MAX_LINE_BYTES) return tooLong(number, bytes.subarray(start, stop))
    const carriageReturn = stop > start && bytes[stop - 1] === CR
    const hasMark = number === 1 && bytes.subarray(start, start + BOM_BYTES.length).equals(BOM_BYTES)
    const from = hasMark ? start + BOM_BYTES.length : start
    const to = Math.max(from, carriageReturn ? stop - 1 : stop)
    const line: Line = {
      number,
      text: bytes.toString(encoding ?? 'utf8', from, to),
      end: carriageReturn ? '\r\n' : terminated ? '\n' : '',
    }
    if (encoding === undefined && !isUtf8(bytes.subarray(from, to))) line.damage = 'BROKEN_UTF8'
    return line
  }
}

/** How the first line ends; undefined while the bytes do not tell. Line breaks between quotes are text. */
function lineEnds(bytes: Buffer): 'LF' | 'CR' | undefined {
  let quoted = false
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === QUOTE) quoted = !quoted
    if (quoted) continue
    if (bytes[i] === LF) return 'LF'
    if (bytes[i] !== CR) continue
    // Careless tools turn CRLF into CRCRLF.
    while (bytes[i] === CR) i++
    if (i < bytes.length) return bytes[i] === LF ? 'LF' : 'CR'
  }
  return bytes.includes(LF) ? 'LF' : undefined
}

function tooLong(number: number, bytes: Buffer): Line {
  return { number, text: bytes.toString('latin1', 0, 200), end: '\n', damage: 'ROW_TOO_LONG' }
}

/** The lines of a stream of bytes. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  const splitter = new LineSplitter()
  for await (const chunk of chunks) yield* splitter.push(chunk)
  yield* splitter.end()
}
