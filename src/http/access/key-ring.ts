import pLimit from 'p-limit'
import { type ApiKey, digestOf, looksLikeKey } from '../../domain/api-key.js'
import { RequestError } from '../../domain/errors.js'
import { MINUTE, SECOND } from '../../domain/units.js'
import { FailedAttempts } from './attempts.js'

/** How long a key is trusted without a look into the database, so that a revoked one is refused soon. */
const TRUSTED_MS = 2 * SECOND
/** Keys that are remembered. */
const MAX_KNOWN = 1000
const LOOKUPS = 2
const MAX_WAITING_LOOKUPS = 100

/** Where keys are. */
export interface KeyStore {
  /** @returns null for a key that does not exist, is expired or revoked */
  find(digest: Buffer): Promise<ApiKey | null>
  used(id: string): Promise<void>
}

interface Known {
  key: ApiKey
  checkedAt: number
  notedAt: number
}

/**
 * Checks keys. A valid key costs one statement every two seconds; wrong ones are limited per address, before the
 * database is asked. A key that was valid lately is asked for also while its address is limited, so that guesses behind
 * the same proxy lock nobody out.
 */
export class KeyRing {
  readonly #known = new Map<string, Known>()
  readonly #attempts: FailedAttempts
  readonly #lookups = pLimit(LOOKUPS)

  /** @param wrongPerMinute wrong keys of one address within a minute */
  constructor(
    private readonly store: KeyStore,
    private readonly wrongPerMinute: number,
    private readonly onNoteFailed: (error: unknown) => void,
  ) {
    this.#attempts = new FailedAttempts(wrongPerMinute)
  }

  /**
   * @param field where the request has the key
   * @throws RequestError KEY_INVALID, RATE_LIMITED, OVERLOADED; AppError of the database
   */
  async check(text: string, address: string, field = 'headers.authorization'): Promise<ApiKey> {
    const digest = digestOf(text)
    const name = digest.toString('base64')
    const known = this.#known.get(name)
    if (known && isTrusted(known)) return known.key
    if (!known) this.#begin(address)
    const key = looksLikeKey(text) ? await this.#find(digest) : null
    if (key === null) {
      if (this.#known.delete(name)) this.#begin(address)
      throw new RequestError('KEY_INVALID', 'The key does not exist, is expired or was revoked.', {
        field,
        action: 'Ask the operator for a key: unsplash-clip keys create NAME.',
      })
    }
    if (!known) this.#attempts.undo(address)
    this.#remember(name, key, known?.notedAt ?? 0)
    return key
  }

  /**
   * A key that was checked before, as it is now.
   * @returns null when it is expired or revoked @throws RequestError OVERLOADED; AppError of the database
   */
  async recheck(digest: Buffer): Promise<ApiKey | null> {
    const name = digest.toString('base64')
    const known = this.#known.get(name)
    if (known && isTrusted(known)) return known.key
    const key = await this.#find(digest)
    if (key === null) this.#known.delete(name)
    else this.#remember(name, key, known?.notedAt ?? 0)
    return key
  }

  #begin(address: string): void {
    const seconds = this.#attempts.begin(address)
    if (seconds === null) return
    throw new RequestError('RATE_LIMITED', 'Too many wrong keys came from this address.', {
      expected: `at most ${this.wrongPerMinute} wrong keys per minute`,
      action: `Try again after ${seconds} s.`,
      retryAfterSeconds: seconds,
    })
  }

  #find(digest: Buffer): Promise<ApiKey | null> {
    if (this.#lookups.pendingCount >= MAX_WAITING_LOOKUPS)
      throw new RequestError('OVERLOADED', 'The server is busy: other keys are being checked.', {
        retryAfterSeconds: 1,
      })
    return this.#lookups(() => this.store.find(digest))
  }

  #remember(name: string, key: ApiKey, notedAt: number): void {
    const now = Date.now()
    const isDue = now - notedAt >= MINUTE
    if (this.#known.size >= MAX_KNOWN && !this.#known.has(name)) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(name, { key, checkedAt: now, notedAt: isDue ? now : notedAt })
    // A user who may not write serves all the same.
    if (isDue) this.store.used(key.id).catch(this.onNoteFailed)
  }
}

const isTrusted = ({ checkedAt }: Known) => Date.now() - checkedAt < TRUSTED_MS
