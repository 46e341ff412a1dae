import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../domain/errors.js'
import type { WorkerStats } from '../../workers/worker.js'
import { type ProcessReport, supervisedEnvironment } from './messages.js'
import { addReports } from './reports.js'
import { type Crash, WorkerProcess } from './worker-process.js'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
const LAST_WORDS = 4000
/** Starts in a row of every process after which a command that waits for them gives up. */
const HOPELESS_STARTS = 3

export interface SupervisorOptions {
  processes: number
  /** Settings of the workers, as text. */
  environment: Readonly<Record<string, string | undefined>>
  /** They end when the queue is empty. */
  untilIdle?: boolean
  /** A whole line that one of them wrote to stderr. */
  onLine?: (line: string) => void
  onCrash?: (crash: Crash) => void
  restartDelayMs?: (crashes: number) => number
  /** What is started instead of this program's `worker`. */
  program?: readonly string[]
}

/**
 * Runs worker processes: starts them, starts crashed ones again with backoff for as long as it takes, and stops them. It
 * gives up when one is told that it was started wrongly (exit code 2), or when none has ever worked and all told why they
 * cannot: `failure` then says so. Workers end with this process, however it ends.
 */
export class Supervisor {
  /** Resolves when every process has ended and none will be started again. */
  readonly done: Promise<void>
  readonly #slots: WorkerProcess[]
  #startedAtMs = 0
  readonly #killAll = () => {
    for (const slot of this.#slots) slot.kill()
  }
  #restarts = 0
  #stopping = false
  #lastWords = ''
  #failure: AppError | undefined
  #finish: () => void = () => {}

  constructor(private readonly options: SupervisorOptions) {
    this.done = new Promise(resolve => {
      this.#finish = resolve
    })
    this.#slots = Array.from(
      { length: options.processes },
      () =>
        new WorkerProcess({
          launch: () => launch(options),
          restartDelayMs: options.restartDelayMs,
          onLine: line => this.#onLine(line),
          onCrash: crash => this.#onCrash(crash),
          onEnd: () => this.#onEnd(),
        }),
    )
  }

  start(): this {
    this.#startedAtMs = Date.now()
    // A second Ctrl-C ends this process at once; the workers must not go on then.
    process.on('exit', this.#killAll)
    for (const slot of this.#slots) slot.start()
    return this
  }

  /** That should work. */
  get processes(): number {
    return this.#slots.length
  }

  /** Why it gave up. */
  get failure(): AppError | undefined {
    return this.#failure
  }

  /** Crashed processes that were started again. */
  get restarts(): number {
    return this.#restarts
  }

  get pids(): number[] {
    return this.#slots.flatMap(slot => slot.pid ?? [])
  }

  /** Processes that take batches now. */
  get working(): number {
    return this.#slots.filter(slot => slot.works).length
  }

  /** When the one that was heard of last told how it is doing; null when none works. */
  get heardAtMs(): number | null {
    const heard = this.#slots.flatMap(slot => slot.heardAtMs ?? [])
    return heard.length > 0 ? Math.max(...heard) : null
  }

  /** What each place has done, crashed processes included. */
  get reports(): ProcessReport[] {
    return this.#slots.flatMap(slot => slot.report ?? [])
  }

  /** What all have done together; null before the first has worked. */
  stats(): WorkerStats | null {
    const reports = this.reports
    if (reports.length === 0) return null
    const { stats } = reports.reduce(addReports)
    const seconds = Math.max((Date.now() - this.#startedAtMs) / 1000, 0.001)
    return { ...stats, photosPerSecond: Math.round(((stats.embedded + stats.failed) / seconds) * 10) / 10 }
  }

  /**
   * For a command that waits for what the workers do. A crash is not the end: another process comes.
   * @throws AppError WORKER_FAILED when all have ended although nobody asked them to, or none can start
   */
  assertAlive(): void {
    if (this.#stopping && !this.#failure) return
    const hopeless = this.#slots.every(slot => slot.isEnded || slot.failedStarts >= HOPELESS_STARTS)
    if (!this.#failure && !hopeless) return
    const why = this.#failure ? ` ${this.#failure.code}: ${this.#failure.message}` : ''
    throw new AppError('WORKER_FAILED', `No worker can work.${why}\nTheir last words:\n${this.lastWords}`)
  }

  /** The end of what they wrote to stderr. */
  get lastWords(): string {
    return this.#lastWords.trim() || '(none)'
  }

  /** Asks them to finish what they have in hand, and waits. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const slot of this.#slots) slot.stop()
    await this.done
  }

  #onLine(line: string): void {
    this.#lastWords = `${this.#lastWords}${line}\n`.slice(-LAST_WORDS)
    this.options.onLine?.(line)
  }

  #onCrash(crash: Crash): void {
    const failures = this.#slots.map(slot => slot.startFailure)
    const everWorked = this.reports.length > 0
    if (!everWorked && failures.every(failure => failure !== undefined)) this.#giveUp(failures[0]!)
    else {
      this.#restarts++
      this.options.onCrash?.(crash)
    }
  }

  #onEnd(): void {
    const failed = this.#slots.find(slot => slot.failure)?.failure
    if (failed && !this.#failure) this.#giveUp(failed)
    if (!this.#slots.every(slot => slot.isEnded)) return
    process.off('exit', this.#killAll)
    this.#finish()
  }

  #giveUp(failure: AppError): void {
    this.#failure = failure
    for (const slot of this.#slots) slot.stop()
  }
}

/**
 * V8 counts the bytes of photos to a heap that has next to nothing else in it, and by default collects all of it once in 35
 * photos: 2 of 27 core ms a photo. With room for 128 MiB it does so a seventh as often (`docs/benchmarks.md`).
 */
export const V8_OPTIONS = ['--initial-old-space-size=128']

function launch({ processes, environment, untilIdle, program }: SupervisorOptions): ChildProcess {
  const own = [process.execPath, ...V8_OPTIONS, MAIN, 'worker', '--json', ...(untilIdle ? ['--until-idle'] : [])]
  const [command, ...args] = program ?? own
  return spawn(command!, args, {
    env: { ...environment, ...supervisedEnvironment(processes) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}
