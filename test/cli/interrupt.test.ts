import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.js'
import { processesWith } from '../support/processes.js'
import { requires } from '../support/requirements.js'
import { until } from '../support/until.js'

const MINUTE = 60_000
const PHOTOS = 60
const ANSWERED = 20

const hasProc = requires('/proc', existsSync('/proc/self'), 'These tests look for processes the way Linux shows them.')

/** Against a server that answers the first requests and holds the others until it is told to. */
describe.skipIf(!hasProc)('Ctrl-C', { timeout: 3 * MINUTE }, () => {
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
      BATCH_SIZE: '4',
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
  const workersAlive = async () =>
    (await processesWith(sandbox.home)).filter(({ command }) => command.includes('cli/main.js')).length

  test('ends cleanly, loses nothing, and the same command goes on', async () => {
    const run = sandbox.start('ingest', list, '--workers', '2', '--json')
    await until('requests in the air', () => held.length > 0)
    run.child.kill('SIGINT')
    await until('the message', () => run.stderr().includes('Ctrl-C again ends at once'))
    server.emit('release')
    expect((await run.finished).code).toBe(130)
    await until('no worker left', async () => (await workersAlive()) === 0, 10_000)

    const again = await sandbox.run('ingest', list, '--workers', '2', '--json')
    expect(again.code).toBe(0)
    expect(await status()).toMatchObject({ embedded: PHOTOS, queue: { waiting: 0, active: 0, delayed: 0, failed: 0 } })
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

  test('or even a kill -9 of `ingest --workers` leaves no worker behind', async () => {
    const run = sandbox.start('ingest', list, '--workers', '2')
    await until('requests in the air', () => held.length > 0)
    run.child.kill('SIGKILL')
    await run.finished
    server.emit('release')
    await until('no worker left', async () => (await workersAlive()) === 0, 20_000)
  })
})
