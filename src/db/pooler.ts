import type pg from 'pg'
import { AppError } from '../domain/errors.js'
import { errorMessage } from '../domain/text/error-text.js'

/**
 * A pooler such as pgbouncer in transaction mode gives each transaction any of its connections to the server. So nothing
 * may be set for a session: settings are local to a transaction, nobody listens, and no lock outlives a transaction.
 */

/** A pooler announces ids of its own instead of those of the server's processes. */
export async function isPooled(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  // Missing in pg's types.
  return rows[0]!.pid !== (client as pg.ClientBase & { processID: number }).processID
}

/** Returns whether a pooler refuses a connection because of a setting in its startup packet. */
export function isStartupRefused(error: unknown): boolean {
  return /unsupported startup parameter/.test(errorMessage(error))
}

/** @throws AppError CONFIG_INVALID where a pooler is in between */
export async function assertOwnSession(client: pg.ClientBase, what: string, location: string): Promise<void> {
  if (!(await isPooled(client))) return
  throw new AppError(
    'CONFIG_INVALID',
    `DATABASE_URL: expected the address of Postgres itself, because ${what} needs a session of its own; found a pooler at ${location}. Run this command with the address that the pooler forwards to.`,
  )
}
