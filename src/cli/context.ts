import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { App } from '../compose.js'
import { AppError } from '../domain/errors.js'
import { Output } from './output.js'
import { isSupervised, type ToWorker, tellSupervisor } from './supervisor/messages.js'

/** Exit code after a second signal: as a shell gives it to what Ctrl-C ended. */
const AT_ONCE = 130

/** What a command works with. `app` opens database, queue and models when they are first asked for, and closes them. */
export interface Context {
  app: App
  out: Output
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal
  /** The settings as text, for processes that this one starts. */
  environment: Record<string, string | undefined>
  /** Whether the command line names the model, with --model: that wins over the one chosen for searches. */
  modelNamed: boolean
}

export interface CommonOptions {
  json?: boolean
  model?: string
}

/** Settings that options of the command line override, as environment text. */
export type Overrides = Record<string, string | undefined>

/**
 * Runs a command: reads the settings, opens what it needs, maps errors to messages and exit codes, closes everything.
 * @returns the exit code
 */
export async function runCommand(
  options: CommonOptions,
  overrides: Overrides,
  command: (context: Context) => Promise<number | undefined>,
): Promise<number> {
  const out = new Output(options.json ?? false)
  const interrupt = listenForInterrupts(out)
  let app: App | undefined
  try {
    // Loaded only now, so that --help and wrong usage answer at once.
    const { readConfig } = await import('../config.js')
    const { compose } = await import('../compose.js')
    const ofCommandLine = withoutUndefined({ MODEL: options.model, ...overrides })
    const environment = { ...readEnvironment(), ...ofCommandLine }
    app = compose(readConfig(environment))
    const modelNamed = ofCommandLine.MODEL !== undefined
    return (await command({ app, out, signal: interrupt.signal, environment, modelNamed })) ?? 0
  } catch (error) {
    return report(error, out)
  } finally {
    await app?.close()
    interrupt.close()
  }
}

/** Writes an error for people to stderr (with `--json` as an object) and gives the exit code. A supervisor is told it. */
export function report(error: unknown, out: Output): number {
  if (error instanceof AppError) {
    const { code, message } = error
    if (isSupervised() && process.connected) tellSupervisor({ kind: 'failed', code, message })
    else out.note(out.json ? JSON.stringify({ error: code, message }) : `${code}: ${message}`)
    return error.exitCode
  }
  out.note(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return 1
}

/** The settings as text: those of .env, over which the environment wins. */
export function readEnvironment(): Record<string, string | undefined> {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  return { ...file, ...process.env }
}

function withoutUndefined(record: Overrides): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Record<string, string>
}

interface Interrupt {
  signal: AbortSignal
  close(): void
}

/** The first signal asks for a clean end; the second ends at once. */
function listenForInterrupts(out: Output): Interrupt {
  const controller = new AbortController()
  const stop = () =>
    controller.abort(new AppError('INTERRUPTED', 'Stopped before the end; start the same command again to go on.'))
  return isSupervised() ? listenAsWorker(controller, stop) : listenAlone(controller, stop, out)
}

function listenAlone({ signal }: AbortController, stop: () => void, out: Output): Interrupt {
  const onSignal = () => {
    if (signal.aborted) process.exit(AT_ONCE)
    out.note('Stopping: what runs is finished or handed back. Ctrl-C again ends at once.')
    stop()
  }
  return listening(signal, [
    ['SIGINT', onSignal],
    ['SIGTERM', onSignal],
  ])
}

/**
 * A worker of a supervisor ends when that asks for it, or has ended, however. A terminal's Ctrl-C reaches the worker, too,
 * and is the supervisor's to hand on. A SIGTERM counts as everywhere.
 */
function listenAsWorker({ signal }: AbortController, stop: () => void): Interrupt {
  let terminated = false
  const onTerminate = () => {
    if (terminated) process.exit(AT_ONCE)
    terminated = true
    stop()
  }
  return listening(signal, [
    ['SIGINT', () => {}],
    ['SIGTERM', onTerminate],
    ['message', (message: ToWorker) => message.kind === 'stop' && stop()],
    ['disconnect', stop],
  ])
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
