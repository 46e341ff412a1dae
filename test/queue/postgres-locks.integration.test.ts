import pg from 'pg'
import { expect, test } from 'vitest'
import type { Delivery } from '../../src/domain/ports/queue.js'
import { openPostgresQueue } from '../../src/queue/postgres-backend.js'
import { hasNativeServer, nativeServer } from '../support/servers/postgres.js'
import { until } from '../support/until.js'
import { aBatch } from './batches.js'

const LOCK_MS = 1000

/** As a full disk refuses some writes and takes others. */
const REFUSE_RENEWALS = `
  create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$;
  create trigger refuse before update of locked_until_ms on bullmq.job for each row
    when (old.lock_token = new.lock_token) execute function refuse()`

const EXPIRED = `select from bullmq.job where state = 'active'
  and locked_until_ms + $1::int < extract(epoch from clock_timestamp()) * 1000`

test.skipIf(!hasNativeServer())('no worker takes a batch whose lock it could not renew from itself', async () => {
  const server = await nativeServer()
  const url = await server.freshUrl()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const queue = await openPostgresQueue({ url, embedded: false, name: 'jobs' })
  try {
    const deliveries: Delivery[] = []
    let isDone = false
    const errors: Error[] = []
    await queue.add([aBatch()])
    const consumer = await queue.consume(
      async (_batch, _signal, delivery) => {
        deliveries.push(delivery)
        await until('the end of the outage', () => isDone)
      },
      { concurrency: 2, lockMs: LOCK_MS, onError: error => errors.push(error) },
    )
    await until('it is in hand', () => deliveries.length > 0)
    await client.query(REFUSE_RENEWALS)
    await until('its lock has expired', async () => (await client.query(EXPIRED, [2 * LOCK_MS])).rowCount === 1)
    await client.query('drop trigger refuse on bullmq.job')
    await until('it is renewed', async () => (await client.query(EXPIRED, [0])).rowCount === 0)
    isDone = true
    await until('it is done', async () => (await queue.counts()).active === 0)
    await consumer.close()
    expect(errors.map(String)).toContainEqual(expect.stringMatching(/no space left|disk/))
    expect(deliveries).toEqual([{ stalls: 0, attempt: 1, isLast: false }])
  } finally {
    await queue.close()
    await client.end()
    await server.close()
  }
})
