import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { AppError } from '../domain/errors.js'

const LAST_WORDS = 4000

/** Worker processes of this command. */
export class WorkerProcesses {
  private readonly children: ChildProcess[] = []
  private lastWords = ''
  private stopping = false

  /** Starts `count` workers with these settings; the cores are shared among their encoders. */
  constructor(count: number, environment: Record<string, string | undefined>) {
    const main = fileURLToPath(new URL('./main.js', import.meta.url))
    const threads = Math.max(1, Math.floor(availableParallelism() / count))
    const env = {
      ...environment,
      THREADS: environment.THREADS || String(threads),
      LOG_LEVEL: environment.LOG_LEVEL || 'warn',
    }
    for (let i = 0; i < count; i++) {
      const child = spawn(process.execPath, [main, 'worker', '--json'], {
        env,
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.lastWords = (this.lastWords + text).slice(-LAST_WORDS)
      })
      this.children.push(child)
    }
  }

  /** @throws AppError WORKER_FAILED when every worker has ended although nobody asked them to. */
  assertAlive(): void {
    if (this.stopping || this.children.some(isRunning)) return
    throw new AppError('WORKER_FAILED', `Every worker has ended. Its last words:\n${this.lastWords.trim() || '(none)'}`)
  }

  /** Asks them to finish what they have in hand, and waits. */
  async stop(): Promise<void> {
    this.stopping = true
    const running = this.children.filter(isRunning)
    const exits = running.map(child => once(child, 'exit'))
    for (const child of running) child.kill('SIGTERM')
    await Promise.all(exits)
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined
}
