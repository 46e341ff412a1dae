import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Database, Session } from '../connection.js'
import { translate } from '../errors.js'

/** The form in which values are printed. Local to the transaction. */
const PRINTED_ALIKE = `
  set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';
  set local extra_float_digits = 1; set local bytea_output = 'hex'; set local statement_timeout = 0`
/** One database waits while the other one works. The embedded server takes it as a statement of its own only. */
const MAY_WAIT = 'set local idle_in_transaction_session_timeout = 0'

/** One connection in a transaction, which also copies. */
export interface CopySession extends Session {
  /** Returns the output of `COPY … TO STDOUT`. */
  copyOut(sql: string): Promise<Buffer>
  /** Runs `COPY … FROM STDIN`. @returns number of rows */
  copyIn(sql: string, data: Buffer): Promise<number>
}

/**
 * Runs work in one transaction, which is never repeated.
 * @param begin the statement that begins it
 * @throws AppError as of {@link Database}; the reason of the signal
 */
export async function inCopyTransaction<T>(
  database: Database,
  begin: string,
  work: (session: CopySession) => Promise<T>,
): Promise<T> {
  const client = await database.pool.connect().catch(error => {
    throw translate(error, database.location)
  })
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query(begin)
    await client.query(PRINTED_ALIKE)
    await client.query(MAY_WAIT)
    const result = await work(sessionOf(client))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(onError)
    throw isOfFile(error) ? error : translate(error, database.location)
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}

/** Of a file that is read or written meanwhile; the driver's errors name no path. */
const isOfFile = (error: unknown): boolean => (error as NodeJS.ErrnoException).path !== undefined

function sessionOf(client: pg.PoolClient): CopySession {
  return {
    query: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...values])).rows,
    async copyOut(sql) {
      const chunks: Buffer[] = []
      for await (const chunk of client.query(copyTo(sql))) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    async copyIn(sql, data) {
      const stream = client.query(copyFrom(sql))
      stream.end(data)
      await finished(stream)
      return stream.rowCount
    },
  }
}
