import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { ensureEmbeddedServer, stopEmbeddedServer } from '../../../src/db/embedded/embedded-server.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'

const IDLE_MS = 120_000

describe('clients of the embedded server, which share one session', () => {
  let dataDir: string
  let url: string
  let child: ChildProcess | undefined
  afterEach(async () => {
    child?.kill('SIGKILL')
    await stopEmbeddedServer(dataDir)
    rmSync(dataDir, { recursive: true })
  })

  async function start(): Promise<void> {
    dataDir = mkdtempSync(join(tmpdir(), 'uc-embedded-'))
    await plantDatabase(dataDir, 'nothing')
    url = (await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })).url
  }

  test('never get each other’s statements, even when their values arrive in many pieces', async () => {
    await start()
    const database = await openDatabase({ url, maxConnections: 12 })
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, client) => {
        for (let i = 0; i < 8; i++) {
          const values = Array.from(
            { length: 1 + ((client + i) % 4) },
            (_, n) => `${client}-${i}-${n}-${'x'.repeat(200_000)}`,
          )
          const columns = values.map((_, n) => `$${n + 1}::text as c${client}_${n}`)
          const [row] = await database.query(`select ${columns.join(', ')}`, values)
          expect(Object.values(row!)).toEqual(values)
        }
        return client
      }),
    )
    expect(answers).toHaveLength(12)
    await database.close()
  })

  test('are not held up by one that was killed in the middle of a transaction', async () => {
    await start()
    const script = `
      import pg from ${JSON.stringify(resolve('node_modules/pg/esm/index.mjs'))}
      const client = new pg.Client({ connectionString: process.argv[1] })
      await client.connect()
      await client.query('create table if not exists half_done (id integer)')
      await client.query('begin')
      await client.query('insert into half_done values (1)')
      console.log('in transaction')
      setInterval(() => {}, 1000)`
    child = spawn(process.execPath, ['--input-type=module', '-e', script, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout!, 'data')
    const waiting = openDatabase({ url, connectTimeoutMs: 60_000 })
    child.kill('SIGKILL')
    const database = await waiting
    expect(await database.query('select id from half_done')).toEqual([])
    await database.close()
  })

  test('are not held up by one that went away between the pieces of a statement', async () => {
    await start()
    const database = await openDatabase({ url })
    const socketDir = new URL(url).searchParams.get('host')!
    const socket = connect(join(socketDir, '.s.PGSQL.5432'))
    await once(socket, 'connect')
    socket.write(startupMessage())
    await once(socket, 'data')
    socket.write(message('P', Buffer.from('\0select $1::text\0\0\0')))
    socket.write(message('H', Buffer.alloc(0)))
    await once(socket, 'data')
    const answer = database.query('select 1 as one')
    socket.destroy()
    expect(await answer).toEqual([{ one: 1 }])
    await database.close()
  })
})

function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}

/** Protocol 3.0, user postgres. */
function startupMessage(): Buffer {
  return message('', Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from('user\0postgres\0database\0postgres\0\0')]))
}
