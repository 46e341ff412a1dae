import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  embeddedServerStatus,
  ensureEmbeddedServer,
  stopEmbeddedServer,
} from '../../../src/db/embedded/embedded-server.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'
import { until } from '../../support/until.js'
import { message, query, startupMessage } from './hostile-client.js'
import { expectOthersUndisturbed } from './hostile-rounds.js'

const IDLE_MS = 120_000

describe('a client of the embedded server', () => {
  let dataDir: string
  let url: string
  let token: string
  const clients: pg.Client[] = []
  const sockets: Socket[] = []

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'uc-protocol-'))
    await plantDatabase(dataDir, 'nothing')
    ;({ url, token } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS }))
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const client of clients.splice(0)) await client.end()
    expect((await embeddedServerStatus(dataDir))?.token, 'the server survives').toBe(token)
  })
  afterAll(async () => {
    await stopEmbeddedServer(dataDir)
    rmSync(dataDir, { recursive: true })
  })

  async function client(): Promise<pg.Client> {
    const one = new pg.Client({ connectionString: url })
    await one.connect()
    clients.push(one)
    return one
  }

  /** A connection that speaks bytes. @returns what it received, as text */
  async function raw(...sends: Buffer[]): Promise<{ socket: Socket; text: () => string }> {
    const socket = connect(join(dataDir, '.s.PGSQL.5432'))
    sockets.push(socket)
    let received = ''
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    for (const bytes of sends) socket.write(bytes)
    return { socket, text: () => received }
  }

  const psql = (input: string, ...args: string[]) => {
    const { stdout, stderr, status } = spawnSync('psql', ['-XqAt', url, ...args], { input, encoding: 'utf8' })
    return { stdout, stderr, status }
  }

  test('copies a file into a table with \\copy, also in a transaction', () => {
    psql('create table copied (id integer, name text)')
    const file = join(dataDir, 'rows.tsv')
    writeFileSync(file, '1\tone\n2\ttwo\n')
    expect(psql(`\\copy copied from '${file}'`)).toMatchObject({ status: 0, stderr: '' })
    expect(psql('select * from copied order by id').stdout).toBe('1|one\n2|two\n')
    const script = `begin;\ninsert into copied values (0, 'zero');\n\\copy copied from '${file}'\nselect count(*) from copied;\nrollback;\n`
    expect(psql(script)).toMatchObject({ stdout: '5\n', stderr: '' })
    expect(psql('begin;\ncopy copied (id) from stdin;\n7\n\\.\ncommit;\nselect count(*) from copied;').stdout).toBe(
      '3\n',
    )
    expect(psql('select count(*) from copied').stdout).toBe('3\n')
  })

  test('copies more into a table than stays in memory', () => {
    psql('create table large (id integer, name text)')
    const file = join(dataDir, 'large.csv')
    writeFileSync(file, Array.from({ length: 200_000 }, (_, i) => `${i},${'n'.repeat(80)}\n`).join(''))
    expect(psql(`\\copy large from '${file}' csv`)).toMatchObject({ status: 0, stderr: '' })
    expect(psql('select count(*), sum(id), min(length(name)) from large').stdout).toBe('200000|19999900000|80\n')
  })

  test('alone gets the errors of its COPY', () => {
    expect(psql("\\copy nowhere from '/etc/passwd'").stderr).toContain('relation "nowhere" does not exist')
    psql('create table numbers (n integer)')
    expect(psql("\\copy numbers from '/etc/passwd'").stderr).toContain('invalid input syntax for type integer')
    const script = "begin;\n\\copy numbers from '/etc/passwd'\nselect 1;\nrollback;\nselect 2"
    expect(psql(script)).toMatchObject({ stdout: '2\n', stderr: expect.stringContaining('transaction is aborted') })
    expect(psql("copy numbers to program 'cat'").stderr).toContain('could not execute command')
    expect(psql("copy numbers from program 'cat'").stderr).toContain('could not execute command')
  })

  test('gets an error with a sentence for a COPY that is not the only one', async () => {
    psql('create table several (n integer)')
    const { text } = await raw(
      startupMessage(),
      query('copy several from stdin; copy several from stdin'),
      message('d', '1\n'),
      message('c'),
      query('select 77'),
    )
    await until('both answers', () => text().includes('77'))
    expect(text()).toContain('0A000')
    expect(text()).toContain('Send it by itself, or set DATABASE_URL')
    expect(psql('select count(*) from several').stdout).toBe('0\n')
  })

  test('copies in the extended protocol, with the Sync that comes after the data', async () => {
    psql('create table extended (n integer)')
    const { text } = await raw(
      startupMessage(),
      message('P', 'copying\0copy extended from stdin\0\0\0'),
      message('B', '\0copying\0\0\0\0\0\0\0'),
      message('E', '\0\0\0\0\0'),
      message('S'),
    )
    await until('the request for data', () => text().includes('G\0\0\0'))
    const socket = sockets.at(-1)!
    for (const bytes of [message('d', '1\n2'), message('d', '\n3\n'), message('c'), message('S')]) socket.write(bytes)
    await until('the answer', () => text().includes('COPY 3'))
    expect(psql('select sum(n) from extended').stdout).toBe('6\n')
  })

  test.each([
    ['an unknown type of message', [message('z', 'x')], 'invalid frontend message type 122'],
    ['a negative length', [Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])], 'invalid message length -1'],
    ['a length beyond every limit', [Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])], '54000'],
    ['data of a COPY that nobody asked for', [message('d', '1\n'), message('c'), query('select 55')], '55'],
    ['a function call', [message('F', Buffer.alloc(10)), query('select 56')], '0A000'],
    ['a Bind without end', [message('B', 'abc'), message('S'), query('select 57')], '57'],
    ['a query without end', [message('Q', 'select 1'), query('select 58')], 'invalid string in message'],
    [
      'a time limit for sessions',
      [query("set idle_in_transaction_session_timeout = '1s'"), query('select 59')],
      'no time limits for sessions',
    ],
  ])('that sends %s is the only one to notice', async (_, sends, expected) => {
    const other = await client()
    const { text } = await raw(startupMessage(), ...sends)
    await until('the answer', () => text().includes(expected))
    expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test.each([
    ['a protocol of another version', startupMessage(undefined, 2 << 16), 'unsupported frontend protocol 2.0'],
    ['replication', startupMessage('user\0postgres\0replication\0database\0\0'), 'has no replication'],
    ['a startup packet of a wrong length', Buffer.from([0x7f, 0, 0, 0]), 'invalid length of startup packet'],
  ])('that starts with %s is refused', async (_, startup, expected) => {
    const { text, socket } = await raw(startup)
    await until('the refusal', () => text().includes(expected))
    await until('the end of the connection', () => socket.closed)
  })

  test('that asks for encryption may go on without', async () => {
    for (const request of [80877103, 80877104]) {
      const code = Buffer.alloc(4)
      code.writeInt32BE(request)
      const { text } = await raw(message('', code), startupMessage(), query('select 91'))
      await until('the answer', () => text().includes('91'))
      expect(text()[0]).toBe('N')
    }
  })

  test('that never sends Sync, or stops in the middle of a message, holds nobody up', async () => {
    await raw(startupMessage(), message('P', '\0select 1\0\0\0'), message('B', '\0\0\0\0\0\0\0\0'))
    await raw(startupMessage(), query('select 1').subarray(0, 7))
    await raw(startupMessage().subarray(0, 9))
    expect((await (await client()).query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('that vanishes in a transaction, in a pipeline or in a COPY leaves nothing behind', async () => {
    psql('create table left_behind (n integer)')
    const insert = query('begin; insert into left_behind values (1)')
    const sends: Buffer[][] = [
      [insert],
      [insert, message('P', '\0select 1\0\0\0'), message('H')],
      [insert, query('copy left_behind from stdin'), message('d', '5\n')],
      [query('copy left_behind from stdin'), message('d', '5\n')],
      [insert, query('select 1 / 0')],
      [query("set work_mem = '9MB'; listen left"), message('P', 'mine\0select 1\0\0\0'), message('S')],
    ]
    for (const one of sends) {
      const { socket, text } = await raw(startupMessage(), ...one)
      await until('an answer', () => text().length > 400)
      socket.destroy()
    }
    const other = await client()
    expect((await other.query('select * from left_behind')).rows).toEqual([])
    expect((await other.query('select current_setting($1) as v', ['work_mem'])).rows).toEqual([{ v: '4MB' }])
    await until('the end of its prepared statement', async () => {
      const { rows } = await other.query('select name from pg_prepared_statements')
      return rows.length === 0
    })
  })

  test('waits while another one is in a transaction, and sees nothing of it before', async () => {
    const [first, second] = [await client(), await client()]
    await first.query('create table shared (n integer)')
    await first.query('begin')
    await first.query('insert into shared values (1)')
    let answered = false
    const waiting = second.query('begin; select count(*)::int as n from shared; commit').finally(() => {
      answered = true
    })
    await first.query('select 1')
    expect(answered).toBe(false)
    await first.query('rollback')
    expect((await waiting) as unknown as pg.QueryResult[]).toMatchObject([{}, { rows: [{ n: 0 }] }, {}])
  })

  test('has its own settings, prepared statements and unnamed statement', async () => {
    const [first, second] = [await client(), await client()]
    await first.query("set work_mem = '7MB'; set search_path = nowhere")
    await second.query("set work_mem = '8MB'")
    const settings = "select current_setting('work_mem') as work_mem, current_setting('search_path') as path"
    expect((await first.query(settings)).rows).toEqual([{ work_mem: '7MB', path: 'nowhere' }])
    expect((await second.query(settings)).rows).toEqual([{ work_mem: '8MB', path: 'public, bullmq' }])
    for (const [number, one] of [first, second].entries())
      expect((await one.query({ name: 'n', text: `select ${number} as n` })).rows).toEqual([{ n: number }])

    await second.query('discard all')
    expect((await second.query(settings)).rows).toEqual([{ work_mem: '4MB', path: 'public, bullmq' }])
    expect((await first.query({ name: 'n', text: 'select 0 as n' })).rows).toEqual([{ n: 0 }])
    expect((await first.query(settings)).rows).toEqual([{ work_mem: '7MB', path: 'nowhere' }])
    await first.query('deallocate all')

    const { socket, text } = await raw(startupMessage(), message('P', '\0select 4711\0\0\0'), message('S'))
    await until('the answer', () => text().endsWith('Z\0\0\0\x05I') && text().includes('1\0\0\0\x04Z'))
    await second.query('select $1::int', [1])
    socket.write(Buffer.concat([message('B', '\0\0\0\0\0\0\0\0'), message('E', '\0\0\0\0\0'), message('S')]))
    await until('the answer to its own statement', () => text().includes('4711'))
  })

  test('receives the notifications that it listens for, whoever sends them', async () => {
    const [listening, sending] = [await client(), await client()]
    const received: unknown[] = []
    listening.on('notification', ({ channel, payload }) => received.push({ channel, payload }))
    sending.on('notification', () => received.push('not for this one'))
    await listening.query('listen news')
    await sending.query("select pg_notify('news', 'today')")
    await until('the notification', () => received.length > 0)
    expect(received).toEqual([{ channel: 'news', payload: 'today' }])
  })

  test('cancels a statement that waits, and only that', async () => {
    const [holder, waiting] = [await client(), await client()]
    await holder.query('begin')
    const answer = waiting.query('select 1')
    const { processID, secretKey } = waiting as unknown as { processID: number; secretKey: number }
    const cancel = Buffer.alloc(12)
    for (const [i, value] of [80877102, processID, secretKey].entries()) cancel.writeInt32BE(value, 4 * i)
    await raw(message('', cancel))
    await expect(answer).rejects.toMatchObject({ code: '57014' })
    await holder.query('commit')
    expect((await waiting.query('select 2 as two')).rows).toEqual([{ two: 2 }])
  })

  test('reads with a cursor', async () => {
    const script =
      'begin; declare c cursor for select generate_series(1, 5);\nfetch 2 from c;\nfetch 2 from c;\ncommit;'
    expect(psql(script).stdout).toBe('1\n2\n3\n4\n')
  })

  test('gets an error for recursion without end', () => {
    psql(`create function forever(integer) returns integer language plpgsql as 'begin return forever($1 + 1); end'`)
    expect(psql('select forever(1)').stderr).toContain('stack depth limit exceeded')
    expect(execFileSync('psql', ['-XqAt', url, '-c', 'select 1'], { encoding: 'utf8' })).toBe('1\n')
  })
})

test('hundreds of clients that send random, damaged and reordered messages disturb nobody else', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'uc-hostile-'))
  await plantDatabase(dataDir, 'nothing')
  try {
    await expectOthersUndisturbed(dataDir, 400, 1)
  } finally {
    await stopEmbeddedServer(dataDir)
    rmSync(dataDir, { recursive: true })
  }
})
