import { formatCount } from '../../domain/text/format.js'
import { printable } from '../../domain/text/printable.js'
import { redact } from '../../domain/text/redact.js'
import { asTyped } from './as-typed.js'

/**
 * Prints results to stdout: a table or text, or with `--json` one object per line. Escapes control characters from
 * datasets, servers and label sets, so that the terminal shows them and does not obey them.
 */
export class Output {
  constructor(
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WritableStream = process.stderr,
  ) {}

  /** Prints a result: `object` as a line of JSON with `--json`, else `text`. */
  result(object: object, text: string): void {
    this.stdout.write(`${printable(this.json ? JSON.stringify(object) : asTyped(text))}\n`)
  }

  /** Prints text for people; silent with `--json`. */
  text(line: string): void {
    if (!this.json) this.stdout.write(`${printable(asTyped(line))}\n`)
  }

  /** Prints a remark to stderr, for example why there are no results, in place of a progress line. Removes credentials. */
  note(line: string): void {
    const clear = 'isTTY' in this.stderr && this.stderr.isTTY ? '\r\u001b[2K' : ''
    this.stderr.write(`${clear}${printable(asTyped(redact(line)))}\n`)
  }
}

/** Narrowest last column of a table that is wrapped. */
const LEAST_WRAPPED = 20

/**
 * Formats a table: columns padded to their widest cell, numbers right-aligned. Texts in the last column continue on the
 * next line where the table would be wider than the terminal, or than 80 columns without one.
 */
export function table(header: string[], rows: (string | number)[][], width = process.stdout.columns || 80): string {
  const cells = [
    header,
    ...rows.map(row => row.map(value => (typeof value === 'number' ? formatCount(value) : oneLine(value)))),
  ]
  const widths = header.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const toTheRight = header.map((_, column) => rows.length > 0 && rows.every(row => typeof row[column] === 'number'))
  const last = header.length - 1
  const indent = widths.slice(0, last).reduce((sum, each) => sum + each + 2, 0)
  const room = Math.max(LEAST_WRAPPED, width - indent)
  return cells
    .flatMap(row => {
      const [end = '', ...more] = toTheRight[last] ? [row[last]!] : wrapped(row[last]!, room)
      const line = [...row.slice(0, last), end]
        .map((cell, column) => (toTheRight[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
      return [line.trimEnd(), ...more.map(rest => ' '.repeat(indent) + rest)]
    })
    .join('\n')
}

/** Breaks a text between words, or where a word is longer than a line. */
export function wrapped(text: string, room: number): string[] {
  const lines: string[] = []
  for (let rest = text; rest.length > 0; ) {
    if (rest.length <= room) return [...lines, rest]
    const space = rest.lastIndexOf(' ', room)
    const end = space > 0 ? space : room
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return lines
}

/** Formats a histogram of horizontal bars with counts and shares. */
export function bars(counts: { label: string; count: number }[], width = 32): string {
  const most = Math.max(1, ...counts.map(({ count }) => count))
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  const labelWidth = Math.max(...counts.map(({ label }) => label.length))
  return counts
    .map(({ label, count }) => {
      const bar = '█'.repeat(Math.round((width * count) / most))
      const share = total === 0 ? 0 : (100 * count) / total
      return `${label.padEnd(labelWidth)}  ${bar.padEnd(width)}  ${formatCount(count).padStart(7)}  ${share.toFixed(1).padStart(5)} %`
    })
    .join('\n')
}

/** Formats a score: 0.8342 → 0.834. @param largest of the shown scores; small scores keep two digits: 0.00012 */
export function formatScore(score: number, largest = score): string {
  return largest >= 0.001 || score === 0 ? score.toFixed(3) : String(Number(score.toPrecision(2)))
}

/** Replaces line breaks, so that a text stays on its line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

export function shorten(text: string, length: number): string {
  const line = oneLine(text)
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
