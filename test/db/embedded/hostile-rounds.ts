import { join } from 'node:path'
import pg from 'pg'
import { expect } from 'vitest'
import { embeddedServerStatus, ensureEmbeddedServer } from '../../../src/db/embedded/embedded-server.js'
import { hostileSession, runHostileSession } from './hostile-client.js'

const IDLE_MS = 120_000
const HOSTILE_AT_ONCE = 2

/** Runs hostile sessions while other clients work, and expects that these get exactly their own answers all along. */
export async function expectOthersUndisturbed(dataDir: string, rounds: number, firstSeed: number): Promise<void> {
  const { url, token } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
  const clients = await Promise.all(Array.from({ length: 3 }, () => connected(url)))
  await clients[0]!.query('create table hostile (id integer); create table counted (client integer, n integer)')
  let working = true
  const work = Promise.all(
    clients.map(async (client, number) => {
      await client.query(`set work_mem = '${number + 5}MB'`)
      let n = 0
      for (; working || n < 10; n++) {
        const value = `${number} ${n} ${'x'.repeat(n % 3 === 0 ? 100_000 : 10)}`
        expect((await client.query('select $1::text as value', [value])).rows).toEqual([{ value }])
        // The same name for another statement in each client.
        const named = { name: 'same', text: `select $1::int + ${number} as sum`, values: [n] }
        expect((await client.query(named)).rows).toEqual([{ sum: n + number }])
        await client.query('begin')
        await client.query('insert into counted values ($1, $2)', [number, n])
        const counted = await client.query('select count(*)::int as n from counted where client = $1', [number])
        expect(counted.rows).toEqual([{ n: n + 1 }])
        await client.query(n % 2 === 0 ? 'commit' : `rollback; insert into counted values (${number}, ${n})`)
        const settings = await client.query(`select current_setting('work_mem') as work_mem,
          current_setting('search_path') as search_path`)
        expect(settings.rows).toEqual([{ work_mem: `${number + 5}MB`, search_path: 'public, bullmq' }])
        await expect(client.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
      }
      return n
    }),
  )
  let failure: unknown
  work.catch(error => {
    failure = error
  })
  let seed = firstSeed
  await Promise.all(
    Array.from({ length: HOSTILE_AT_ONCE }, async () => {
      while (seed < firstSeed + rounds) {
        const session = hostileSession(seed++)
        await runHostileSession(join(dataDir, '.s.PGSQL.5432'), session)
        if (failure !== undefined) throw new Error(`disturbed near seed ${seed}`, { cause: failure })
      }
    }),
  )
  working = false
  for (const n of await work) expect(n).toBeGreaterThanOrEqual(10)
  for (const client of clients) await client.end()
  expect((await embeddedServerStatus(dataDir))?.token).toBe(token)
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}
