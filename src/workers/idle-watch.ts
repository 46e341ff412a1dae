import type { Queue } from '../domain/ports/queue.js'

const POLL_MS = 500

/** Asks now and then whether the queue has run out of work, and says so once. Photos to be tried again later are work. */
export class IdleWatch {
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(
    private readonly queue: Pick<Queue, 'counts'>,
    private readonly onIdle: () => void,
  ) {
    void this.#look()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const isIdle = await this.#isIdle()
    if (this.#closed) return
    if (isIdle) this.onIdle()
    else this.#timer = setTimeout(() => void this.#look(), POLL_MS)
  }

  async #isIdle(): Promise<boolean> {
    try {
      const { waiting, active, delayed } = await this.queue.counts()
      return waiting + active + delayed === 0
    } catch {
      // The queue is away; the consumer tells of it, and goes on when it is back.
      return false
    }
  }
}
