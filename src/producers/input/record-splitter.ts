import { type Line, LineSplitter, MAX_LINE_BYTES } from './line-splitter.js'
import { excerpt, type RowProblem } from './source.js'

export type Delimiter = '\t' | ','

export interface TableRecord {
  /** Line on which the record starts, from 1. */
  line: number
  /** Empty when there is a problem. */
  fields: string[]
  problem?: RowProblem
}

/**
 * Splits bytes into the records of a CSV file (RFC 4180; with a tab as delimiter also Unsplash's TSV files, which are
 * written for `COPY … FORMAT csv, DELIMITER tab`). A quote opens a quoted field only at the start of the field;
 * elsewhere it is text. Inside quotes, delimiters and line breaks are text and `""` is a quote.
 *
 * Own code instead of a library, because one stray quote must not swallow the rows after it: a record with unbalanced
 * quotes costs only its first line, and reading resumes at the next one. A record spans at most {@link
 * MAX_LINE_BYTES}, which bounds the memory. Skips empty lines.
 */
export class RecordSplitter {
  private readonly lines = new LineSplitter()
  private open: OpenRecord | undefined

  /** @param columns number of fields per record, if known; helps to recover from a stray quote */
  constructor(
    private readonly delimiter: Delimiter,
    private readonly columns?: number,
  ) {}

  *push(chunk: Buffer): Generator<TableRecord> {
    for (const line of this.lines.push(chunk)) yield* this.accept(line)
  }

  *end(): Generator<TableRecord> {
    for (const line of this.lines.end()) yield* this.accept(line)
    while (this.open) yield* this.giveUp(this.open, 'the quoted field is not closed')
  }

  private *accept(line: Line): Generator<TableRecord> {
    if (line.damage === 'ROW_TOO_LONG') {
      while (this.open) yield* this.giveUp(this.open, 'the quoted field is not closed')
      yield { line: line.number, fields: [], problem: { code: 'ROW_TOO_LONG', found: excerpt(line.text) } }
      return
    }
    if (this.open === undefined) {
      if (!line.text.includes('"')) {
        if (line.text.trim() !== '' || line.text.includes(this.delimiter)) yield this.unquoted(line)
        return
      }
      this.open = new OpenRecord(this.delimiter)
    }
    const record = this.open
    const state = record.append(line)
    if (state === 'closed') {
      this.open = undefined
      yield* this.complete(record)
    } else if (state === 'bad') yield* this.giveUp(record, 'text follows a closing quote')
    else if (record.length > MAX_LINE_BYTES) yield* this.giveUp(record, 'the quoted field is not closed')
  }

  private unquoted(line: Line): TableRecord {
    if (line.damage) return { line: line.number, fields: [], problem: { code: line.damage, found: excerpt(line.text) } }
    return { line: line.number, fields: line.text.split(this.delimiter) }
  }

  private *complete(record: OpenRecord): Generator<TableRecord> {
    const [first, second] = record.lines as [Line, Line?]
    const { fields } = record
    const looksWhole = (line: Line) => line.text.split(this.delimiter).length === this.columns
    // A stray quote joined two rows: the second one, taken alone, has all its fields.
    if (this.columns !== undefined && fields.length !== this.columns && second && looksWhole(second))
      return yield* this.giveUp(record, 'the quoted field is not closed on its line')
    const damaged = record.lines.find(line => line.damage)
    if (damaged)
      yield { line: first.number, fields: [], problem: { code: 'BROKEN_UTF8', found: excerpt(damaged.text) } }
    else yield { line: first.number, fields }
  }

  /** Reports the first line of a record and reads its other lines again, separately. */
  private *giveUp(record: OpenRecord, why: string): Generator<TableRecord> {
    const [first, ...others] = record.lines as [Line, ...Line[]]
    this.open = undefined
    yield { line: first.number, fields: [], problem: { code: 'BAD_QUOTES', found: `${why}: ${excerpt(first.text)}` } }
    for (const line of others) yield* this.accept(line)
  }
}

/** A record with quotes that may still lack lines. */
class OpenRecord {
  readonly lines: Line[] = []
  readonly fields: string[] = []
  length = 0
  /** Text of a quoted field that is still open. */
  private quoted: string | undefined

  constructor(private readonly delimiter: Delimiter) {}

  append(line: Line): 'open' | 'closed' | 'bad' {
    this.lines.push(line)
    this.length += line.text.length + line.end.length
    const { text } = line
    let at = 0
    for (;;) {
      if (this.quoted === undefined) {
        if (text[at] !== '"') {
          const stop = text.indexOf(this.delimiter, at)
          this.fields.push(stop < 0 ? text.slice(at) : text.slice(at, stop))
          if (stop < 0) return 'closed'
          at = stop + 1
          continue
        }
        this.quoted = ''
        at++
      }
      const quote = text.indexOf('"', at)
      if (quote < 0) {
        this.quoted += text.slice(at) + line.end
        return 'open'
      }
      this.quoted += text.slice(at, quote)
      at = quote + 1
      if (text[at] === '"') {
        this.quoted += '"'
        at++
        continue
      }
      if (at < text.length && text[at] !== this.delimiter) return 'bad'
      this.fields.push(this.quoted)
      this.quoted = undefined
      if (at === text.length) return 'closed'
      at++
    }
  }
}
