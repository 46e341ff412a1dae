import { printable } from '../domain/printable.js'
import { redact } from '../domain/redact.js'

/**
 * Results go to stdout: a table or text for people, with `--json` one object a line. Whatever a dataset, a server or a label
 * set put into a text, the terminal shows it and does not obey it.
 */
export class Output {
  constructor(
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WritableStream = process.stderr,
  ) {}

  /** A result: `object` as a line of JSON with `--json`, else `text`. */
  result(object: object, text: string): void {
    this.stdout.write(`${printable(this.json ? JSON.stringify(object) : text)}\n`)
  }

  /** Something only people need; silent with `--json`. */
  text(line: string): void {
    if (!this.json) this.stdout.write(`${printable(line)}\n`)
  }

  /** A remark beside the results, or why there are none: without the credentials that an error may quote. */
  note(line: string): void {
    this.stderr.write(`${printable(redact(line))}\n`)
  }
}

/** Columns padded to their widest cell, each row on one line; numbers stand to the right. */
export function table(header: string[], rows: (string | number)[][]): string {
  const cells = [
    header,
    ...rows.map(row => row.map(value => (typeof value === 'number' ? formatCount(value) : oneLine(value)))),
  ]
  const widths = header.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const toTheRight = header.map((_, column) => rows.length > 0 && rows.every(row => typeof row[column] === 'number'))
  return cells
    .map(row =>
      row
        .map((cell, column) => (toTheRight[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A histogram of horizontal bars, with counts and shares. */
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

/** 12345 → 12,345 */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US')
}

/** 0.8342 → 0.834. @param largest of the scores beside it; with nothing but small ones two digits are kept: 0.00012 */
export function formatScore(score: number, largest = score): string {
  return largest >= 0.001 || score === 0 ? score.toFixed(3) : String(Number(score.toPrecision(2)))
}

/** 75 → 1 min 15 s */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = -1
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** A text that cannot begin a line of its own. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

export function shorten(text: string, length: number): string {
  const line = oneLine(text)
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
