import type { ChildProcess } from 'node:child_process'
import { AppError, COMMAND_FAILURES } from '../../domain/errors.js'
import type { FromWorker, ProcessReport, ToWorker } from './messages.js'
import { addReports, lastReport } from './reports.js'
import { restartDelayMs, WELL_AFTER_MS } from './restart-backoff.js'

const WRONG_CONFIGURATION = 2
/** Exit codes of an orderly stop, also during the start. */
const IN_ORDER = new Set([0, COMMAND_FAILURES.INTERRUPTED.exitCode])

export interface Crash {
  pid: number | undefined
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** The failure that it reported before it ended. */
  told: AppError | undefined
  /** Crashes in a row, this one included. */
  crashes: number
  restartInMs: number
}

export interface WorkerProcessOptions {
  /** Starts a process with an ipc channel and piped stderr. */
  launch: () => ChildProcess
  restartDelayMs?: (crashes: number) => number
  /** Receives every whole line of its stderr. */
  onLine: (line: string) => void
  onCrash: (crash: Crash) => void
  onEnd: () => void
}

interface Running {
  is: 'running'
  child: ChildProcess
  sinceMs: number
  /** Null until the first report. */
  report: ProcessReport | null
  heardAtMs: number
  told: AppError | undefined
}

type State = { is: 'new' } | Running | { is: 'resting'; timer: NodeJS.Timeout } | { is: 'ended' }

/**
 * A place for one worker process, which is kept alive:
 *
 *     new ── start ──> running ── crash ──> resting ── backoff is over ──> running …
 *                         └── orderly exit, stopped, or wrong configuration ──> ended
 *
 * A crash is every exit that nobody asked for: by a signal, or with a code that is neither orderly nor "wrong
 * configuration". After wrong configuration every start would end the same way, so there is none. {@link #become}
 * makes all transitions.
 */
export class WorkerProcess {
  #state: State = { is: 'new' }
  #stopping = false
  #crashes = 0
  #past: ProcessReport | null = null
  #failedStarts = 0
  #startFailure: AppError | undefined
  #failure: AppError | undefined

  constructor(private readonly options: WorkerProcessOptions) {}

  get pid(): number | undefined {
    return this.#state.is === 'running' ? this.#state.child.pid : undefined
  }

  get isEnded(): boolean {
    return this.#state.is === 'ended'
  }

  /** Whether the process has started completely and takes batches. */
  get works(): boolean {
    return this.#state.is === 'running' && this.#state.report !== null
  }

  /** Time of its latest report; null while it does not work. */
  get heardAtMs(): number | null {
    return this.#state.is === 'running' && this.#state.report !== null ? this.#state.heardAtMs : null
  }

  /** Failed starts in a row. */
  get failedStarts(): number {
    return this.#failedStarts
  }

  /** The reported reason of its last failed start. */
  get startFailure(): AppError | undefined {
    return this.#startFailure
  }

  /** Why the process is not started again. */
  get failure(): AppError | undefined {
    return this.#failure
  }

  /** Work done by all processes in this place, crashed ones included; null before the first has worked. */
  get report(): ProcessReport | null {
    const now = this.#state.is === 'running' ? this.#state.report : null
    return this.#past && now ? addReports(this.#past, now) : (now ?? this.#past)
  }

  start(): void {
    const child = this.options.launch()
    const running: Running = {
      is: 'running',
      child,
      sinceMs: Date.now(),
      report: null,
      heardAtMs: Date.now(),
      told: undefined,
    }
    this.#become(running)
    child.on('message', message => this.#hear(running, message as FromWorker))
    eachLine(child.stderr, this.options.onLine)
    // Failed to spawn (no memory, no process left): no exit event follows.
    child.on('error', () => {
      if (child.pid === undefined) this.#onEnd(running, null, null)
    })
    child.once('close', (exitCode, signal) => this.#onEnd(running, exitCode, signal))
  }

  /** Ends the process after the batches under way, or cancels a pending restart. */
  stop(): void {
    this.#stopping = true
    if (this.#state.is === 'running') requestStop(this.#state.child)
    else this.#become({ is: 'ended' })
  }

  /** kill -9 */
  kill(): void {
    this.#stopping = true
    if (this.#state.is === 'running') this.#state.child.kill('SIGKILL')
  }

  #become(state: State): void {
    const before = this.#state
    if (before.is === 'ended') return
    if (before.is === 'resting') clearTimeout(before.timer)
    if (before.is === 'running' && before.report) {
      const last = lastReport(before.report)
      this.#past = this.#past ? addReports(this.#past, last) : last
    }
    this.#state = state
    if (state.is === 'ended') this.options.onEnd()
  }

  #hear(running: Running, message: FromWorker): void {
    if (message.kind === 'failed') running.told = new AppError(message.code, message.message)
    else {
      running.report = message
      running.heardAtMs = Date.now()
      this.#failedStarts = 0
      this.#startFailure = undefined
    }
  }

  #onEnd(running: Running, exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state !== running) return
    if (exitCode === WRONG_CONFIGURATION)
      this.#failure = running.told ?? new AppError('CONFIG_INVALID', 'A worker process was started wrongly.')
    if (this.#stopping || this.#failure || (exitCode !== null && IN_ORDER.has(exitCode))) this.#become({ is: 'ended' })
    else this.#rest(running, exitCode, signal)
  }

  #rest(running: Running, exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (running.report === null) {
      this.#failedStarts++
      this.#startFailure = running.told
    }
    this.#crashes = Date.now() - running.sinceMs >= WELL_AFTER_MS ? 1 : this.#crashes + 1
    const restartInMs = (this.options.restartDelayMs ?? restartDelayMs)(this.#crashes)
    this.#become({ is: 'resting', timer: setTimeout(() => this.start(), restartInMs) })
    const { pid } = running.child
    this.options.onCrash({ pid, exitCode, signal, told: running.told, crashes: this.#crashes, restartInMs })
  }
}

/**
 * Asks by message, not by signal: a service manager and a terminal signal the whole process group, and a second
 * signal would end the worker at once.
 */
function requestStop(child: ChildProcess): void {
  const stop: ToWorker = { kind: 'stop' }
  if (child.connected) child.send(stop, error => error && child.kill('SIGTERM'))
  else child.kill('SIGTERM')
}

/** Passes on whole lines, however the pipe cuts them; the rest after the last line break counts as a line. */
function eachLine(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  stream?.on('end', () => {
    if (rest !== '') onLine(rest)
  })
}
