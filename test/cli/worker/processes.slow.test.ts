import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, Sandbox } from '../../support/cli.js'
import { processesWith } from '../../support/processes.js'
import { requires } from '../../support/servers/requirements.js'
import { until } from '../../support/until.js'

const MINUTE = 60_000
const PHOTOS = 40

const hasProc = requires('/proc', existsSync('/proc/self'), 'These tests look for processes the way Linux shows them.')

describe.skipIf(!hasProc)('worker --processes', { timeout: 6 * MINUTE }, () => {
  let server: Server
  let sandbox: Sandbox
  let list: string
  const held: ServerResponse[] = []
  let hold = false
  let image: Buffer

  beforeAll(async () => {
    image = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#36c' } })
      .jpeg()
      .toBuffer()
    server = createServer((_request, response) => {
      if (hold) held.push(response)
      else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    sandbox = await Sandbox.create({
      ALLOW_HOSTS: host,
      PHOTOS_PER_JOB: '4',
      QUEUE_LOCK_MS: '3000',
      LABEL_SETS: 'taken_time',
      LOG_LEVEL: 'info',
    })
    list = join(sandbox.home, 'urls.txt')
    await writeFile(list, Array.from({ length: PHOTOS }, (_, i) => `http://${host}/${i}.jpg`).join('\n'))
  })
  afterAll(async () => {
    await sandbox?.close()
    server?.closeAllConnections()
    server?.close()
  })

  const release = () => {
    hold = false
    for (const response of held.splice(0)) response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image)
  }
  const childrenOf = async ({ child }: Running) =>
    (await processesWith(sandbox.home)).filter(({ parent }) => parent === child.pid).map(({ pid }) => pid)
  const logged = (running: Running) =>
    running
      .stderr()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { msg: string; pid: number } & Record<string, unknown>)
  const started = (running: Running, count: number) =>
    until('workers to start', () => logged(running).filter(({ msg }) => msg === 'worker started').length >= count)

  test('replaces one that is killed, finishes the work, and sums up what all have done', async () => {
    expect((await sandbox.run('ingest', list)).code).toBe(0)
    hold = true
    const running = sandbox.start('worker', '--processes', '2', '--until-idle', '--json')
    await started(running, 2)
    await until('requests in the air', () => held.length > 0)
    const [killed, other] = await childrenOf(running)
    process.kill(killed!, 'SIGKILL')
    await started(running, 3)
    const now = await childrenOf(running)
    expect(now).toHaveLength(2)
    expect(now).toContain(other)
    expect(now).not.toContain(killed)
    release()
    const { code, objects } = await running.finished
    expect(code).toBe(0)
    expect(objects()).toMatchObject([{ embedded: PHOTOS, failed: 0, processes: 2, restarts: 1 }])
    const crash = logged(running).find(({ msg }) => msg.includes('crashed'))
    expect(crash).toMatchObject({ worker: killed, signal: 'SIGKILL', crashes: 1 })
    expect(crash!.restartInMs).toBeLessThanOrEqual(1000)
  })

  test('gives each process one thread and little room for free memory, unless told', async () => {
    const running = sandbox.start('worker', '--processes', '2')
    await started(running, 2)
    const environments = await processesWith('THREADS=1')
    const children = await childrenOf(running)
    expect(environments.map(({ pid }) => pid)).toEqual(expect.arrayContaining(children))
    const frugal = await processesWith('MALLOC_ARENA_MAX=2')
    expect(frugal.map(({ pid }) => pid)).toEqual(expect.arrayContaining(children))
    running.child.kill('SIGTERM')
    expect((await running.finished).code).toBe(0)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('ends all in order with %s', async signal => {
    const running = sandbox.start('worker', '--processes', '2', '--json')
    await started(running, 2)
    const children = await childrenOf(running)
    expect(children).toHaveLength(2)
    // A terminal sends SIGINT to all of them, and so do some service managers with SIGTERM.
    for (const pid of children) process.kill(pid, signal)
    running.child.kill(signal)
    const { code, objects } = await running.finished
    expect(code).toBe(0)
    expect(objects()).toMatchObject([{ embedded: 0, processes: 2, restarts: 0 }])
    expect(await childrenOf(running)).toEqual([])
  })

  test('ends all at once with a second signal', async () => {
    hold = true
    expect((await sandbox.run('ingest', await another('second'))).code).toBe(0)
    const running = sandbox.start('worker', '--processes', '2')
    await until('requests in the air', () => held.length > 0)
    const children = await childrenOf(running)
    running.child.kill('SIGTERM')
    await until('the message', () => running.stderr().includes('Ctrl-C again ends at once'))
    running.child.kill('SIGTERM')
    expect((await running.finished).code).toBe(130)
    await until('no worker left', async () => (await alive(children)).length === 0)
    release()
  })

  test('leaves none behind when the supervisor is killed', async () => {
    const running = sandbox.start('worker', '--processes', '2')
    await started(running, 2)
    const children = await childrenOf(running)
    running.child.kill('SIGKILL')
    await running.finished
    await until('no worker left', async () => (await alive(children)).length === 0)
  })

  test('ends with the error of its workers when they can never start', async () => {
    const { code, stderr } = await sandbox.run('worker', '--processes', '2', '--model', 'clip-vit-z')
    expect(code).toBe(2)
    expect(stderr).toContain('clip-vit-z')
    const wrong = await Sandbox.create({ UNSPLASH_CLIP_HOME: sandbox.home, LABELS_DIR: sandbox.home })
    await writeFile(join(sandbox.home, 'broken.json'), '{')
    const labels = await wrong.run('worker', '--processes', '2')
    expect(labels.code).toBe(2)
    expect(labels.stderr.match(/LABEL_SET_INVALID/g)).toHaveLength(1)
  })

  test('and `ingest --processes`, which says so: a worker that is killed is replaced, and the run ends as it would have', async () => {
    hold = true
    const running = sandbox.start('ingest', await another('third'), '--processes', '1', '--json')
    await until('requests in the air', () => held.length > 0)
    const [killed] = await childrenOf(running)
    process.kill(killed!, 'SIGKILL')
    await until('the message', () => running.stderr().includes('another one takes its place'))
    release()
    const { code, stderr, objects } = await running.finished
    expect(stderr).toContain(`Worker process ${killed} crashed (SIGKILL); another one takes its place.\n`)
    expect(code).toBe(0)
    expect(objects().at(-1)).toMatchObject({ photos: PHOTOS, done: PHOTOS, failed: 0 })
  })

  const alive = async (pids: number[]) => (await processesWith(sandbox.home)).filter(({ pid }) => pids.includes(pid))
  const another = async (name: string) => {
    const file = join(sandbox.home, `${name}.txt`)
    const host = sandbox.environment.ALLOW_HOSTS
    await writeFile(file, Array.from({ length: PHOTOS }, (_, i) => `http://${host}/${name}-${i}.jpg`).join('\n'))
    return file
  }
})
