import { type ApiKey, newApiKey, type Scope } from '../../domain/api-key.js'
import { AppError } from '../../domain/errors.js'
import type { Context } from '../context.js'
import { table } from '../print/output.js'

// Neither the id of a key nor anything that a terminal or a table cannot show.
const NAME_PATTERN = /^(?![0-9a-f]{8}$)[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,99}$/u

/** The `keys create` command. @returns exit code */
export async function createKey(
  { app, out }: Context,
  name: string,
  { scope, expires }: { scope: Scope; expires?: Date },
): Promise<number> {
  if (!NAME_PATTERN.test(name))
    throw new AppError(
      'USAGE',
      `Expected a name of at most 100 letters, digits, blanks and . _ @ -, which is not like an id; found ${JSON.stringify(name.slice(0, 120))}.`,
    )
  const { keys } = await app.repositories()
  const { id, key, digest } = newApiKey()
  const made = await keys.create({ id, name, scope, digest, expiresAt: expires ?? null })
  if (made === null)
    throw new AppError(
      'USAGE',
      `A key has the name ${JSON.stringify(name)} already. Choose another one, or revoke that key: unsplash-clip keys revoke ${JSON.stringify(name)}`,
    )
  out.result({ ...shown(made), key }, key)
  const until = made.expiresAt ? ` until ${made.expiresAt.toISOString()}` : ''
  if (!out.json) out.note(`Key ${id} (${name}) may ${scope}${until}. It is not shown again: keep it in a safe place.`)
  return 0
}

/** The `keys list` command. @returns exit code */
export async function listKeys({ app, out }: Context, withInvalid: boolean): Promise<number> {
  const { keys } = await app.repositories()
  const found = await keys.keys({ withInvalid })
  if (found.length === 0) out.note('There is no key. Create one: unsplash-clip keys create NAME --scope read')
  else if (out.json) for (const key of found) out.result(shown(key), '')
  else
    out.text(
      table(
        ['id', 'scope', 'created', 'last used', 'expires', 'name'],
        found.map(key => [key.id, key.scope, day(key.createdAt), minute(key.lastUsedAt), ending(key), key.name]),
      ),
    )
  return 0
}

/** The `keys revoke` command. @returns exit code */
export async function revokeKey({ app, out }: Context, idOrName: string): Promise<number> {
  const { keys } = await app.repositories()
  const revoked = await keys.revoke(idOrName)
  if (revoked === null)
    throw new AppError(
      'NOT_FOUND',
      `Expected the id or the name of a key, found ${JSON.stringify(idOrName.slice(0, 120))}. To see them: unsplash-clip keys list`,
    )
  out.result(shown(revoked), `Key ${revoked.id} (${revoked.name}) is revoked. Servers refuse it within seconds.`)
  return 0
}

function shown({ id, name, scope, createdAt, expiresAt, lastUsedAt, revokedAt }: ApiKey): object {
  return { id, name, scope, createdAt, expiresAt, lastUsedAt, revokedAt }
}

const day = (time: Date) => time.toISOString().slice(0, 10)
const minute = (time: Date | null) => time?.toISOString().slice(0, 16).replace('T', ' ') ?? 'never'

function ending({ expiresAt, revokedAt }: ApiKey): string {
  if (revokedAt) return `revoked ${day(revokedAt)}`
  if (expiresAt && expiresAt.getTime() <= Date.now()) return `expired ${day(expiresAt)}`
  return expiresAt ? day(expiresAt) : 'never'
}
