import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { parseEnv } from 'node:util'
import type { App } from '../compose/app.js'
import { DEFAULT_HOME } from '../default-home.js'
import { AppError } from '../domain/errors.js'
import { SECOND } from '../domain/units.js'
import { isSupervised, type ToWorker, tellSupervisor } from '../workers/supervisor/messages.js'
import { Output } from './print/output.js'
import { Progress } from './print/progress.js'
import { asAppError } from './unexpected.js'

/** Exit code after a second signal: the one that a shell reports after Ctrl-C. */
const AT_ONCE = 130
/** Time from the first signal to the end of a command that does not stop by itself, and of a supervised worker. */
const STOP_MS = 8 * SECOND
const SUPERVISED_STOP_MS = 7 * SECOND
const PASSED_ON_MS = SECOND / 2

/** Context of a command. `app` opens database, queue and models on first use, and closes them. */
export interface Context {
  app: App
  out: Output
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal
  /** The settings as text, for child processes. */
  environment: Record<string, string | undefined>
  /** Whether --model names the model; it takes precedence over the one chosen for searches. */
  modelNamed: boolean
  /** What the first signal says. */
  held: Held
}

/** What a process holds while it runs, and lets go of when it is told to stop. */
export interface Held {
  what: 'nothing' | 'batches' | 'requests'
}

const STOPPING: Record<Held['what'], string> = {
  nothing: 'Stopping.',
  batches: 'Stopping: batches in progress are finished or returned.',
  requests: 'Stopping: requests in progress are answered within 3 s or cut off.',
}
const HANGING: Record<Held['what'], string> = {
  nothing: '',
  batches: ' Other workers take over its batches.',
  requests: ' Requests in progress are cut off.',
}

/** For whom a command runs: `people` get warnings as sentences; a `service` writes its log as JSON. */
export type Audience = 'people' | 'service'

export interface CommonOptions {
  json?: boolean
  model?: string
}

/** Settings from options of the command line, as environment text. */
export type Overrides = Record<string, string | undefined>

/**
 * Runs a command: reads the settings, opens what it needs, maps errors to messages and exit codes, closes everything.
 * @returns the exit code
 */
export async function runCommand(
  options: CommonOptions,
  overrides: Overrides,
  command: (context: Context) => Promise<number | undefined>,
  audience: Audience = 'people',
): Promise<number> {
  const out = new Output(options.json ?? false)
  const held: Held = { what: 'nothing' }
  const interrupt = listenForInterrupts(out, held)
  let app: App | undefined
  let exitCode: number
  try {
    // Loaded late, so that --help and usage errors respond at once.
    const { readConfig } = await import('../config.js')
    const { compose } = await import('../compose/app.js')
    const ofCommandLine = withoutUndefined({ MODEL: options.model, ...overrides })
    const environment = { ...readEnvironment(), ...ofCommandLine }
    const start = new Progress('start')
    app = compose(readConfig(environment), {
      environment,
      signal: interrupt.signal,
      onNotice: text => (text === '' ? start.end() : start.write(`${text} …`)),
      onWarning: audience === 'people' ? sentence => out.note(sentence) : undefined,
    })
    await app.tracing()
    const modelNamed = ofCommandLine.MODEL !== undefined
    exitCode = (await command({ app, out, signal: interrupt.signal, environment, modelNamed, held })) ?? 0
  } catch (error) {
    exitCode = report(error, out)
  }
  try {
    await app?.close()
  } catch (error) {
    exitCode ||= report(error, out)
  }
  interrupt.close()
  return exitCode
}

/**
 * Prints an error to stderr as one sentence (with `--json` as an object), or sends it to the supervisor. With LOG_LEVEL
 * debug or trace its stack follows. Returns the exit code.
 */
export function report(error: unknown, out: Output): number {
  const { UNSPLASH_CLIP_HOME: home, LOG_LEVEL: level } = settingsInTrouble()
  const failure = asAppError(error, home || DEFAULT_HOME)
  const { code, message, exitCode } = failure
  if (isSupervised() && process.connected) tellSupervisor({ kind: 'failed', code, message })
  else out.note(out.json ? JSON.stringify({ error: code, message }) : `${code}: ${message}`)
  if (failure !== error && /^(debug|trace)$/.test(level ?? '') && error instanceof Error) out.note(error.stack ?? '')
  return exitCode
}

/** The settings may be the trouble. */
function settingsInTrouble(): Record<string, string | undefined> {
  try {
    return readEnvironment()
  } catch {
    return process.env
  }
}

/** Returns the settings as text. The environment takes precedence over .env. */
export function readEnvironment(): Record<string, string | undefined> {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  // As a shell does it for the environment.
  const expanded = Object.entries(file).map(([name, text]) => [name, text?.replace(/^~(?=\/|$)/, homedir())])
  return { ...Object.fromEntries(expanded), ...process.env }
}

function withoutUndefined(record: Overrides): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Record<string, string>
}

interface Interrupt {
  signal: AbortSignal
  close(): void
}

/**
 * Ends this process some seconds after the signal, whatever hangs: by the default action of SIGTERM, because
 * `process.exit` waits for threads that look up a name or decode an image. Batches that it held go to other workers.
 * @returns cancels it, before work that may take longer and has a limit of its own
 */
export function endInTime(
  { signal, out, held }: Pick<Context, 'signal' | 'out' | 'held'>,
  what: Held['what'],
): () => void {
  held.what = what
  const ms = isSupervised() ? SUPERVISED_STOP_MS : STOP_MS
  const end = () => {
    out.note(`Something still hangs ${ms / SECOND} s after the stop: ending at once.${HANGING[what]}`)
    process.emit('exit', AT_ONCE)
    process.removeAllListeners('SIGTERM')
    process.kill(process.pid, 'SIGTERM')
  }
  let timer: NodeJS.Timeout | undefined
  const start = () => {
    timer = setTimeout(end, ms).unref()
  }
  if (signal.aborted) start()
  else signal.addEventListener('abort', start, { once: true })
  return () => {
    signal.removeEventListener('abort', start)
    clearTimeout(timer)
  }
}

/** Ends cleanly on the first signal, and at once on the second. */
function listenForInterrupts(out: Output, held: Held): Interrupt {
  const controller = new AbortController()
  const stop = () =>
    controller.abort(new AppError('INTERRUPTED', 'Stopped before the end. Start the same command again to continue.'))
  return isSupervised()
    ? listenAsWorker(controller, stop)
    : listenAlone(controller, stop, () => out.note(`${STOPPING[held.what]} Ctrl-C again ends at once.`))
}

function listenAlone({ signal }: AbortController, stop: () => void, tell: () => void): Interrupt {
  // npm passes on the Ctrl-C that the terminal has sent to this process too.
  const comesTwice = process.env.npm_command !== undefined && process.stdin.isTTY
  let isPassedOn = false
  const onSignal = () => {
    if (isPassedOn) return
    if (signal.aborted) process.exit(AT_ONCE)
    isPassedOn = comesTwice
    const isOver = () => {
      isPassedOn = false
    }
    // After the poll phase of the event loop: a signal that came in time counts as passed on, however busy the process is.
    setTimeout(() => setImmediate(isOver), PASSED_ON_MS).unref()
    tell()
    stop()
  }
  const { close } = listening(signal, [
    ['SIGINT', onSignal],
    ['SIGTERM', onSignal],
  ])
  // After a signal the process is about to end. One that is passed on later must not change its exit code.
  return { signal, close: () => signal.aborted || close() }
}

/**
 * Ends a supervised worker when the supervisor asks for it or is gone. A terminal also sends Ctrl-C to the worker,
 * which ignores it because the supervisor passes it on. SIGTERM has its usual effect.
 */
function listenAsWorker({ signal }: AbortController, stop: () => void): Interrupt {
  let terminated = false
  const onTerminate = () => {
    if (terminated) process.exit(AT_ONCE)
    terminated = true
    stop()
  }
  const interrupt = listening(signal, [
    ['SIGINT', () => {}],
    ['SIGTERM', onTerminate],
    ['message', (message: ToWorker) => message.kind === 'stop' && stop()],
    ['disconnect', stop],
  ])
  // The supervisor was killed while this process started, before anybody listened.
  if (process.connected === false) stop()
  return interrupt
}

function listening(
  signal: AbortSignal,
  listeners: [event: string, listener: (message: ToWorker) => void][],
): Interrupt {
  for (const [event, listener] of listeners) process.on(event, listener)
  return {
    signal,
    close() {
      for (const [event, listener] of listeners) process.off(event, listener)
    },
  }
}
