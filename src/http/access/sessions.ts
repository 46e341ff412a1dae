import { createHash, randomBytes } from 'node:crypto'
import { type ApiKey, digestOf } from '../../domain/api-key.js'
import { HOUR } from '../../domain/units.js'
import type { KeyRing } from './key-ring.js'

export const SESSION_MS = 12 * HOUR
/** Sessions of all keys, and of one key, so that no key ends the sessions of all others. The oldest gives way. */
const MAX_SESSIONS = 1000
const MAX_OF_KEY = 20
const TOKEN_BYTES = 32
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/

interface Session {
  keyId: string
  /** Of the key, which is stored nowhere. */
  digest: Buffer
  expiresAt: number
}

export interface OpenedSession {
  /** 256 random bits. This object keeps a digest of them. */
  token: string
  key: ApiKey
  expiresAt: Date
}

/**
 * Sessions of pages, which cannot send a key with every request. A session can do what its key can, ends with it, after
 * twelve hours, and with this process.
 */
export class Sessions {
  /** By the digest of the token, the oldest first. */
  readonly #sessions = new Map<string, Session>()

  constructor(
    private readonly ring: KeyRing,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws RequestError KEY_INVALID, RATE_LIMITED, OVERLOADED; AppError of the database */
  async open(keyText: string, address: string): Promise<OpenedSession> {
    const key = await this.ring.check(keyText, address, 'body.key')
    this.#makeRoom(key.id)
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const expiresAt = Math.min(this.now() + SESSION_MS, key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY)
    this.#sessions.set(nameOf(token), { keyId: key.id, digest: digestOf(keyText), expiresAt })
    return { token, key, expiresAt: new Date(expiresAt) }
  }

  /** The key of a session; null: there is none, or it has ended. @throws as KeyRing.recheck */
  async keyOf(token: string): Promise<ApiKey | null> {
    const name = nameOf(token)
    const session = TOKEN_PATTERN.test(token) ? this.#sessions.get(name) : undefined
    if (!session) return null
    const key = session.expiresAt > this.now() ? await this.ring.recheck(session.digest) : null
    if (key === null) this.#sessions.delete(name)
    return key
  }

  /** @returns whether there was such a session */
  end(token: string): boolean {
    return this.#sessions.delete(nameOf(token))
  }

  #makeRoom(keyId: string): void {
    const now = this.now()
    for (const [name, { expiresAt }] of this.#sessions) if (expiresAt <= now) this.#sessions.delete(name)
    const ofKey = [...this.#sessions].filter(([, session]) => session.keyId === keyId)
    const oldest = ofKey.length >= MAX_OF_KEY ? ofKey[0]![0] : this.#sessions.keys().next().value
    if (ofKey.length >= MAX_OF_KEY || this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(oldest!)
  }
}

function nameOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}
