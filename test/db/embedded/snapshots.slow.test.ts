import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import {
  embeddedSnapshots,
  ensureEmbeddedServer,
  restoreEmbedded,
  stopEmbeddedServer,
} from '../../../src/db/embedded/embedded-server.js'
import { serve } from '../../../src/db/embedded/serve.js'
import { processIdentity } from '../../../src/locks/process-identity.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'
import { until } from '../../support/until.js'

const IDLE_MS = 120_000

describe('snapshots of the embedded database', () => {
  let dataDir: string
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'uc-snapshots-'))
    await plantDatabase(dataDir, 'nothing')
  })
  afterEach(async () => {
    await stopEmbeddedServer(dataDir)
    rmSync(dataDir, { recursive: true })
  })

  async function query(sql: string): Promise<Record<string, unknown>[]> {
    const { url } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const database = await openDatabase({ url })
    try {
      return await database.query(sql)
    } finally {
      await database.close()
    }
  }

  const names = async () => (await embeddedSnapshots(dataDir)).map(({ name }) => name)

  test('are taken when the server stops, if something has changed', async () => {
    await query('create table kept as select 1 as n')
    await stopEmbeddedServer(dataDir)
    const [first] = await embeddedSnapshots(dataDir)
    expect(first!.bytes).toBeGreaterThan(10_000_000)
    expect(Date.now() - first!.takenAt.getTime()).toBeLessThan(600_000)

    await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    await stopEmbeddedServer(dataDir)
    expect(await names()).toEqual([first!.name])

    await query('insert into kept values (2)')
    await stopEmbeddedServer(dataDir)
    expect(await names()).toHaveLength(2)
    expect((await names()).at(-1)).toBe(first!.name)
  })

  test('are the way back from a mistake: by default the newest that differs from the data', async () => {
    await query('create table kept as select 1 as n')
    await stopEmbeddedServer(dataDir)
    await query('delete from kept')
    await stopEmbeddedServer(dataDir)
    await restoreEmbedded(dataDir)
    expect(await query('select n from kept')).toEqual([{ n: 1 }])
  })

  test('are three: the newest two, and one that is a day older once there is one', async () => {
    const age = (name: string, days: number) => {
      const file = join(dataDir, 'snapshots', name, 'snapshot.json')
      const content = JSON.parse(readFileSync(file, 'utf8'))
      writeFileSync(file, JSON.stringify({ ...content, takenAt: new Date(Date.now() - days * 86_400_000) }))
    }
    const change = async () => {
      await query('create table if not exists changes (n integer); insert into changes values (1)')
      await stopEmbeddedServer(dataDir)
      return (await names())[0]!
    }
    const first = await change()
    const second = await change()
    const third = await change()
    const fourth = await change()
    expect(await names(), 'none is a day older').toEqual([fourth, third, first])
    expect(second).not.toBe(first)
    age(third, 1.5)
    age(first, 3)
    const fifth = await change()
    expect(await names()).toEqual([fifth, fourth, third])
  }, 240_000)

  test('are taken of a running server between the statements of its clients', async () => {
    const server = await serve({ dataDir, idleMs: 0, version: '0', log: () => undefined, abort: () => undefined })
    const database = await openDatabase({ url: server.url })
    try {
      await database.query('create table running as select 1 as n')
      await database.transaction(async session => {
        await session.query('insert into running values (2)')
        await server.takeSnapshot()
      })
      expect(await names(), 'none in a transaction').toEqual([])
      const waiting = server.takeSnapshot()
      expect(await database.query('select count(*)::int as n from running')).toEqual([{ n: 2 }])
      await waiting
      expect(await names()).toHaveLength(1)
      // Reading rows for the first time changes them too: Postgres notes that their transaction is over.
      await server.takeSnapshot()
      const before = await names()
      await server.takeSnapshot()
      expect(await names(), 'nothing has changed').toEqual(before)
    } finally {
      await database.close()
      await server.stop('the test is over')
    }
    await restoreEmbedded(dataDir)
    expect(await query('select count(*)::int as n from running')).toEqual([{ n: 2 }])
  })

  test.each<[string, (pgdata: string) => void]>([
    ['the control file is damaged', pgdata => writeFileSync(join(pgdata, 'global/pg_control'), Buffer.alloc(8192, 7))],
    ['the map of the catalog is damaged', pgdata => writeFileSync(join(pgdata, 'global/pg_filenode.map'), 'none')],
    [
      'the server was killed, and its log is gone',
      pgdata => {
        for (const name of readdirSync(join(pgdata, 'pg_wal')))
          if (statSync(join(pgdata, 'pg_wal', name)).isFile()) truncateSync(join(pgdata, 'pg_wal', name), 100)
      },
    ],
  ])('are the way back when %s', async (_, damage) => {
    await query('create table good as select 1 as n')
    await stopEmbeddedServer(dataDir)
    await query('insert into good values (2)')
    const { pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    process.kill(pid, 'SIGKILL')
    await until('the end of the server', () => processIdentity(pid) === null)
    damage(join(dataDir, 'pgdata'))
    appendFileSync(join(dataDir, 'pgdata', 'a-trace'), 'of the damaged data')

    await expect(ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringMatching(/unsplash-clip db restore-snapshot` returns to the last snapshot, of 20/),
    })
    const { former } = await restoreEmbedded(dataDir)
    expect(existsSync(join(former!, 'a-trace')), 'the damaged data are kept').toBe(true)
    expect(await query('select n from good')).toEqual([{ n: 1 }])
    expect(await names(), 'the snapshot stays').toHaveLength(1)
  })

  test('are not restored while a server runs, nor under a name that is none', async () => {
    await query('select 1')
    await expect(restoreEmbedded(dataDir)).rejects.toMatchObject({ code: 'DATABASE_LOCKED' })
    await stopEmbeddedServer(dataDir)
    await expect(restoreEmbedded(dataDir, 'nonsense')).rejects.toMatchObject({ code: 'USAGE' })
  })

  test('that were interrupted are removed, and a folder that cannot take one stops the server all the same', async () => {
    await query('select 1')
    await stopEmbeddedServer(dataDir)
    const half = join(dataDir, 'snapshots', 'unfinished')
    rmSync(join(dataDir, 'snapshots'), { recursive: true })
    writeFileSync(join(dataDir, 'snapshots'), 'not a folder')
    await query('create table more (n integer)')
    expect(await stopEmbeddedServer(dataDir)).toBe(true)
    expect(readFileSync(join(dataDir, 'server.log'), 'utf8')).toContain('no snapshot: ')
    expect(existsSync(half)).toBe(false)
    rmSync(join(dataDir, 'snapshots'))
    expect(await query('select count(*)::int as n from more')).toEqual([{ n: 0 }])
  })
})
