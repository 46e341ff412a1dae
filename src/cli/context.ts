import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { App } from '../compose.js'
import { AppError } from '../domain/errors.js'
import { Output } from './output.js'

/** What a command works with. `app` opens database, queue and models when they are first asked for, and closes them. */
export interface Context {
  app: App
  out: Output
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal
  /** The settings as text, for processes that this one starts. */
  environment: Record<string, string | undefined>
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
    const environment = { ...readEnvironment(), ...withoutUndefined({ MODEL: options.model, ...overrides }) }
    app = compose(readConfig(environment))
    return (await command({ app, out, signal: interrupt.signal, environment })) ?? 0
  } catch (error) {
    return report(error, out)
  } finally {
    await app?.close()
    interrupt.close()
  }
}

/** Writes an error for people to stderr (with `--json` as an object) and gives the exit code. */
export function report(error: unknown, out: Output): number {
  if (error instanceof AppError) {
    out.note(
      out.json ? JSON.stringify({ error: error.code, message: error.message }) : `${error.code}: ${error.message}`,
    )
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

/** The first signal asks for a clean end; the second ends at once. */
function listenForInterrupts(out: Output): { signal: AbortSignal; close(): void } {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130)
    out.note('Stopping: what runs is finished or handed back. Ctrl-C again ends at once.')
    controller.abort(new AppError('INTERRUPTED', 'Stopped before the end; start the same command again to go on.'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // A worker that `ingest --workers` started ends with it, also when that was killed.
  process.on('disconnect', onSignal)
  return {
    signal: controller.signal,
    close() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      process.off('disconnect', onSignal)
    },
  }
}
