/** Results go to stdout: a table or text for people, with `--json` one object a line. */
export class Output {
  constructor(
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WritableStream = process.stderr,
  ) {}

  /** A result: `object` as a line of JSON with `--json`, else `text`. */
  result(object: object, text: string): void {
    this.stdout.write(`${this.json ? JSON.stringify(object) : text}\n`)
  }

  /** Something only people need; silent with `--json`. */
  text(line: string): void {
    if (!this.json) this.stdout.write(`${line}\n`)
  }

  /** A remark beside the results. */
  note(line: string): void {
    this.stderr.write(`${line}\n`)
  }
}

/** Columns padded to their widest cell; numbers stand to the right. */
export function table(header: string[], rows: (string | number)[][]): string {
  const cells = [header, ...rows.map(row => row.map(value => (typeof value === 'number' ? formatCount(value) : value)))]
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

export function shorten(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
