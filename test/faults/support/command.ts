import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A command of the built package that was started. */
export interface Command {
  child: ChildProcess
  ended: Promise<Ended>
  isRunning(): boolean
  /** kill -9; resolves when it is dead. */
  kill(): Promise<void>
  /** SIGTERM, and what it came to. */
  stop(): Promise<Ended>
  stderr(): string
}

/** Starts `unsplash-clip` with exactly these settings; those of the test's own environment do not count. */
export function startCommand(
  args: string[],
  options: {
    packageFolder: string
    folder: string
    settings: Record<string, string>
    /** A command that runs the rest of its command line. */
    wrapper?: readonly string[]
  },
): Command {
  const { PATH = '', HOME = '', TMPDIR } = process.env
  const own = [process.execPath, join(options.packageFolder, 'dist/cli/main.js'), ...args]
  const [command, ...rest] = [...(options.wrapper ?? []), ...own]
  const child = spawn(command!, rest, {
    cwd: options.folder,
    env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...options.settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text
    })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }) as Ended)
  return {
    child,
    ended,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    stop() {
      child.kill('SIGTERM')
      return ended
    },
    stderr: () => said.stderr,
  }
}
