import { formatCount, formatDuration } from '../../domain/text/format.js'
import { printable } from '../../domain/text/printable.js'

export interface ProgressCounts {
  total: number | null
  done: number
  failed: number
}

/** Rewrites one line on stderr if that is a terminal; prints nothing otherwise. */
export class Progress {
  private readonly startedAt = Date.now()
  private firstDone: { at: number; settled: number } | null = null
  private shown = false

  constructor(
    private readonly label: string,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {}

  update(counts: ProgressCounts, note = ''): void {
    if (!this.stream.isTTY) return
    const settled = counts.done + counts.failed
    this.firstDone ??= { at: Date.now(), settled }
    const seconds = (Date.now() - this.firstDone.at) / 1000
    const rate = seconds > 0 ? (settled - this.firstDone.settled) / seconds : 0
    const left = counts.total === null ? null : counts.total - settled
    const parts = [
      `${this.label}: ${formatCount(counts.done)} done`,
      counts.failed > 0 ? `${formatCount(counts.failed)} failed` : null,
      left === null ? null : `${formatCount(left)} left`,
      rate > 0 ? `${rate.toFixed(rate < 10 ? 1 : 0)}/s` : null,
      rate > 0 && left !== null && left > 0 ? `ETA ${formatDuration(left / rate)}` : null,
      note || null,
    ]
    this.write(parts.filter(part => part !== null).join(', '))
  }

  /** Writes another text in its place. */
  write(line: string): void {
    if (!this.stream.isTTY) return
    const width = this.stream.columns || 80
    this.stream.write(`\r\u001b[2K${printable(line).slice(0, width - 1)}`)
    this.shown = true
  }

  /** Prints whole lines above the progress line, which returns with the next update. */
  interrupt(text: string): void {
    this.stream.write(this.shown ? `\r\u001b[2K${text}` : text)
    this.shown = false
  }

  /** Seconds since its creation. */
  get seconds(): number {
    return (Date.now() - this.startedAt) / 1000
  }

  /** Clears the line. @returns seconds since its creation */
  end(): number {
    if (this.shown) this.stream.write('\r\u001b[2K')
    this.shown = false
    return this.seconds
  }
}
