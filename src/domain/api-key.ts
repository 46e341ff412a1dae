import { createHash, randomBytes } from 'node:crypto'

/** What a key may do. Each scope includes those before it. */
export const SCOPES = ['read', 'ingest', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A key of the HTTP API, without its secret. */
export interface ApiKey {
  /** The part of the key that is shown. */
  id: string
  name: string
  scope: Scope
  createdAt: Date
  /** Null: never. */
  expiresAt: Date | null
  /** To the minute; null: never. */
  lastUsedAt: Date | null
  revokedAt: Date | null
}

const ID_BYTES = 4
const SECRET_BYTES = 32
const KEY_PATTERN = /^uc_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/

/** Makes a key: `uc_`, its id, `_` and 256 random bits. It is stored nowhere; only its digest is. */
export function newApiKey(): { id: string; key: string; digest: Buffer } {
  const id = randomBytes(ID_BYTES).toString('hex')
  const key = `uc_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
  return { id, key, digest: digestOf(key) }
}

/** SHA-256 of a key. It needs no salt and no slow function, because keys are random. */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

export function looksLikeKey(text: string): boolean {
  return KEY_PATTERN.test(text)
}

export function includesScope(scope: Scope, wanted: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted)
}
