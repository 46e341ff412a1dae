import { randomInt } from 'node:crypto'
import type { Database } from '../connection.js'

const KEYS = 2 ** 31
const LOCK = 'select pg_advisory_lock($1::integer, $2::integer)'
const UNLOCK = 'select pg_advisory_unlock($1::integer, $2::integer)'
const IS_LOCKED = `
  select exists (
    select from pg_locks l join pg_database d on d.oid = l.database
     where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 2
       and l.classid = $1::integer::oid and l.objid = $2::integer::oid) as "isLocked"`

/**
 * Returns whether two addresses lead to one database, whatever they look like. System identifiers would not tell: all
 * embedded servers have the same. A lock that is held through one address is seen through the other one.
 * @param target without a pooler before it
 */
export async function isSameDatabase(source: Database, target: Database): Promise<boolean> {
  const keys = [randomInt(KEYS), randomInt(KEYS)]
  const client = await target.pool.connect()
  client.on('error', () => undefined)
  try {
    await client.query(LOCK, keys)
    const [found] = await source.query<{ isLocked: boolean }>(IS_LOCKED, keys)
    await client.query(UNLOCK, keys)
    return found!.isLocked
  } finally {
    // Its end releases the lock, too.
    client.release(true)
  }
}
