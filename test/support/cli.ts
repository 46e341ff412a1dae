import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { builtFile } from '../../src/package-root.js'
import { CommandHost } from './command-host.js'
import { killServer, plantDatabase } from './servers/embedded-seed.js'

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
    private readonly host?: CommandHost,
  ) {}

  /**
   * With an embedded database that has the schema and no rows, unless the environment names another one.
   * @param options `hosted`: commands of {@link run} share a process, where their beginning and end are not what is tested
   */
  static async create(environment: Record<string, string> = {}, { hosted = false } = {}): Promise<Sandbox> {
    const sandbox = await Sandbox.createEmpty(environment, { hosted })
    const isEmbedded = !('DATABASE_URL' in environment || 'UNSPLASH_CLIP_HOME' in environment)
    if (isEmbedded) await plantDatabase(join(sandbox.home, 'database'), 'schema')
    return sandbox
  }

  /** With an empty home folder, as at the first start. */
  static async createEmpty(environment: Record<string, string> = {}, { hosted = false } = {}): Promise<Sandbox> {
    const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-test-'))
    const host = hosted ? new CommandHost() : undefined
    return new Sandbox(home, { MODEL: 'demo', LOG_LEVEL: 'warn', ...environment }, host)
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
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.home,
      env: this.#inherited(),
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
    const finished = once(child, 'close').then(([code]) =>
      finishedWith({ code: code as number | null, stdout, stderr }),
    )
    return { child, finished, stderr: () => stderr, stdout: () => stdout }
  }

  #inherited(): NodeJS.ProcessEnv {
    const { DATABASE_URL: _d, REDIS_URL: _r, OBJECT_STORE: _o, ...inherited } = process.env
    return { ...inherited, UNSPLASH_CLIP_HOME: this.home, ...this.environment }
  }

  async run(...args: string[]): Promise<Finished> {
    if (this.host === undefined || this.host.busy) return this.start(...args).finished
    return finishedWith(await this.host.run({ args, cwd: this.home, env: this.#inherited() }))
  }

  async close(): Promise<void> {
    await this.host?.close()
    await killServer(join(this.environment.UNSPLASH_CLIP_HOME ?? this.home, 'database'))
    // A process that was killed may leave another one that ends only now.
    await rm(this.home, { recursive: true, force: true, maxRetries: 20 })
  }
}

function finishedWith(written: Omit<Finished, 'objects'>): Finished {
  const objects = () =>
    written.stdout
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Record<string, unknown>)
  return { ...written, objects }
}

/** On a busy machine commands say that they wait for their own workers, or that a server has not answered for seconds. */
const WAITS =
  /^(?:.* until the workers of this command have started\.|No answer from the \w+ for \d+ s; waiting for it\.|Continuing\.)\n/gm

/** What a command wrote to stderr, less what depends on the speed of the machine. */
export const withoutWaits = (stderr: string): string => stderr.replaceAll(WAITS, '')
