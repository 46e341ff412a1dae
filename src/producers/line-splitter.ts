import { isAscii, isUtf8 } from 'node:buffer'

const LF = 10
const CR = 13
const BOM = '\uFEFF'
const BOM_BYTES = Buffer.from(BOM)

/** Longer lines are not kept; a photo's row has less than a thousandth of it. */
export const MAX_LINE_BYTES = 1024 * 1024

export interface Line {
  /** From 1. */
  number: number
  text: string
  /** How the line ends; empty on a last line that does not. A carriage return at the end of the file counts as an end. */
  end: '\n' | '\r\n' | ''
  /** What keeps `text` from being what the file says: bytes that are not UTF-8, or a line that was cut. */
  damage?: 'BROKEN_UTF8' | 'ROW_TOO_LONG'
}

/**
 * Cuts bytes into lines of text, whatever the chunks they come in. The byte order mark at the start is dropped. Each line
 * is decoded on its own, so that a line kept for long does not keep the chunk it came in.
 */
export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0)
  private number = 0
  private skipping = false;

  /** @returns the lines completed by this chunk */
  *push(chunk: Buffer): Generator<Line> {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    const end = bytes.lastIndexOf(LF) + 1
    if (end > 0) yield* this.lines(bytes.subarray(0, end))
    // A copy: the chunk itself, perhaps much larger, can go.
    this.rest = Buffer.from(bytes.subarray(end))
    if (this.rest.length > MAX_LINE_BYTES) {
      if (!this.skipping) yield tooLong(++this.number, this.rest)
      this.skipping = true
      this.rest = Buffer.alloc(0)
    }
  }

  /** @returns the last line, when it has no line break */
  *end(): Generator<Line> {
    if (this.rest.length > 0 && !this.skipping) yield* this.lines(this.rest)
    this.rest = Buffer.alloc(0)
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

function tooLong(number: number, bytes: Buffer): Line {
  return { number, text: bytes.toString('latin1', 0, 200), end: '\n', damage: 'ROW_TOO_LONG' }
}

/** The lines of a stream of bytes. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  const splitter = new LineSplitter()
  for await (const chunk of chunks) yield* splitter.push(chunk)
  yield* splitter.end()
}
