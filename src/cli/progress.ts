import { printable } from '../domain/printable.js'
import { formatCount, formatDuration } from './output.js'

export interface ProgressCounts {
  total: number | null
  done: number
  failed: number
}

/** One line on stderr that is rewritten while it is a terminal; nothing when piped. */
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

  /** Any other line in the same place. */
  write(line: string): void {
    if (!this.stream.isTTY) return
    const width = this.stream.columns || 80
    this.stream.write(`\r\u001b[2K${printable(line).slice(0, width - 1)}`)
    this.shown = true
  }

  /** Other text on the stream, whole lines: the progress line makes room and comes back with the next update. */
  interrupt(text: string): void {
    this.stream.write(this.shown ? `\r\u001b[2K${text}` : text)
    this.shown = false
  }

  /** Since it was made. */
  get seconds(): number {
    return (Date.now() - this.startedAt) / 1000
  }

  /** Seconds since it was made; clears the line. */
  end(): number {
    if (this.shown) this.stream.write('\r\u001b[2K')
    this.shown = false
    return this.seconds
  }
}
