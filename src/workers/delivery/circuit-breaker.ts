import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Backoff, backoffMs } from '../../domain/backoff.js'
import { PhotoError } from '../../domain/errors.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import { holdsWork, outageOf, SERVICES, type Service } from './outage.js'

const BACKOFF: Backoff = { firstMs: SECOND / 2, maxMs: 10 * SECOND, jitter: 0.5 }
/**
 * A service that has not answered a probe within this time is away. Covers two tries of S3 and a disk that spins up.
 */
const PROBE_TIMEOUT_MS = 6 * SECOND
/** After this many consecutive failures the store counts as down, whatever the probe says. */
const FAILURES_TO_OPEN = 3

/** Resolves when the service answers; rejects otherwise. */
export type Probe = () => Promise<unknown>

const NAMES: Record<Service, string> = {
  database: 'the database',
  queue: 'the queue',
  store: 'the object store',
  network: 'the network',
}

/** Where the server is, in a message about the database or about the queue. */
const PLACE = /^The (?:database|queue) at (?:postgres:\/\/)?(\S+) /

/**
 * A circuit breaker over the services that a worker needs. While one circuit is open the worker begins nothing, so
 * that it downloads no image in vain. Per service:
 *
 *     closed ── failures, or a failed probe ──> open ── a probe succeeds ──> half-open ── success ──> closed
 *        ^                                       ^                              │
 *        └── a successful call resets the count  └────── one failure ───────────┘
 *
 * A call of {@link insist} waits for its service. One of those that wait is tried after each successful probe, and only
 * its success closes the circuit: a full disk may take a small probe and refuse everything else.
 *
 * The database and the queue open their circuit at the first failure: their clients have retried for long by then. An
 * object store may refuse one key and take others, so its circuit opens after a failed probe or several failures in a
 * row; a refusal for good counts only if the store refuses a probe too. The failure of one host says little about the
 * network, so only a failed probe opens its circuit, and it holds only photos that come from hosts. While a circuit is open, probes with exponential backoff look for the service.
 */
export class CircuitBreaker {
  readonly #circuits: Record<Service, ServiceCircuit>
  readonly #closing = new AbortController()
  readonly #waiting = new Set<() => void>()

  constructor(probes: Record<Service, Probe>, logger: Pick<Logger, 'info' | 'warn'>) {
    const onChange = (circuit: ServiceCircuit) => {
      const name = NAMES[circuit.service]
      if (circuit.trouble !== null)
        logger.warn(
          { trouble: circuit.trouble },
          `${name} is away; ${circuit.holdsWork ? 'nothing new is begun' : circuit.service === 'network' ? 'photos of hosts wait' : 'work goes on'}`,
        )
      else logger.info(`${name} is back`)
      if (circuit.trouble === null || !circuit.holdsWork) for (const proceed of this.#waiting) proceed()
    }
    const circuit = (service: Service) => new ServiceCircuit(service, probes[service], this.#closing.signal, onChange)
    this.#circuits = {
      database: circuit('database'),
      queue: circuit('queue'),
      store: circuit('store'),
      network: circuit('network'),
    }
  }

  /** Names the services that are away and why, for people; null: none. A server of two services is named once. */
  get trouble(): string | null {
    const away = new Map<string, { names: string[]; why: string }>()
    for (const service of SERVICES) {
      const why = this.#circuits[service].trouble
      if (why === null) continue
      const server = PLACE.exec(why)?.[1] ?? why
      const same = away.get(server)
      if (same) same.names.push(NAMES[service])
      else away.set(server, { names: [NAMES[service]], why })
    }
    const troubles = [...away.values()].map(
      ({ names, why }) => `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} away: ${why}`,
    )
    return troubles.length > 0 ? troubles.map(withoutStop).join('; ') + stopOf(troubles.at(-1)!) : null
  }

  /** Whether new work should wait: a service is away without which it would be in vain. */
  get holdsWork(): boolean {
    return SERVICES.some(service => this.#circuits[service].trouble !== null && this.#circuits[service].holdsWork)
  }

  isOpen(service: Service): boolean {
    return this.#circuits[service].trouble !== null
  }

  /** Records a failed call. @param key identifies the failed object, so that repeated failures of one key count once */
  recordFailure(service: Service, error: unknown, what: string = service): void {
    this.#circuits[service].recordFailure(error, what)
  }

  recordSuccess(service: Service): void {
    this.#circuits[service].recordSuccess()
  }

  /**
   * Runs a repeatable call; while the service is away, again after each successful probe, until it succeeds or fails
   * for another reason. So what was computed for it is not lost. Rejects with the signal's reason.
   */
  insist<T>(service: Service, call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#circuits[service].insist(call, signal)
  }

  /** Probes every service and waits for the results. */
  async probe(): Promise<void> {
    await Promise.all(SERVICES.map(service => this.#circuits[service].probe()))
  }

  /** Resolves when no probe of the service is under way. */
  async waitForProbe(service: Service): Promise<void> {
    await this.#circuits[service].probing
  }

  /** Whether work should wait: a service is away that it needs. @param needsNetwork whether all photos come from hosts */
  holds(needsNetwork: boolean): boolean {
    return this.holdsWork || (needsNetwork && this.isOpen('network'))
  }

  /**
   * Waits until no open circuit holds the work, at most `timeoutMs`. @returns whether none does. Rejects with the signal's
   * reason
   */
  async waitUntilClosed(timeoutMs: number, signal: AbortSignal, needsNetwork = false): Promise<boolean> {
    signal.throwIfAborted()
    const endsAt = performance.now() + timeoutMs
    while (this.holds(needsNetwork) && performance.now() < endsAt) {
      const done = new AbortController()
      const proceed = () => done.abort()
      const either = anySignal([signal, done.signal])
      this.#waiting.add(proceed)
      try {
        await pause(endsAt - performance.now(), undefined, { signal: either })
      } catch {
        signal.throwIfAborted()
      } finally {
        either.clear()
        this.#waiting.delete(proceed)
      }
    }
    return !this.holds(needsNetwork)
  }

  close(): void {
    this.#closing.abort()
  }
}

/** The circuit of one service, see {@link CircuitBreaker}. */
class ServiceCircuit {
  /** Why the circuit is open; null: it is closed or half-open. */
  trouble: string | null = null
  /** Whether new work waits while the circuit is open. */
  holdsWork = true
  /** The probe that is under way. */
  probing: Promise<void> | undefined
  /** Failed probes since the last successful call. */
  #failedProbes = 0
  /** Half-open: a probe succeeded but no call has. The next failure opens the circuit again. */
  #isHalfOpen = false
  readonly #failedKeys = new Set<string>()
  /** Calls that wait for the service. Each resolves to whether the service answered. */
  readonly #waiting = new Set<() => Promise<boolean>>()

  constructor(
    readonly service: Service,
    private readonly ask: Probe,
    private readonly closing: AbortSignal,
    private readonly onChange: (circuit: ServiceCircuit) => void,
  ) {}

  /** Opens the circuit, or has a store probed first: it may refuse one key and take others. */
  recordFailure(error: unknown, what: string): void {
    if (this.trouble !== null) return
    if (this.service === 'network' || (error instanceof PhotoError && !error.retryable)) return void this.probe()
    this.#failedKeys.add(what)
    if (this.service !== 'store' || this.#isHalfOpen || this.#failedKeys.size >= FAILURES_TO_OPEN) this.#open(error)
    else void this.probe()
  }

  recordSuccess(): void {
    if (this.trouble !== null) return
    this.#failedKeys.clear()
    this.#isHalfOpen = false
    this.#failedProbes = 0
  }

  insist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(attempt)
        reject(signal.reason)
      }
      const attempt = async (): Promise<boolean> => {
        this.#waiting.delete(attempt)
        const outcome = await call().then(
          value => () => resolve(value),
          error => {
            if (outageOf(error) !== this.service) return () => reject(error)
            if (!signal.aborted) this.#waiting.add(attempt)
            this.recordFailure(error, this.service)
            return null
          },
        )
        if (outcome === null) return false
        signal.removeEventListener('abort', onAbort)
        outcome()
        this.recordSuccess()
        return true
      }
      if (signal.aborted) return reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      if (this.trouble === null) void attempt()
      else this.#waiting.add(attempt)
    })
  }

  /** Runs one probe at a time. */
  probe(): Promise<void> {
    this.probing ??= this.#probe().finally(() => {
      this.probing = undefined
    })
    return this.probing
  }

  async #probe(): Promise<void> {
    const error = await this.#answer()
    if (error !== null && this.trouble === null) this.#open(error)
  }

  /** @returns null when the service answered in time */
  async #answer(): Promise<unknown> {
    const done = new AbortController()
    const either = anySignal([done.signal, this.closing])
    const late = pause(PROBE_TIMEOUT_MS, new Error(`no answer within ${PROBE_TIMEOUT_MS / SECOND} s`), {
      signal: either,
    })
    try {
      return await Promise.race([this.ask().then(() => null), late])
    } catch (error) {
      return error
    } finally {
      late.catch(() => {})
      done.abort()
      either.clear()
    }
  }

  #open(error: unknown): void {
    if (this.closing.aborted) return
    this.#learn(error)
    this.onChange(this)
    void this.#probeUntilBack()
  }

  #learn(error: unknown): void {
    this.trouble = errorMessage(error)
    this.holdsWork = this.service !== 'network' && holdsWork(error)
  }

  async #probeUntilBack(): Promise<void> {
    let isBack: boolean | 'proven' = false
    try {
      while (!isBack) {
        await pause(backoffMs(this.#failedProbes++, BACKOFF), undefined, { signal: this.closing })
        const error = await this.#answer()
        if (error === null) isBack = await this.#tryOneWaiting()
        else if (!this.closing.aborted) this.#learn(error)
      }
    } catch {
      return
    }
    if (this.closing.aborted) return
    this.trouble = null
    this.#isHalfOpen = true
    this.#failedKeys.clear()
    if (isBack === 'proven' || this.service === 'network') this.recordSuccess()
    this.onChange(this)
    for (const attempt of [...this.#waiting]) void attempt()
  }

  /** @returns true without a call that waits */
  async #tryOneWaiting(): Promise<boolean | 'proven'> {
    const [attempt] = this.#waiting
    return attempt === undefined || ((await attempt()) && 'proven')
  }
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '')
}

function stopOf(sentence: string): string {
  return sentence.endsWith('.') ? '.' : ''
}
