import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtFile } from '../../src/package-root.js'

const HOST = new URL('command-host.mjs', import.meta.url)

export interface HostedCommand {
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
}

export interface Written {
  code: number
  stdout: string
  stderr: string
}

/** A process that runs commands of the built program one after the other, each to its end. */
export class CommandHost {
  #process: Host | undefined
  #busy = false

  get busy(): boolean {
    return this.#busy
  }

  /** Only while not {@link busy}. */
  async run(command: HostedCommand): Promise<Written> {
    this.#busy = true
    try {
      this.#process ??= startHost()
      const { child, ended, stdout, stderr } = this.#process
      const done = once(child, 'message')
      child.channel?.ref()
      child.send(command)
      const [{ code }] = await Promise.race([done, ended])
      return { code, stdout: stdout.more(), stderr: stderr.more() }
    } finally {
      this.#process?.child.channel?.unref()
      this.#busy = false
    }
  }

  async close(): Promise<void> {
    if (this.#process === undefined) return
    const { child, ended, stdout, stderr } = this.#process
    child.ref()
    if (child.connected) child.disconnect()
    await ended.catch(() => {})
    for (const { descriptor } of [stdout, stderr]) closeSync(descriptor)
  }
}

interface Host {
  child: ChildProcess
  ended: Promise<never>
  stdout: OutputFile
  stderr: OutputFile
}

function startHost(): Host {
  const folder = mkdtempSync(join(tmpdir(), 'uc-host-'))
  const [stdout, stderr] = [new OutputFile(join(folder, 'stdout')), new OutputFile(join(folder, 'stderr'))]
  const stdio = ['ignore', stdout.descriptor, stderr.descriptor, 'ipc'] as const
  const child = fork(HOST, [builtFile('cli/main.js')], { execArgv: [], stdio: [...stdio] })
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`The process that runs commands ended with ${code ?? signal}: ${stderr.more()}`)
  })
  ended.catch(() => {})
  rmSync(folder, { recursive: true })
  // It ends with this process, and does not keep it.
  child.unref()
  child.channel?.unref()
  return { child, ended, stdout, stderr }
}

/** What is written to a file is there when the writer says so; of a pipe a part may be on its way. */
class OutputFile {
  readonly descriptor: number
  #read = 0

  constructor(path: string) {
    this.descriptor = openSync(path, 'a+')
  }

  /** What was written since the last call. */
  more(): string {
    const bytes = Buffer.alloc(fstatSync(this.descriptor).size - this.#read)
    readSync(this.descriptor, bytes, 0, bytes.length, this.#read)
    this.#read += bytes.length
    return bytes.toString()
  }
}
