import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { processesWith } from '../../support/processes.js'
import { freePort } from '../../support/servers/free-port.js'
import { requires } from '../../support/servers/requirements.js'
import { type FolderServer, serveFolder } from '../../support/servers/serve-folder.js'
import { until } from '../../support/until.js'

const MINUTE = 60_000
const PHOTOS = 30
const GONE = 3

const hasProc = requires('/proc', existsSync('/proc/self'), 'These tests look for processes the way Linux shows them.')

describe('worker --metrics-port', { timeout: 6 * MINUTE }, () => {
  let folder: string
  let images: FolderServer
  let sandbox: Sandbox

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-images-'))
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background: '#36c' } }).jpeg()
    const bytes = await image.toBuffer()
    for (let i = 0; i < PHOTOS; i++) await writeFile(join(folder, `${i}.jpg`), bytes)
    images = await serveFolder(folder)
    sandbox = await Sandbox.create({ ALLOW_HOSTS: images.host, PHOTOS_PER_JOB: '5', LABEL_SETS: 'taken_time' })
  })
  afterAll(async () => {
    await sandbox?.close()
    await images?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Photos whose addresses nobody has asked for yet; the last few are not there. */
  const ingest = async (name: string) => {
    const list = join(sandbox.home, `${name}.txt`)
    const urls = Array.from({ length: PHOTOS + GONE }, (_, i) => `http://${images.host}/${name}/${i}.jpg`)
    await writeFile(list, urls.join('\n'))
    expect((await sandbox.run('ingest', list)).code).toBe(0)
  }
  const get = async (port: number, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null)
    return answer && { status: answer.status, text: await answer.text() }
  }
  const scrape = async (port: number) => {
    const text = (await get(port, '/metrics'))?.text ?? ''
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
  }
  const healthy = (port: number) => until('health', async () => (await get(port, '/healthz'))?.status === 200)
  const all = PHOTOS
  const EMBEDDED = 'unsplash_clip_photos_embedded_total'
  const FAILED = 'unsplash_clip_photos_failed_total{code="HTTP_404"}'

  test('shows what a worker does, how the queue is, and that it is well', async () => {
    const port = await freePort()
    const running = sandbox.start('worker', '--metrics-port', String(port), '--concurrency', '3')
    await until('somebody to listen', async () => (await get(port, '/healthz')) !== null)
    await healthy(port)
    expect((await get(port, '/readyz'))?.status).toBe(200)
    await ingest('alone')
    const metrics = await until('the photos', async () => {
      const now = await scrape(port)
      const isDone = now.get(EMBEDDED) === all && now.get(FAILED) === GONE
      return isDone && now.get('unsplash_clip_photos_in_hand') === 0 ? now : null
    })
    const health = await sandbox.run('health', '--url', `http://127.0.0.1:${port}/healthz`)
    expect([health.code, health.stderr]).toEqual([0, ''])
    running.child.kill('SIGTERM')
    expect((await running.finished).code).toBe(0)

    const stage = (name: string) => metrics.get(`unsplash_clip_stage_seconds_count{stage="${name}"}`)
    // Failures of every other code are there too, at 0.
    const counted = [...metrics].filter(
      ([name, value]) => /^unsplash_clip_(photos|worker)/.test(name) && !(name.includes('{code=') && value === 0),
    )
    expect(Object.fromEntries(counted)).toEqual({
      [EMBEDDED]: all,
      [FAILED]: GONE,
      unsplash_clip_photos_retried_total: 0,
      unsplash_clip_photos_skipped_total: 0,
      unsplash_clip_photos_in_hand: 0,
      unsplash_clip_worker_concurrency: 3,
      'unsplash_clip_workers_info{version="0.1.0",model="demo@fp32"}': 1,
    })
    const rewrites = [...metrics.keys()].filter(name => name.startsWith('unsplash_clip_model_rewrites_info{'))
    expect(rewrites).toContainEqual(
      expect.stringMatching(/\{model="demo@fp32",file=".+\.onnx",rewrite="signed-weights",outcome="[a-z-]+"\}/),
    )
    expect(stage('download')).toBe(PHOTOS + GONE)
    expect(stage('preprocess')).toBe(PHOTOS)
    expect(stage('encode')).toBe(stage('write'))
    expect(metrics.get('unsplash_clip_batches_total{outcome="rejected"}')).toBe(0)
    expect([...metrics.keys()].filter(name => name.startsWith('unsplash_clip_queue_batches'))).toHaveLength(4)
    expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(0)
    expect([...metrics.values()].every(value => !Number.isNaN(value))).toBe(true)

    const gone = await sandbox.run('health', '--url', `http://127.0.0.1:${port}/healthz`)
    expect(gone.code).toBe(1)
    expect(gone.stderr).toContain('does not respond')
  })

  test.skipIf(!hasProc)('shows all processes as one, also what those did that are no more', async () => {
    const port = await freePort()
    const running = sandbox.start('worker', '--processes', '2', '--metrics-port', String(port))
    await until('both to work', async () => {
      return (await scrape(port)).get('unsplash_clip_worker_processes{state="working"}') === 2
    })
    expect((await get(port, '/healthz'))?.status).toBe(200)
    await ingest('together')
    await until('the photos', async () => {
      const now = await scrape(port)
      return now.get(EMBEDDED) === all && now.get(FAILED) === GONE && now.get('unsplash_clip_photos_in_hand') === 0
    })
    const children = (await processesWith(sandbox.home)).filter(({ parent }) => parent === running.child.pid)
    process.kill(children[0]!.pid, 'SIGKILL')
    const metrics = await until('another one', async () => {
      const now = await scrape(port)
      const restarted = now.get('unsplash_clip_worker_restarts_total') === 1
      return restarted && now.get('unsplash_clip_worker_processes{state="working"}') === 2 ? now : null
    })
    expect(metrics.get(EMBEDDED)).toBe(all)
    expect(metrics.get(FAILED)).toBe(GONE)
    expect(metrics.get('unsplash_clip_worker_concurrency')).toBe(4)
    const memory = [...metrics.keys()].filter(name => name.startsWith('process_resident_memory_bytes'))
    expect(memory).toHaveLength(3)
    expect(memory).not.toContain(`process_resident_memory_bytes{pid="${children[0]!.pid}"}`)
    running.child.kill('SIGTERM')
    expect((await running.finished).code).toBe(0)
  })

  test('says at once that the port is taken, with one process or several', async () => {
    const port = new URL(`http://${images.host}`).port
    for (const processes of ['1', '2']) {
      const { code, stderr } = await sandbox.run('worker', '--metrics-port', port, '--processes', processes)
      expect(stderr).toContain(`METRICS_PORT: expected a free port at 127.0.0.1`)
      expect(code).toBe(2)
    }
  })
})
