import type { Queue } from '../domain/ports/queue.js'

const POLL_MS = 500

/** Polls until the queue has run out of work, then calls back once. Delayed photos count as work. */
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
      // The queue is away; the consumer reports it and resumes when it is back.
      return false
    }
  }
}
