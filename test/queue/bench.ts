import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ConsumeOptions, Consumer, Handle } from '../../src/domain/ports/queue.js'
import type { BullmqQueue } from '../../src/queue/bullmq-queue.js'
import { until } from '../support/until.js'
import { openQueue, type QueueServer, startTypeScript } from './backends.js'
import type { ConsumerOptions } from './consumers.js'

/** No lock expires on a machine that is busy with other things, where a test is not about that. */
const LOCK_MS = 30_000
export const SHORT_LOCK_MS = 1000

/** What the tests of the contract work with: a server, and for each test a queue of its own on it. */
export class QueueBench {
  server!: QueueServer
  queue!: BullmqQueue
  /** What consumers were told of. */
  errors: Error[] = []
  #name = ''
  readonly #children: ChildProcess[] = []

  async beforeEach(): Promise<void> {
    this.#name = `test-${randomUUID().slice(0, 8)}`
    this.errors = []
    this.queue = await this.open()
  }

  async afterEach(): Promise<void> {
    await Promise.all(this.#children.splice(0).map(kill))
    await this.queue.close()
  }

  /** Another client of the same queue. */
  open(options: { attempts?: number; backoffMs?: number } = {}): Promise<BullmqQueue> {
    return openQueue(this.server.address, { name: this.#name, attempts: 3, backoffMs: 20, ...options })
  }

  consume(handle: Handle, options: Partial<ConsumeOptions> = {}, from = this.queue): Promise<Consumer> {
    const onError = (error: Error) => this.errors.push(error)
    return from.consume(handle, { concurrency: 2, lockMs: LOCK_MS, onError, ...options })
  }

  /** A process with a consumer, see `consumers.ts`. */
  async startConsumer(
    what: 'consumeForever' | 'consumeAll' | 'consumeOneAndClose' | 'consumeOnceContinued',
    lockMs = SHORT_LOCK_MS,
  ): Promise<{ child: ChildProcess; line: string }> {
    const options: ConsumerOptions = { address: this.server.address, name: this.#name, lockMs }
    const started = await startTypeScript('consumers.ts', what, options)
    this.#children.push(started.child)
    return started
  }

  /** Waits until nothing is waiting, active or delayed. */
  settled(): Promise<void> {
    return until('the queue is empty', async () => {
      const { waiting, active, delayed } = await this.queue.counts()
      return waiting + active + delayed === 0
    }).then(() => {})
  }
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
