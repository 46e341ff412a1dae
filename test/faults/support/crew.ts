import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from './command.js'

const RESTART_MS = 200

/** Worker processes, each started again when it dies, as a supervisor of a machine does. */
export class Crew {
  /** Workers that died without being asked to. */
  deaths = 0
  /** What every one of them said to stderr, the dead included. */
  readonly words: string[] = []
  #workers: Command[] = []
  #closed = false

  constructor(
    private readonly count: number,
    private readonly startWorker: () => Command,
  ) {}

  get workers(): readonly Command[] {
    return this.#workers
  }

  start(): this {
    this.#closed = false
    this.#workers = Array.from({ length: this.count }, () => this.#launch())
    return this
  }

  /** One that has started to work, where there is one. */
  random(): Command {
    const started = this.#workers.filter(worker => worker.stderr().includes('batch done'))
    const among = started.length > 0 ? started : this.#workers
    return among[Math.floor(Math.random() * among.length)]!
  }

  /** SIGTERM to all of them. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    this.#closed = true
    const ended = await Promise.all(this.#workers.map(worker => worker.stop()))
    return ended.map(({ code }) => code)
  }

  /** SIGTERM to one of them, which is not started again. */
  async retire(worker: Command): Promise<number | null> {
    this.#workers = this.#workers.filter(other => other !== worker)
    return (await worker.stop()).code
  }

  async kill(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#workers.map(worker => worker.kill()))
  }

  #launch(): Command {
    const worker = this.startWorker()
    void worker.ended.then(async ({ stderr }) => {
      this.words.push(stderr)
      if (this.#closed) return
      if (!this.#workers.includes(worker)) return
      this.deaths++
      await pause(RESTART_MS)
      const place = this.#workers.indexOf(worker)
      if (!this.#closed && place >= 0) this.#workers[place] = this.#launch()
    })
    return worker
  }
}
