import { HostPausedError, PhotoError } from '../domain/errors.js'
import { HostPause, type RateLimiter } from '../domain/ports/rate-limiter.js'
import { HOUR } from '../domain/units.js'
import { type Permit, Semaphore } from './semaphore.js'

const SWEEP_AT = 1024
/** After this many time-outs in a row a host counts as silent. */
const TIMEOUTS_TO_PAUSE = 4
/** How long the photos of a host that only asks for pauses are postponed before that counts as their failure. */
const PAUSED_PATIENCE_MS = 6 * HOUR
/** The same for a host that does not answer at all. */
const SILENT_PATIENCE_MS = HOUR

interface Host {
  semaphore: Semaphore
  /** Requests that hold or await a permit. */
  users: number
  /** End of the pause that the host asked for, in ms since the epoch; 0: none. */
  pausedUntil: number
  /** Time-outs since its last answer. */
  timeouts: number
  /** End of the pause after these, in ms since the epoch; 0: none. */
  silentUntil: number
  /** When it last served a request, in ms since the epoch; 0: never. */
  servedAt: number
}

export interface HostsOptions {
  /** Concurrent requests. */
  concurrency: number
  /** Concurrent requests to one host. */
  hostConcurrency: number
  /** Deadline of a request. A silent host is paused for twice as long. */
  timeoutMs: number
  rateLimiter?: RateLimiter
}

/**
 * Limits per host: concurrent requests, a rate over all processes, and pauses. Nothing waits for the end of a pause:
 * requests to a paused host are refused at once, also those that wait already. Per host:
 *
 *     open ── Retry-After, or another process was told so ──> paused ── its time is over ──> open
 *     open ── 4 time-outs in a row ──> silent ── its time is over ──> one request at a time ── an answer ──> open
 *                                         ^                                   │
 *                                         └──────────── time-out ─────────────┘
 *
 * In addition, a limit over all hosts. A request that waits for its host holds no permit of the total, and a request with
 * a permit of the total waits for nothing, so requests cannot deadlock.
 */
export class Hosts {
  /** Permits of requests that bring none of their own. */
  readonly total: Semaphore
  readonly #hosts = new Map<string, Host>()
  readonly #options: HostsOptions
  #sweepAt = SWEEP_AT

  constructor(options: HostsOptions) {
    this.#options = options
    this.total = new Semaphore(options.concurrency)
  }

  /**
   * Waits until a request to this host may start, and takes the permit last.
   * @returns a function to call at the end of the request; it leaves the permit
   * @throws HostPausedError; the signal's reason, when it is aborted first
   */
  async enter(name: string, signal: AbortSignal, permit: Permit): Promise<() => void> {
    const host = this.#host(name)
    assertOpen(this.#paused(name, host))
    host.users++
    let releaseHost = () => {}
    try {
      releaseHost = await host.semaphore.acquire(signal)
      await this.#options.rateLimiter?.acquire(name, signal)
      await permit.take(signal)
      assertOpen(this.#paused(name, host, host.users - 1))
      return () => {
        releaseHost()
        host.users--
      }
    } catch (error) {
      permit.give()
      releaseHost()
      host.users--
      if (!(error instanceof HostPause)) throw error
      this.#pauseHere(name, host, error.ms)
      throw this.#askedToWait(name, host, error.ms)
    }
  }

  /** Refuses requests to this host for a while, also those of other processes once they know. */
  pause(name: string, ms: number): void {
    this.#pauseHere(name, this.#host(name), ms)
    void this.#options.rateLimiter?.pause(name, ms)
  }

  /** Records how a request ended: `refused` is any answer that is no success. */
  record(name: string, outcome: 'served' | 'refused' | 'timed out'): void {
    const host = this.#host(name)
    if (outcome === 'served') host.servedAt = Date.now()
    host.timeouts = outcome === 'timed out' ? host.timeouts + 1 : 0
    host.silentUntil = host.timeouts < TIMEOUTS_TO_PAUSE ? 0 : Date.now() + 2 * this.#options.timeoutMs
    if (host.silentUntil > 0) this.#refuseWaiting(name, host)
  }

  /** Asks silent hosts again. */
  forgetTimeouts(): void {
    for (const host of this.#hosts.values()) host.timeouts = host.silentUntil = 0
  }

  /** Returns what a request to this host would be refused with now; null: nothing. */
  pausedFor(name: string): HostPausedError | null {
    const host = this.#hosts.get(name)
    return host === undefined ? null : this.#paused(name, host)
  }

  /** Returns what requests to the paused hosts would be refused with now. */
  allPaused(): HostPausedError[] {
    return [...this.#hosts].flatMap(([name, host]) => this.#paused(name, host) ?? [])
  }

  #paused(name: string, host: Host, others = host.users): HostPausedError | null {
    const { timeoutMs } = this.#options
    const now = Date.now()
    const pausedMs = host.pausedUntil - now
    if (pausedMs > 0) return this.#askedToWait(name, host, pausedMs)
    const isTrying = host.timeouts >= TIMEOUTS_TO_PAUSE && others > 0
    const silentMs = host.silentUntil > now ? host.silentUntil - now : isTrying ? timeoutMs : 0
    if (silentMs === 0) return null
    const message = `${name}: not asked, because ${host.timeouts} requests in a row were not complete after ${timeoutMs} ms`
    return this.#refusal(name, host, silentMs, SILENT_PATIENCE_MS, 'TIMEOUT', message)
  }

  #askedToWait(name: string, host: Host, ms: number): HostPausedError {
    const message = `${name}: not asked, because it asked for a pause of another ${seconds(ms)}`
    return this.#refusal(name, host, ms, PAUSED_PATIENCE_MS, 'HOST_PAUSED', message)
  }

  #refusal(
    name: string,
    { servedAt }: Host,
    ms: number,
    patienceMs: number,
    code: 'HOST_PAUSED' | 'TIMEOUT',
    message: string,
  ): HostPausedError {
    // A host that serves some requests between its pauses will serve them all.
    const patience = Date.now() - servedAt < patienceMs ? Number.POSITIVE_INFINITY : patienceMs
    return new HostPausedError(name, ms, patience, new PhotoError(code, message, { retryAfterMs: ms }))
  }

  #pauseHere(name: string, host: Host, ms: number): void {
    host.pausedUntil = Math.max(host.pausedUntil, Date.now() + ms)
    this.#refuseWaiting(name, host)
  }

  #refuseWaiting(name: string, host: Host): void {
    const refusal = this.#paused(name, host)
    if (refusal !== null) host.semaphore.refuseWaiters(refusal)
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      if (this.#hosts.size >= this.#sweepAt) this.#sweep()
      const semaphore = new Semaphore(this.#options.hostConcurrency)
      host = { semaphore, users: 0, pausedUntil: 0, timeouts: 0, silentUntil: 0, servedAt: 0 }
      this.#hosts.set(name, host)
    }
    return host
  }

  /** Removes unused hosts: a crawl of a million hosts must not grow this map without limit. */
  #sweep(): void {
    for (const [name, host] of this.#hosts)
      if (host.users === 0 && this.#paused(name, host) === null) this.#hosts.delete(name)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#hosts.size)
  }
}

function assertOpen(refusal: HostPausedError | null): void {
  if (refusal !== null) throw refusal
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
