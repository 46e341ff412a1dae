import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { processesWith } from '../../support/processes.js'
import { requires } from '../../support/servers/requirements.js'
import { until } from '../../support/until.js'

const MINUTE = 60_000
const PHOTOS = 60
const ANSWERED = 20

const hasProc = requires('/proc', existsSync('/proc/self'), 'These tests look for processes the way Linux shows them.')

/** Against a server that answers the first requests and holds the others until it is told to. */
describe.skipIf(!hasProc)('Ctrl-C', { timeout: 6 * MINUTE }, () => {
  let server: Server
  let sandbox: Sandbox
  let list: string
  let held: ServerResponse[] = []
  let answered = 0
  let open = false

  beforeAll(async () => {
    const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#36c' } })
      .jpeg()
      .toBuffer()
    const answer = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image)
    server = createServer((_request, response) => {
      if (open || answered++ < ANSWERED) answer(response)
      else held.push(response)
    }).listen(0, '127.0.0.1')
    server.on('release', () => {
      open = true
      for (const response of held.splice(0)) answer(response)
    })
    await once(server, 'listening')
  })
  beforeEach(async () => {
    held = []
    answered = 0
    open = false
    const { port } = server.address() as AddressInfo
    sandbox = await Sandbox.create({
      ALLOW_HOSTS: `127.0.0.1:${port}`,
      PHOTOS_PER_JOB: '4',
      QUEUE_LOCK_MS: '2000',
      LABEL_SETS: 'taken_time',
    })
    list = join(sandbox.home, 'urls.txt')
    await writeFile(list, Array.from({ length: PHOTOS }, (_, i) => `http://127.0.0.1:${port}/${i}.jpg`).join('\n'))
    return () => sandbox.close()
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const status = async () => (await sandbox.run('status', '--json')).objects()[0] as { embedded: number; queue: object }
  const lastRun = async () => (await sandbox.run('run', 'show', '--json')).objects()[0] as { state: string }
  /** As if a minute had passed since. */
  const makeOlder = async (...updates: string[]) => {
    const client = new pg.Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
    await client.connect()
    for (const update of updates) await client.query(`${update} - interval '1 minute'`)
    await client.end()
  }
  const workersAlive = async () =>
    (await processesWith(sandbox.home)).filter(({ command }) => command.includes('cli/main.js')).length

  test('ends cleanly, loses nothing, and the same command goes on', async () => {
    const run = sandbox.start('ingest', list, '--processes', '2', '--json')
    await until('requests in the air', () => held.length > 0)
    run.child.kill('SIGINT')
    await until('the message', () => run.stderr().includes('Ctrl-C again ends at once'))
    server.emit('release')
    expect((await run.finished).code).toBe(130)
    expect(run.stderr()).toContain('Stopped, and the workers of this command with it. The same command goes on')
    await until('no worker left', async () => (await workersAlive()) === 0, 10_000)
    expect(await lastRun()).toMatchObject({ state: 'interrupted' })
    const shown = await sandbox.run('status')
    expect(shown.stdout).toMatch(/its producer ended before all was done\. The same ingest, started again, goes on/)

    const again = await sandbox.run('ingest', list, '--processes', '2', '--json')
    expect(again.code).toBe(0)
    expect(await status()).toMatchObject({ embedded: PHOTOS, queue: { waiting: 0, active: 0, delayed: 0, failed: 0 } })
  })

  test('while the embedded database is being created ends without waiting for it', async () => {
    const fresh = await Sandbox.createEmpty(sandbox.environment)
    const run = fresh.start('ingest', list, '--processes', '2')
    await until('its server starts', () => existsSync(join(fresh.home, 'database', 'server.json')))
    run.child.kill('SIGINT')
    expect((await run.finished).code).toBe(130)
    expect(run.stderr()).toContain('INTERRUPTED')
    expect(run.stderr()).not.toContain('Something still hangs')
    await fresh.run('db', 'stop')
    await fresh.close()
  })

  test('twice ends at once', async () => {
    const worker = sandbox.start('worker')
    expect((await sandbox.run('ingest', list)).code).toBe(0)
    await until('requests in the air', () => held.length > 0)
    worker.child.kill('SIGINT')
    await until('the message', () => worker.stderr().includes('Ctrl-C again ends at once'))
    worker.child.kill('SIGINT')
    expect((await worker.finished).code).toBe(130)
    server.emit('release')
    const rest = await sandbox.run('worker', '--until-idle', '--json')
    expect(rest.code).toBe(0)
    expect(await status()).toMatchObject({ embedded: PHOTOS })
  })

  test('or even a kill -9 of `ingest --processes` leaves no worker behind', async () => {
    const run = sandbox.start('ingest', list, '--processes', '2')
    await until('requests in the air', () => held.length > 0)
    run.child.kill('SIGKILL')
    await run.finished
    server.emit('release')
    await until('no worker left', async () => (await workersAlive()) === 0, 20_000)
    await makeOlder('update runs set producer_seen_at = producer_seen_at', 'update workers set seen_at = seen_at')
    expect(await lastRun()).toMatchObject({ state: 'interrupted' })
    expect((await sandbox.run('run', 'show', '--watch', '--json')).objects()).toHaveLength(1)
  })

  test('while workers start is no crash', async () => {
    const run = sandbox.start('ingest', list, '--processes', '2')
    const workers = await until('both workers start', async () => {
      const all = (await processesWith(sandbox.home)).filter(({ command }) => / worker --json/.test(command))
      return all.length === 2 ? all : null
    })
    // As a terminal does: to the whole group.
    for (const pid of [run.child.pid!, ...workers.map(({ pid }) => pid)]) process.kill(pid, 'SIGINT')
    expect((await run.finished).code).toBe(130)
    expect(run.stderr()).not.toMatch(/crashed|No worker is alive/)
    expect(await workersAlive()).toBe(0)
  })
})
