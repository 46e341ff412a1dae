import { type Backoff, backoffMs } from '../../domain/backoff.js'
import { AppError, DATABASE_OUTAGES } from '../../domain/errors.js'
import { MINUTE, SECOND } from '../../domain/units.js'
import { type OnWait, throwIfStopped, waitUnlessStopped } from './wait-reason.js'

const BACKOFF: Backoff = { firstMs: SECOND / 2, maxMs: 10 * SECOND }
/** A call that takes longer is reported: the repositories retry for a while before they reject. */
const SILENCE_MS = 5 * SECOND
/** Time for a call under way to end after a stop is requested. */
const SHUTDOWN_GRACE_MS = 2 * SECOND

export interface RetryingProxyOptions {
  onWait: OnWait
  signal?: AbortSignal
  /** How long a server may be away before the command fails. */
  limitMs?: number
}

/**
 * Repeats calls while the database or the queue is away, since a producer works for hours, and stops when the signal
 * is aborted. Only idempotent calls may be repeated, as all calls of the ports are.
 */
export class RetryingProxy {
  readonly #onWait: OnWait
  readonly #signal: AbortSignal | undefined
  readonly #limitMs: number
  /** Calls that wait for their server. The wait is over when the last of them ends. */
  readonly #waiting = new Set<symbol>()

  constructor({ onWait, signal, limitMs = 10 * MINUTE }: RetryingProxyOptions) {
    this.#onWait = onWait
    this.#signal = signal
    this.#limitMs = limitMs
  }

  /** The same object with retried calls. Streams are not retried, only stopped: see {@link stream}. */
  wrap<T extends object>(target: T, server: string): T {
    return new Proxy(target, {
      get: (_, name) => {
        const member = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => {
          const given = member.apply(target, args)
          if (given instanceof Promise) return this.#through(given, () => member.apply(target, args), server)
          return Symbol.asyncIterator in given ? this.#stream(given, server) : given
        }
      },
    })
  }

  async #through<T>(first: Promise<T>, again: () => Promise<T>, server: string): Promise<T> {
    const id = Symbol(server)
    let call = first
    let failedAt: number | undefined
    try {
      for (let failures = 0; ; failures++) {
        try {
          return await this.#unlessStopped(call, server, id)
        } catch (error) {
          if (!isAway(error)) throw error
          failedAt ??= Date.now()
          if (Date.now() - failedAt > this.#limitMs) throw error
          this.#wait(id, `${error.message} Trying again until it is back.`)
        }
        await waitUnlessStopped(backoffMs(failures, BACKOFF), this.#signal)
        throwIfStopped(this.#signal)
        call = again()
      }
    } finally {
      this.#waiting.delete(id)
    }
  }

  /** Ends with the first failing page. */
  async *#stream<T>(pages: AsyncIterable<T>, server: string): AsyncGenerator<T> {
    const iterator = pages[Symbol.asyncIterator]()
    const id = Symbol(server)
    try {
      for (;;) {
        const { done, value } = await this.#unlessStopped(iterator.next(), server, id)
        if (done) return
        yield value
      }
    } finally {
      this.#waiting.delete(id)
      // Not awaited: a page may be under way on a server that is away.
      iterator.return?.().catch(() => {})
    }
  }

  /** Tells that the wait of a call is over as soon as its server answers, with whatever. */
  async #unlessStopped<T>(call: Promise<T>, server: string, id: symbol): Promise<T> {
    const seconds = SILENCE_MS / SECOND
    const silence = setTimeout(
      () => this.#wait(id, `No answer from the ${server} for ${seconds} s; waiting for it.`),
      SILENCE_MS,
    )
    try {
      const result = await this.#orStop(call)
      this.#goOn(id)
      return result
    } catch (error) {
      if (!isAway(error) && !isStop(error)) this.#goOn(id)
      throw error
    } finally {
      clearTimeout(silence)
    }
  }

  #wait(id: symbol, message: string): void {
    this.#waiting.add(id)
    this.#onWait({ kind: 'away', message })
  }

  #goOn(id: symbol): void {
    if (this.#waiting.delete(id) && this.#waiting.size === 0) this.#onWait(null)
  }

  async #orStop<T>(call: Promise<T>): Promise<T> {
    const signal = this.#signal
    let onAbort = () => {}
    let parting: NodeJS.Timeout | undefined
    const stopped = new Promise<never>((_, reject) => {
      onAbort = () => {
        parting = setTimeout(() => {
          call.catch(() => {})
          try {
            throwIfStopped(signal)
          } catch (error) {
            reject(error as Error)
          }
        }, SHUTDOWN_GRACE_MS)
      }
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([call, stopped])
    } finally {
      clearTimeout(parting)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

const AWAY: ReadonlySet<string> = new Set([...DATABASE_OUTAGES, 'QUEUE_FULL', 'QUEUE_UNREACHABLE'])

function isAway(error: unknown): error is AppError {
  return error instanceof AppError && AWAY.has(error.code)
}

function isStop(error: unknown): boolean {
  return error instanceof AppError && error.code === 'INTERRUPTED'
}
