import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { builtFile } from '../../src/package-root.js'
import { plantDatabase } from './servers/embedded-seed.js'

const MAIN = builtFile('cli/main.js')

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
  /** stdout as JSON lines */
  objects: () => Record<string, unknown>[]
}

export interface Running {
  child: ChildProcess
  finished: Promise<Finished>
  stderr: () => string
  stdout: () => string
}

/** A home folder of its own for a test: embedded database, copies and models of nobody else. */
export class Sandbox {
  private constructor(
    readonly home: string,
    readonly environment: Record<string, string>,
  ) {}

  /** With an embedded database that has the schema and no rows, unless the environment names another one. */
  static async create(environment: Record<string, string> = {}): Promise<Sandbox> {
    const sandbox = await Sandbox.createEmpty(environment)
    const isEmbedded = !('DATABASE_URL' in environment || 'UNSPLASH_CLIP_HOME' in environment)
    if (isEmbedded) await plantDatabase(join(sandbox.home, 'database'), 'schema')
    return sandbox
  }

  /** With an empty home folder, as at the first start. */
  static async createEmpty(environment: Record<string, string> = {}): Promise<Sandbox> {
    const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-test-'))
    return new Sandbox(home, { MODEL: 'demo', LOG_LEVEL: 'warn', ...environment })
  }

  /** Starts `unsplash-clip` with these arguments. */
  start(...args: string[]): Running {
    return this.#spawn(args, 'ignore')
  }

  /** The same, with its stdin to write to. */
  startWithInput(...args: string[]): Running & { stdin: Writable } {
    const running = this.#spawn(args, 'pipe')
    return { ...running, stdin: running.child.stdin! }
  }

  #spawn(args: string[], stdin: 'ignore' | 'pipe'): Running {
    const { DATABASE_URL: _d, REDIS_URL: _r, OBJECT_STORE: _o, ...inherited } = process.env
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.home,
      env: { ...inherited, UNSPLASH_CLIP_HOME: this.home, ...this.environment },
      stdio: [stdin, 'pipe', 'pipe'],
    }) as ChildProcessByStdio<Writable | null, Readable, Readable>
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const finished = once(child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout,
      stderr,
      objects: () =>
        stdout
          .split('\n')
          .filter(line => line.startsWith('{'))
          .map(line => JSON.parse(line) as Record<string, unknown>),
    }))
    return { child, finished, stderr: () => stderr, stdout: () => stdout }
  }

  run(...args: string[]): Promise<Finished> {
    return this.start(...args).finished
  }

  async close(): Promise<void> {
    await this.run('db', 'stop')
    // A process that was killed may leave another one that ends only now.
    await rm(this.home, { recursive: true, force: true, maxRetries: 20 })
  }
}

/** On a busy machine commands say that they wait for their own workers, or that a server has not answered for seconds. */
const WAITS =
  /^(?:.* until the workers of this command have started\.|No answer from the \w+ for \d+ s; waiting for it\.|Continuing\.)\n/gm

/** What a command wrote to stderr, less what depends on the speed of the machine. */
export const withoutWaits = (stderr: string): string => stderr.replaceAll(WAITS, '')
