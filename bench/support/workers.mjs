// Shared by the benchmarks of workers: tiny images on a loopback server, an empty database and queue, a run of batches,
// worker processes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import sharp from 'sharp'
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { batchId } from '../../dist/domain/batch-id.js'
import { modelKey } from '../../dist/domain/model.js'
import { barePhoto } from '../../dist/domain/photo.js'

/** As large as those of CLIP ViT-B/32. */
export const SLEEPING_MODEL = {
  name: 'sleeping',
  precision: 'none',
  revision: 'r1',
  dimension: 512,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}

const POLL_MS = 50

/** One small JPEG for every path, but no smaller than what the model sees: enlarging costs more than shrinking. */
export async function serveImages() {
  const image = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#4060a0' } })
    .jpeg()
    .toBuffer()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': image.length }).end(image)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${server.address().port}`
  return {
    host,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/**
 * Makes an isolated place for one measurement: a new database on the server of DATABASE_URL and a queue on REDIS_URL, or the
 * embedded server. @returns settings of the workers, and `close`, which removes everything
 */
export async function openPlace({ embedded, imageHost, settings }) {
  const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-bench-'))
  const name = `bench_${Date.now()}_${Math.floor(Math.random() * 1e6)}`
  const { DATABASE_URL, REDIS_URL, ...environment } = process.env
  const shared = {
    ...environment,
    UNSPLASH_CLIP_HOME: home,
    OBJECT_STORE: join(home, 'objects'),
    QUEUE_NAME: name,
    ALLOW_HOSTS: imageHost,
    HOST_RATE: '0',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  if (embedded) {
    return {
      environment: shared,
      async close() {
        await compose(readConfig(shared)).stopEmbedded()
        await rm(home, { recursive: true })
      },
    }
  }
  if (!DATABASE_URL || !REDIS_URL)
    throw new Error('Set DATABASE_URL and REDIS_URL to servers on which a database may be created, or pass --embedded.')
  await execute(DATABASE_URL, `create database ${name}`)
  const url = new URL(DATABASE_URL)
  url.pathname = `/${name}`
  return {
    environment: { ...shared, DATABASE_URL: url.href, REDIS_URL },
    async close() {
      await execute(DATABASE_URL, `drop database ${name} with (force)`)
      await rm(home, { recursive: true })
    },
  }
}

async function execute(url, sql) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

/** Records a run of `batches` batches and enqueues them. @returns a way to wait for its end */
export async function startRun(environment, { batches, photosPerJob, imageHost, store, model = SLEEPING_MODEL }) {
  const app = compose(readConfig(environment))
  const { ingest } = await app.repositories()
  const queue = await app.queue()
  const modelId = await ingest.registerModel(model)
  const runId = 'bench'
  await ingest.createRun({ id: runId, modelId, source: 'bench', options: {} })
  const all = Array.from({ length: batches }, (_, b) => {
    const photos = Array.from({ length: photosPerJob }, (_, i) => {
      const id = `photo-${b}-${i}`
      return { id, url: `http://${imageHost}/${id}.jpg` }
    })
    const contents = { model: modelKey(model), revision: model.revision, photos, attempt: 1, store, labelSets: [] }
    const id = batchId(contents)
    return { id, parentId: id, runId, ...contents }
  })
  for (const { photos } of all) await ingest.upsertPhotos(photos.map(({ id, url }) => barePhoto(id, url)))
  await ingest.addBatches(all.map(({ id, photos }) => ({ id, runId, photoIds: photos.map(photo => photo.id) })))
  await ingest.finishEnqueue(runId)
  return {
    add: () => queue.add(all),
    async done() {
      for (;;) {
        const run = await ingest.run(runId)
        if (run.failed > 0) throw new Error(`${run.failed} photos failed`)
        if (run.state === 'done') return
        await pause(POLL_MS)
      }
    },
    close: () => app.close(),
  }
}

/** Starts worker processes. @returns `stop`, which resolves to the result of each */
export async function startWorkers(count, environment, v8Options = []) {
  const file = fileURLToPath(new URL('worker-process.mjs', import.meta.url))
  const workers = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [...v8Options, file], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = []
    const started = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', line => {
        lines.push(line)
        resolve()
      })
      child.once('exit', code => reject(new Error(`a worker ended with ${code}`)))
    })
    return { child, started, ended: once(child, 'close'), lines }
  })
  await Promise.all(workers.map(worker => worker.started))
  return {
    async stop() {
      for (const { child } of workers) child.kill('SIGTERM')
      await Promise.all(workers.map(worker => worker.ended))
      return workers.map(({ lines }) => JSON.parse(lines.at(-1)))
    },
  }
}
