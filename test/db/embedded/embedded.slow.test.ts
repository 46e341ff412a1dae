import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import {
  embeddedLogPath,
  embeddedServerStatus,
  ensureEmbeddedServer,
  stopEmbeddedServer,
} from '../../../src/db/embedded/embedded-server.js'
import { type KeepAlive, keepEmbeddedServerAlive } from '../../../src/db/embedded/keep-alive.js'
import { serve } from '../../../src/db/embedded/serve.js'
import { lockPath, type ServerState } from '../../../src/db/embedded/server-lock.js'
import { processIdentity } from '../../../src/locks/process-identity.js'
import { builtFile } from '../../../src/package-root.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'
import { requires } from '../../support/servers/requirements.js'
import { until } from '../../support/until.js'

const IDLE_MS = 120_000
/** For tests that start several servers, on a machine that is busy with others. */
const LONG_MS = 240_000

const hasPsql = requires(
  'psql',
  (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, 'psql'))),
  'Install postgresql-client.',
)

describe('the embedded server', () => {
  const folders: string[] = []
  const databases: Database[] = []
  const keepers: KeepAlive[] = []

  afterEach(async () => {
    for (const keeper of keepers.splice(0)) keeper.close()
    for (const database of databases.splice(0)) await database.close()
    for (const folder of folders.splice(0)) {
      await stopEmbeddedServer(folder)
      rmSync(folder, { recursive: true, force: true })
    }
  })

  /** A data folder, with a database in it unless told. */
  async function aFolder(options: { empty?: boolean } = {}): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'uc-embedded-'))
    folders.push(folder)
    if (!options.empty) await plantDatabase(folder, 'nothing')
    return folder
  }

  async function open(url: string): Promise<Database> {
    const database = await openDatabase({ url })
    databases.push(database)
    return database
  }

  test(
    'is created on demand, and keeps its data when it is stopped and started again',
    async () => {
      const dataDir = await aFolder({ empty: true })
      const first = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      const database = await openDatabase({ url: first.url })
      await database.query('create extension vector')
      await database.query(`create table kept as select '[1,2,3]'::halfvec as v`)
      await database.close()
      expect(await stopEmbeddedServer(dataDir)).toBe(true)
      await until('the end of the process', () => processIdentity(first.pid) === null)
      expect(readdirSync(dataDir).sort()).toEqual(['engine.lock', 'pgdata', 'server.log', 'snapshots'])
      expect(await stopEmbeddedServer(dataDir)).toBe(false)

      const second = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      expect(second.pid).not.toBe(first.pid)
      expect(await (await open(second.url)).query('select v::text from kept')).toEqual([{ v: '[1,2,3]' }])
    },
    LONG_MS,
  )

  test(
    'loses nothing that it acknowledged when it is killed under load, three times',
    async () => {
      const dataDir = await aFolder()
      const acknowledged: number[] = []
      let next = 0
      const { url } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      const setUp = await openDatabase({ url })
      await setUp.query('create table rows (id integer primary key, filler text)')
      await setUp.close()

      for (let round = 0; round < 3; round++) {
        const { pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
        const database = await openDatabase({ url })
        const goal = acknowledged.length + 300
        const writers = Array.from({ length: 4 }, async () => {
          try {
            for (;;) {
              const id = next++
              await database.query(`insert into rows values ($1, repeat('x', 2000))`, [id])
              acknowledged.push(id)
            }
          } catch (error) {
            expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE' })
          }
        })
        await until('three hundred more rows', () => acknowledged.length >= goal)
        process.kill(pid, 'SIGKILL')
        await Promise.all(writers)
        await database.close()
        await until('the end of the server', () => processIdentity(pid) === null)
      }

      await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      const rows = await (await open(url)).query<{ id: number }>('select id from rows')
      const stored = new Set(rows.map(row => row.id))
      expect(acknowledged.filter(id => !stored.has(id))).toEqual([])
    },
    LONG_MS,
  )

  test(
    'is one server when ten processes want it at once, also where one was killed before',
    async () => {
      const dataDir = await aFolder()
      const killed = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      process.kill(killed.pid, 'SIGKILL')
      await until('the end of the server', () => processIdentity(killed.pid) === null)
      const script = `
      import { ensureEmbeddedServer } from ${JSON.stringify(builtFile('db/embedded/embedded-server.js'))}
      console.log((await ensureEmbeddedServer({ dataDir: process.argv[1], idleMs: ${IDLE_MS} })).pid)`
      const pids = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          let output = ''
          child.stdout.on('data', text => {
            output += text
          })
          await once(child, 'close')
          return output.trim()
        }),
      )
      expect(new Set(pids).size).toBe(1)
      expect(readFileSync(embeddedLogPath(dataDir), 'utf8').match(/ready:/g)).toHaveLength(2)
      expect(readdirSync(dataDir).filter(name => name.startsWith('server.json'))).toEqual(['server.json'])
    },
    LONG_MS,
  )

  test('refuses to serve a folder that is served already, and names the process that does', async () => {
    const dataDir = await aFolder()
    const { pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    await expect(
      serve({ dataDir, idleMs: 0, version: '0', log: () => undefined, abort: () => undefined }),
    ).rejects.toMatchObject({
      code: 'DATABASE_LOCKED',
      message: expect.stringContaining(`process ${pid}`),
    })
    const second = spawn(process.execPath, [builtFile('db/embedded/server-main.js'), dataDir, '0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let log = ''
    second.stderr.on('data', text => {
      log += text
    })
    expect((await once(second, 'close'))[0]).toBe(3)
    expect(log).toContain(`process ${pid}`)
    expect((await embeddedServerStatus(dataDir))?.pid).toBe(pid)
  })

  test.each([
    ['died', 2 ** 22 + 1, 'gone'],
    ['died, and whose number another process has now', process.pid, `${process.pid}@0`],
  ])('takes over the lock of a server that %s', async (_, pid, identity) => {
    const dataDir = await aFolder()
    const { url, pid: before } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const state = JSON.parse(readFileSync(lockPath(dataDir), 'utf8')) as ServerState
    process.kill(before, 'SIGKILL')
    await until('the end of the server', () => processIdentity(before) === null)
    writeFileSync(lockPath(dataDir), JSON.stringify({ ...state, pid, identity }))
    expect(await embeddedServerStatus(dataDir)).toBeNull()
    const after = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    expect(after.url).toBe(url)
    expect((await embeddedServerStatus(dataDir))?.pid).toBe(after.pid)
    expect(readdirSync(dataDir).filter(name => name.startsWith('server.json'))).toEqual(['server.json'])
  })

  test('ends by itself when nobody was connected for a while, but not before', async () => {
    const dataDir = await aFolder()
    const { url, pid } = await ensureEmbeddedServer({ dataDir, idleMs: 1000 })
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('select pg_sleep(1.5)')
    await client.query('select 1')
    expect(processIdentity(pid)).not.toBeNull()
    await client.end()
    await until('the end of the idle server', () => processIdentity(pid) === null)
    expect(readdirSync(dataDir).sort()).toEqual(['engine.lock', 'pgdata', 'server.log', 'snapshots'])
    expect(readFileSync(embeddedLogPath(dataDir), 'utf8')).toContain('no connections for 1000 ms')
  })

  test('ends at once when its lock is taken away', async () => {
    const dataDir = await aFolder()
    const { pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    rmSync(lockPath(dataDir))
    await until('the end of the server', () => processIdentity(pid) === null)
  })

  test('is started again when it dies, at the same address, while a long-lived command keeps it alive', async () => {
    const dataDir = await aFolder()
    const { url, pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const restarts: number[] = []
    keepers.push(
      keepEmbeddedServerAlive({ dataDir, idleMs: IDLE_MS, onRestart: restarted => restarts.push(restarted) }),
    )
    const database = await openDatabase({ url, reconnectMs: 60_000 })
    databases.push(database)
    await database.query('create table survivors (id integer)')
    process.kill(pid, 'SIGKILL')
    await database.query('insert into survivors values (1)')
    expect(await database.query('select id from survivors')).toEqual([{ id: 1 }])
    expect(restarts).toHaveLength(1)
    expect((await embeddedServerStatus(dataDir))?.pid).toBe(restarts[0])
  })

  test('puts its socket into a private folder where the path of the data is too long for one', async () => {
    const dataDir = join(await aFolder(), 'a'.repeat(60), 'b'.repeat(60))
    folders.push(dataDir)
    mkdirSync(dataDir, { recursive: true })
    await plantDatabase(dataDir, 'nothing')
    const { url } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const socketDir = new URL(url).searchParams.get('host')!
    expect(socketDir.startsWith(dataDir)).toBe(false)
    expect(statSync(socketDir).mode & 0o777).toBe(0o700)
    expect(await (await open(url)).query('select 1 as one')).toEqual([{ one: 1 }])
    await stopEmbeddedServer(dataDir)
    expect(existsSync(join(socketDir, '.s.PGSQL.5432'))).toBe(false)
  })

  test('serves only its own user: the folder with the socket is private', async () => {
    const parent = await aFolder({ empty: true })
    const dataDir = join(parent, 'data')
    folders.unshift(dataDir)
    await plantDatabase(dataDir, 'nothing')
    await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  })

  test('shows the end of its log when it does not start', async () => {
    const dataDir = await aFolder({ empty: true })
    writeFileSync(join(dataDir, 'pgdata'), 'not a folder')
    await expect(ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })).rejects.toMatchObject({
      code: 'EMBEDDED_START_FAILED',
      message: expect.stringMatching(
        /did not start: it ended at once\. Its log \(.*server\.log\) ends with:\n.*Z \[\d+\]/,
      ),
    })
  })

  test('vacuums what changed much, but never between the statements of a transaction', async () => {
    const dataDir = await aFolder()
    const server = await serve({ dataDir, idleMs: 0, version: '0', log: () => undefined, abort: () => undefined })
    try {
      const database = await open(server.url)
      await database.query('create table churned as select n from generate_series(1, 3000) as n')
      await database.query('update churned set n = n + 1')
      await database.transaction(async session => {
        await session.query('select 1')
        expect(await server.maintenance.vacuum()).toEqual([])
      })
      // Postgres counts a change up to a second after it.
      const vacuumed = () => server.maintenance.vacuum()
      await until('the vacuum', async () => (await vacuumed()).includes('vacuum (analyze) public.churned'))
      expect(await vacuumed()).toEqual([])
    } finally {
      await server.stop('the test is over')
    }
  })

  test('looks after its tables between the statements of clients, and every client gets its own answers', async () => {
    const dataDir = await aFolder()
    const server = await serve({ dataDir, idleMs: 0, version: '0', log: () => undefined, abort: () => undefined })
    try {
      const clients = await Promise.all([1, 2, 3, 4].map(() => open(server.url)))
      await clients[0]!.query('create table churned as select n from generate_series(1, 3000) as n')
      let asking = true
      const answers = Promise.all(
        clients.map(async (client, number) => {
          for (let i = 0; asking || i < 100; i++) {
            const value = `${number} ${i}`
            expect(await client.query('select $1::text as value', [value])).toEqual([{ value }])
          }
        }),
      )
      try {
        for (let round = 0; round < 3; round++) {
          await clients[0]!.query('update churned set n = n + 1')
          const vacuumed = () => server.maintenance.vacuum()
          await until('the vacuum', async () => (await vacuumed()).includes('vacuum (analyze) public.churned'))
        }
      } finally {
        asking = false
        await answers
      }
    } finally {
      await server.stop('the test is over')
    }
  })

  test('gives up waiting when it is told to', async () => {
    const dataDir = await aFolder({ empty: true })
    const controller = new AbortController()
    const waiting = ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow()
    await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS }) // what was started is there for others
  })

  test.skipIf(!hasPsql)('has an address that psql reads too', async () => {
    const dataDir = await aFolder()
    const { url } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const run = (...args: string[]) =>
      execFileSync('psql', ['-qAt', '-c', 'select 6 * 7', ...args], { encoding: 'utf8' })
    expect(run(url)).toBe('42\n')
    expect(run('-h', dataDir, '-U', 'postgres')).toBe('42\n')
  })
})
