import { AppError } from '../domain/errors.js'
import { type OnHold, throwIfStopped, waitUnlessStopped } from './hold.js'

const SECOND = 1000
const MINUTE = 60 * SECOND

const FIRST_PAUSE_MS = SECOND / 2
const LONGEST_PAUSE_MS = 10 * SECOND
/** An answer that takes longer is told: the repository tries for a while by itself to reach its server. */
const SILENCE_MS = 5 * SECOND
/** What is under way when a stop is asked for may still end in order. */
const PARTING_MS = 2 * SECOND

export interface PatienceOptions {
  onHold: OnHold
  signal?: AbortSignal
  /** How long a server may be away before the command fails. */
  limitMs?: number
}

/**
 * A producer works for hours: it goes on when the database or the queue has been away for a while, and can be stopped
 * meanwhile. What it repeats must bear repetition, as all calls of the ports do.
 */
export class Patience {
  readonly #onHold: OnHold
  readonly #signal: AbortSignal | undefined
  readonly #limitMs: number

  constructor({ onHold, signal, limitMs = 10 * MINUTE }: PatienceOptions) {
    this.#onHold = onHold
    this.#signal = signal
    this.#limitMs = limitMs
  }

  /** The same object, its calls repeated while its server is away. Streams only learn to stop: see {@link stream}. */
  with<T extends object>(target: T, server: string): T {
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
    let call = first
    let failedAt: number | undefined
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        const result = await this.#unlessStopped(call, server)
        if (failedAt !== undefined) this.#onHold(null)
        return result
      } catch (error) {
        if (!isAway(error)) throw error
        failedAt ??= Date.now()
        if (Date.now() - failedAt > this.#limitMs) throw error
        this.#onHold({ kind: 'away', message: `${error.message} Trying again until it is back.` })
      }
      await waitUnlessStopped(pauseMs, this.#signal)
      throwIfStopped(this.#signal)
      call = again()
    }
  }

  /** A page that fails ends the stream. */
  async *#stream<T>(pages: AsyncIterable<T>, server: string): AsyncGenerator<T> {
    const iterator = pages[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await this.#unlessStopped(iterator.next(), server)
        if (done) return
        yield value
      }
    } finally {
      // Not waited for: a page may be under way on a server that is away.
      iterator.return?.().catch(() => {})
    }
  }

  async #unlessStopped<T>(call: Promise<T>, server: string): Promise<T> {
    const signal = this.#signal
    let told = false
    const silence = setTimeout(() => {
      told = true
      const seconds = SILENCE_MS / SECOND
      this.#onHold({ kind: 'away', message: `No answer from the ${server} for ${seconds} s; waiting for it.` })
    }, SILENCE_MS)
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
        }, PARTING_MS)
      }
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([call, stopped])
    } finally {
      clearTimeout(silence)
      clearTimeout(parting)
      signal?.removeEventListener('abort', onAbort)
      if (told) this.#onHold(null)
    }
  }
}

function isAway(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'QUEUE_UNREACHABLE' || error.code === 'DATABASE_UNREACHABLE')
}
