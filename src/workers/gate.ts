import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { SERVICES, type Service } from './outage.js'

const SECOND = 1000
const FIRST_PAUSE_MS = SECOND / 2
const MAX_PAUSE_MS = 10 * SECOND
/** What has not answered a probe by then is away. Two of S3's tries, a disk that spins up. */
const PROBE_TIMEOUT_MS = 6 * SECOND
/** So many copies that fail, and none in between that does not, are no whim of single keys, whatever the probe says. */
const FAILURES_IN_A_ROW = 3

/** Resolves when the service answers, rejects when it does not. */
export type Probe = () => Promise<unknown>

const NAMES: Record<Service, string> = {
  database: 'the database',
  queue: 'the queue',
  store: 'the object store',
}

/**
 * Open while everything that a worker needs is there. While something is away no work is begun, so that images are not
 * fetched in vain; probes with a pause that doubles find out when it is back.
 */
export class Gate {
  readonly #watches: Record<Service, Watch>
  readonly #closing = new AbortController()
  readonly #waiting = new Set<() => void>()

  constructor(probes: Record<Service, Probe>, logger: Pick<Logger, 'info' | 'warn'>) {
    const onChange = (watch: Watch) => {
      const name = NAMES[watch.service]
      if (watch.trouble !== null) logger.warn({ trouble: watch.trouble }, `${name} is away; nothing new is begun`)
      else logger.info(`${name} is back`)
      if (this.trouble === null) for (const goOn of this.#waiting) goOn()
    }
    const watch = (service: Service) => new Watch(service, probes[service], this.#closing.signal, onChange)
    this.#watches = { database: watch('database'), queue: watch('queue'), store: watch('store') }
  }

  /** What is away and why, for people; null: nothing. */
  get trouble(): string | null {
    const troubles = SERVICES.flatMap(service => {
      const { trouble } = this.#watches[service]
      return trouble === null ? [] : [`${NAMES[service]} is away: ${trouble}`]
    })
    return troubles.length > 0 ? troubles.join('; ') : null
  }

  isAway(service: Service): boolean {
    return this.#watches[service].trouble !== null
  }

  /** Something that needs the service was refused. @param what that which was refused, to tell one from many */
  failed(service: Service, error: unknown, what: string = service): void {
    this.#watches[service].failed(error, what)
  }

  worked(service: Service): void {
    this.#watches[service].worked()
  }

  /** Asks every service, and waits for the answers. */
  async probe(): Promise<void> {
    await Promise.all(SERVICES.map(service => this.#watches[service].probe()))
  }

  /** Resolves once it is known whether a service that refused something is away. */
  async verdict(service: Service): Promise<void> {
    await this.#watches[service].probing
  }

  /** Waits until nothing is away, at most so long. @returns whether that is so. Rejects with the signal's reason */
  async pass(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    if (this.trouble === null) return true
    const done = new AbortController()
    const goOn = () => done.abort()
    this.#waiting.add(goOn)
    try {
      await pause(timeoutMs, undefined, { signal: AbortSignal.any([signal, done.signal]) })
    } catch {
      signal.throwIfAborted()
    } finally {
      this.#waiting.delete(goOn)
    }
    return this.trouble === null
  }

  close(): void {
    this.#closing.abort()
  }
}

/** One service: well, or away and asked now and then whether it is back. */
class Watch {
  /** Why it is away; null: it is not. */
  trouble: string | null = null
  /** The probe under way. */
  probing: Promise<void> | undefined
  #pauseMs = FIRST_PAUSE_MS
  /** Back, but nothing has been done with it since: at the first refusal it is away again. */
  #onProbation = false
  readonly #refused = new Set<string>()

  constructor(
    readonly service: Service,
    private readonly ask: Probe,
    private readonly closing: AbortSignal,
    private readonly onChange: (watch: Watch) => void,
  ) {}

  /** The database and the queue are asked for long before they are given up; a store may refuse one key and take others. */
  failed(error: unknown, what: string): void {
    if (this.trouble !== null) return
    this.#refused.add(what)
    if (this.service !== 'store' || this.#onProbation || this.#refused.size >= FAILURES_IN_A_ROW) this.#leave(error)
    else void this.probe()
  }

  worked(): void {
    if (this.trouble !== null) return
    this.#refused.clear()
    this.#onProbation = false
    this.#pauseMs = FIRST_PAUSE_MS
  }

  /** One at a time. */
  probe(): Promise<void> {
    this.probing ??= this.#probe().finally(() => {
      this.probing = undefined
    })
    return this.probing
  }

  async #probe(): Promise<void> {
    const error = await this.#answer()
    if (error !== null && this.trouble === null) this.#leave(error)
  }

  /** @returns null when the service answered in time */
  async #answer(): Promise<unknown> {
    const done = new AbortController()
    const late = pause(PROBE_TIMEOUT_MS, new Error(`no answer within ${PROBE_TIMEOUT_MS / SECOND} s`), {
      signal: AbortSignal.any([done.signal, this.closing]),
    })
    try {
      return await Promise.race([this.ask().then(() => null), late])
    } catch (error) {
      return error
    } finally {
      late.catch(() => {})
      done.abort()
    }
  }

  #leave(error: unknown): void {
    if (this.closing.aborted) return
    this.trouble = error instanceof Error ? error.message : String(error)
    this.onChange(this)
    void this.#untilBack()
  }

  async #untilBack(): Promise<void> {
    try {
      do {
        await pause(this.#pauseMs * (0.5 + Math.random() / 2), undefined, { signal: this.closing })
        this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
      } while ((await this.#answer()) !== null)
    } catch {
      return
    }
    if (this.closing.aborted) return
    this.trouble = null
    this.#onProbation = true
    this.#refused.clear()
    this.onChange(this)
  }
}
