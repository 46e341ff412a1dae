import { setTimeout as sleep } from 'node:timers/promises'
import type { RateLimiter } from '../domain/ports/rate-limiter.js'
import { Slots } from './slots.js'

const SWEEP_AT = 1024

interface Host {
  slots: Slots
  /** Requests that hold or want a slot, or wait for the pause to end. */
  users: number
  /** Moment until which the host has asked to be left alone, in ms since the epoch; 0: it has not. */
  pausedUntil: number
  /** The status with which it asked. */
  pausedBy: number
}

/**
 * Manners towards each host: so many requests at once and no more, none while it has asked for a pause, and so many a
 * second of all processes together. On top of that a limit over all hosts. A request that waits for its host holds no slot
 * of the total, and nobody who holds a slot of the total waits for anything, so requests cannot block each other for good.
 */
export class Hosts {
  readonly #hosts = new Map<string, Host>()
  readonly #total: Slots
  readonly #hostConcurrency: number
  readonly #rateLimiter: RateLimiter | undefined
  #sweepAt = SWEEP_AT

  constructor(options: { concurrency: number; hostConcurrency: number; rateLimiter?: RateLimiter }) {
    this.#total = new Slots(options.concurrency)
    this.#hostConcurrency = options.hostConcurrency
    this.#rateLimiter = options.rateLimiter
  }

  /**
   * Waits until a request to this host may start.
   * @returns to be called when the request is over
   * @throws the signal's reason, when it is aborted first
   */
  async enter(name: string, signal: AbortSignal): Promise<() => void> {
    const host = this.#host(name)
    host.users++
    let leaveSlot = () => {}
    try {
      leaveSlot = await host.slots.acquire(signal)
      for (;;) {
        await pauseOver(host, signal)
        await this.#rateLimiter?.acquire(name, signal)
        const leaveTotal = await this.#total.acquire(signal)
        if (pauseOf(host) === 0)
          return () => {
            leaveTotal()
            leaveSlot()
            host.users--
          }
        leaveTotal()
      }
    } catch (error) {
      leaveSlot()
      host.users--
      throw error
    }
  }

  /** Lets every further request to this host wait, those of other processes once they have heard of it. */
  pause(name: string, ms: number, status: number): void {
    const host = this.#host(name)
    host.pausedUntil = Math.max(host.pausedUntil, Date.now() + ms)
    host.pausedBy = status
    void this.#rateLimiter?.pause(name, ms)
  }

  /** What is left of a host's pause, and the status it came with; null when it may be asked now. */
  pausedFor(name: string): { ms: number; status: number } | null {
    const host = this.#hosts.get(name)
    const ms = host === undefined ? 0 : pauseOf(host)
    return host === undefined || ms === 0 ? null : { ms, status: host.pausedBy }
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      if (this.#hosts.size >= this.#sweepAt) this.#sweep()
      host = { slots: new Slots(this.#hostConcurrency), users: 0, pausedUntil: 0, pausedBy: 0 }
      this.#hosts.set(name, host)
    }
    return host
  }

  /** Forgets the hosts that nobody uses: a crawl of a million hosts must not grow this map without end. */
  #sweep(): void {
    for (const [name, host] of this.#hosts) if (host.users === 0 && pauseOf(host) === 0) this.#hosts.delete(name)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#hosts.size)
  }
}

function pauseOf(host: Host): number {
  return Math.max(0, host.pausedUntil - Date.now())
}

/** Waits while the host wants to be left alone; it may ask for more in the meantime. */
async function pauseOver(host: Host, signal: AbortSignal): Promise<void> {
  for (let ms = pauseOf(host); ms > 0; ms = pauseOf(host)) {
    try {
      await sleep(ms, undefined, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }
}
