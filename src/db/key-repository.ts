import type { ApiKey, Scope } from '../domain/api-key.js'
import type { Database } from './connection.js'

const KEY = `id, name, scope, created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt",
  revoked_at as "revokedAt"`
const IS_VALID = 'revoked_at is null and (expires_at is null or expires_at > now())'

// An expired key gives its name free.
const RELEASE_NAME = `
  update api_keys set revoked_at = now() where name = $1 and revoked_at is null and expires_at <= now()`
const CREATE = `
  insert into api_keys (id, name, scope, digest, expires_at) values ($1, $2, $3, $4, $5)
  on conflict (name) where revoked_at is null do nothing returning ${KEY}`
const KEYS = `select ${KEY} from api_keys where $1 or ${IS_VALID} order by created_at, id`
const REVOKE = `
  update api_keys set revoked_at = now()
   where revoked_at is null and (id = $1 or (name = $1 and not exists (select from api_keys where id = $1)))
  returning ${KEY}`
const FIND = `select ${KEY} from api_keys where digest = $1 and ${IS_VALID}`
const USED = `
  update api_keys set last_used_at = now()
   where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`
const ANY_VALID = `select exists (select from api_keys where ${IS_VALID}) as found`

interface NewKey {
  id: string
  name: string
  scope: Scope
  digest: Buffer
  expiresAt: Date | null
}

type Row = ApiKey & Record<string, unknown>

/** Keys of the HTTP API. They are found by the digest of the whole key. */
export class PostgresKeyRepository {
  constructor(private readonly database: Database) {}

  /** @returns null when a valid key has the name */
  create({ id, name, scope, digest, expiresAt }: NewKey): Promise<ApiKey | null> {
    return this.database.transaction(async session => {
      await session.query(RELEASE_NAME, [name])
      const [row] = await session.query<Row>(CREATE, [id, name, scope, digest, expiresAt])
      return row ?? null
    })
  }

  /** By age. @param withInvalid also those that are expired or revoked */
  keys({ withInvalid }: { withInvalid: boolean }): Promise<ApiKey[]> {
    return this.database.query<Row>(KEYS, [withInvalid])
  }

  /** Revokes a key for good. @returns null when no key that is not revoked has the id or name */
  async revoke(idOrName: string): Promise<ApiKey | null> {
    const [row] = await this.database.query<Row>(REVOKE, [idOrName])
    return row ?? null
  }

  /** The key with this digest, unless it is expired or revoked. */
  async find(digest: Buffer): Promise<ApiKey | null> {
    const [row] = await this.database.query<Row>(FIND, [digest])
    return row ?? null
  }

  /** Notes that the key was used now. */
  async used(id: string): Promise<void> {
    await this.database.query(USED, [id])
  }

  async anyValid(): Promise<boolean> {
    const [row] = await this.database.query<{ found: boolean }>(ANY_VALID)
    return row!.found
  }
}
