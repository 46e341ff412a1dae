import { type ChildProcess, spawn } from 'node:child_process'
import { AppError } from '../../domain/errors.js'
import { SECOND } from '../../domain/units.js'
import { builtFile } from '../../package-root.js'
import type { WorkerStats } from '../worker.js'
import { type ProcessReport, supervisedEnvironment } from './messages.js'
import { addReports } from './reports.js'
import { type Crash, WorkerProcess } from './worker-process.js'

const LAST_WORDS = 4000
/** A worker process that has not ended this long after it was told to stop is killed: it ends within 8 s by itself. */
const KILL_AFTER_MS = 7.5 * SECOND
/** Failed starts in a row of every process after which a waiting command gives up. */
const FAILED_STARTS_TO_GIVE_UP = 3

export interface SupervisorOptions {
  processes: number
  /** Settings of the workers, as environment variables. */
  environment: Readonly<Record<string, string | undefined>>
  /** The workers end when the queue is empty. */
  untilIdle?: boolean
  /**
   * Its abort stops the workers. A terminal sends Ctrl-C to them too, and one that is still starting dies of it, which is
   * no crash then.
   */
  signal?: AbortSignal
  /** Receives every whole line that a worker writes to stderr. */
  onLine?: (line: string) => void
  onCrash?: (crash: Crash) => void
  restartDelayMs?: (crashes: number) => number
  /** Time from a stop to the kill of processes that hang. */
  killAfterMs?: number
  /** Command to start instead of this program's `worker`. */
  program?: readonly string[]
}

/**
 * Runs worker processes, each in a place (`WorkerProcess`): starts them, restarts crashed ones with backoff without
 * limit, and stops them. Gives up, with a `failure`, when one reports wrong configuration (exit code 2), or when none
 * has ever worked and all reported why they cannot start. Workers end with this process, however it ends.
 */
export class Supervisor {
  /** Resolves when every process has ended and none will be restarted. */
  readonly done: Promise<void>
  readonly #places: WorkerProcess[]
  #startedAtMs = 0
  readonly #killAll = () => {
    for (const place of this.#places) place.kill()
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
    this.#places = Array.from(
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
    // A second Ctrl-C ends this process at once; the workers must end too.
    process.on('exit', this.#killAll)
    for (const place of this.#places) place.start()
    const { signal } = this.options
    const onAbort = () => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    void this.done.then(() => signal?.removeEventListener('abort', onAbort))
    if (signal?.aborted) onAbort()
    return this
  }

  /** Processes that should run. */
  get processes(): number {
    return this.#places.length
  }

  /** Why the supervisor gave up. */
  get failure(): AppError | undefined {
    return this.#failure
  }

  /** Number of restarts after crashes. */
  get restarts(): number {
    return this.#restarts
  }

  get pids(): number[] {
    return this.#places.flatMap(place => place.pid ?? [])
  }

  /** Number of processes that take batches now. */
  get working(): number {
    return this.#places.filter(place => place.works).length
  }

  /** Time of the latest report of any process; null when none works. */
  get heardAtMs(): number | null {
    const heard = this.#places.flatMap(place => place.heardAtMs ?? [])
    return heard.length > 0 ? Math.max(...heard) : null
  }

  /** Work done per place, crashed processes included. */
  get reports(): ProcessReport[] {
    return this.#places.flatMap(place => place.report ?? [])
  }

  /** Work done by all processes; null before the first has worked. */
  stats(): WorkerStats | null {
    const reports = this.reports
    if (reports.length === 0) return null
    const { stats } = reports.reduce(addReports)
    const seconds = Math.max((Date.now() - this.#startedAtMs) / 1000, 0.001)
    return { ...stats, photosPerSecond: Math.round(((stats.embedded + stats.failed) / seconds) * 10) / 10 }
  }

  /**
   * For a command that waits for the workers. A crash is not the end: the process is replaced.
   * @throws AppError WORKER_FAILED when all have ended unasked, or none can start
   */
  assertAlive(): void {
    if (this.#stopping && !this.#failure) return
    const hopeless = this.#places.every(place => place.isEnded || place.failedStarts >= FAILED_STARTS_TO_GIVE_UP)
    if (!this.#failure && !hopeless) return
    const why = this.#failure ? ` ${this.#failure.code}: ${this.#failure.message}` : ''
    throw new AppError('WORKER_FAILED', `No worker can work.${why}\nTheir last words:\n${this.lastWords}`)
  }

  /** The last lines of the workers' stderr. */
  get lastWords(): string {
    return this.#lastWords.trim() || '(none)'
  }

  /** Stops all workers, and waits. Kills those that hang. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const place of this.#places) place.stop()
    const late = setTimeout(this.#killAll, this.options.killAfterMs ?? KILL_AFTER_MS)
    await this.done
    clearTimeout(late)
  }

  #onLine(line: string): void {
    this.#lastWords = `${this.#lastWords}${line}\n`.slice(-LAST_WORDS)
    this.options.onLine?.(line)
  }

  #onCrash(crash: Crash): void {
    const failures = this.#places.map(place => place.startFailure)
    const everWorked = this.reports.length > 0
    if (!everWorked && failures.every(failure => failure !== undefined)) this.#giveUp(failures[0]!)
    else {
      this.#restarts++
      this.options.onCrash?.(crash)
    }
  }

  #onEnd(): void {
    const failed = this.#places.find(place => place.failure)?.failure
    if (failed && !this.#failure) this.#giveUp(failed)
    if (!this.#places.every(place => place.isEnded)) return
    process.off('exit', this.#killAll)
    this.#finish()
  }

  #giveUp(failure: AppError): void {
    this.#failure = failure
    for (const place of this.#places) place.stop()
  }
}

/**
 * V8 counts photo bytes as heap and collects it every 35 photos, 2 of 27 core ms per photo; with 128 MiB a seventh as
 * often (`docs/benchmarks.md`).
 */
export const V8_OPTIONS = ['--initial-old-space-size=128']

function launch({ processes, environment, untilIdle, program }: SupervisorOptions): ChildProcess {
  const own = [
    process.execPath,
    ...V8_OPTIONS,
    builtFile('cli/main.js'),
    'worker',
    '--json',
    ...(untilIdle ? ['--until-idle'] : []),
  ]
  const [command, ...args] = program ?? own
  return spawn(command!, args, {
    env: { ...environment, ...supervisedEnvironment(processes) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}
