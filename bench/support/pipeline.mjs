// The whole pipeline as a user runs it, for measuring: photos on a loopback server, a queue on Redis, the command
// `worker --processes N`, a native Postgres, copies in a folder.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { readLabelSet } from '../../dist/cli/options/label-files.js'
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'
import { batchId } from '../../dist/domain/batch-id.js'
import { modelKey } from '../../dist/domain/model.js'
import { barePhoto } from '../../dist/domain/photo.js'
import { children, cpuMs, mainThreadMs, peakMib } from './cpu.mjs'
import { modelFolder, photoFiles, photosFolder } from './peers.mjs'
import { startPostgres } from './postgres.mjs'
import { startRedis } from './redis.mjs'

const PHOTO_SERVER = fileURLToPath(new URL('photo-server.mjs', import.meta.url))
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const LABEL_SETS = ['taken_time', 'taken_space']
/** Polling takes time from the cores, so it is rare until few batches are left. */
const POLL_MS = { many: 500, few: 25 }
const FEW = 4
/** A batch of 32 takes seconds in fp32, and more beside other work. */
const SILENCE_MS = 90_000
const SILENCE_PHOTOS = 32
/** Photos of the first run, which is not measured: every process opens its connections and compiles its code. */
const WARM_UP = { photos: 96, photosPerJob: 8 }

/** Starts Postgres, Redis and the photo server as processes. @param latencyMs of every answer of the photo server */
export async function startServices({ latencyMs = 0 } = {}) {
  const photos = spawn(process.execPath, [PHOTO_SERVER, photosFolder(), String(latencyMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = (await createInterface({ input: photos.stdout })[Symbol.asyncIterator]().next()).value
  const [postgres, redis] = [await startPostgres(), await startRedis()]
  const kill = () => {
    for (const pid of [photos.pid, redis.pid]) process.kill(pid, 'SIGKILL')
    process.kill(postgres.pid, 'SIGQUIT')
    for (const { folder } of [postgres, redis]) rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', kill)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  return {
    postgres,
    redis,
    photoServer: { host: `127.0.0.1:${port}`, pid: photos.pid },
    async stop() {
      process.off('exit', kill)
      photos.kill('SIGTERM')
      await Promise.all([once(photos, 'exit'), postgres.stop(), redis.stop()])
    },
  }
}

/** The model of MODEL_FOLDER in a precision, as settings. */
export function modelSettings(precision) {
  const folder = modelFolder()
  const { name } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
  return { MODEL_FOLDERS: folder, MODEL: `${name}@${precision}` }
}

/**
 * Starts `worker --processes N` on a database and a queue of their own, and warms it up.
 * @param options `precision`, `processes`, settings of the worker, and `warmUp`: the run before any measurement
 * @returns `run(photos)`, which measures; `close`
 */
export async function openPipeline(services, { precision, processes, settings = {}, warmUp = WARM_UP }) {
  const home = mkdtempSync(join(tmpdir(), 'unsplash-clip-bench-'))
  const name = `bench_${Date.now()}`
  await execute(services.postgres.url, `create database ${name}`)
  const database = new URL(services.postgres.url)
  database.pathname = `/${name}`
  const { DATABASE_URL: _, REDIS_URL: __, ...inherited } = process.env
  const environment = {
    ...inherited,
    ...modelSettings(precision),
    UNSPLASH_CLIP_HOME: home,
    DATABASE_URL: database.href,
    REDIS_URL: services.redis.url,
    QUEUE_NAME: name,
    ALLOW_HOSTS: services.photoServer.host,
    // The rate limiter is used, but never makes a download wait.
    HOST_RATE: '100000',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const app = compose(readConfig(environment))
  const client = new pg.Client({ connectionString: database.href })
  const { ingest } = await app.repositories()
  // After a failed run the services end first, so that the error of the run is shown.
  client.on('error', () => {})
  await client.connect()
  const workers = spawn(process.execPath, [COMMAND, 'worker', '--processes', String(processes), '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  workers.stderr.setEncoding('utf8').on('data', text => {
    stderr = (stderr + text).slice(-4000)
  })
  const ended = once(workers, 'exit')
  const kill = () => {
    workers.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', kill)
  let stdout = ''
  workers.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  const { host } = services.photoServer

  /** @returns seconds from the first batch in the queue to the last committed row */
  async function run(runId, urls, photosPerJob) {
    const add = await prepare(runId, urls, photosPerJob)
    const silenceMs = SILENCE_MS * Math.max(1, photosPerJob / SILENCE_PHOTOS)
    const startedAt = performance.now()
    await add()
    let [left, changedAt] = [Number.POSITIVE_INFINITY, startedAt]
    while (left > 0) {
      const now = await open(runId)
      if (now < left) [left, changedAt] = [now, performance.now()]
      if (workers.exitCode !== null) throw new Error(`the workers ended with ${workers.exitCode}:\n${stderr}`)
      if (performance.now() - changedAt > silenceMs)
        throw new Error(`${left} batches are left and none gets done:\n${stderr}`)
      if (left > 0) await pause(left > FEW ? POLL_MS.many : POLL_MS.few)
    }
    return (performance.now() - startedAt) / 1000
  }

  async function open(runId) {
    const { rows } = await client.query(
      'select count(*)::integer as open from batches where run_id = $1 and settled_at is null',
      [runId],
    )
    return rows[0].open
  }

  /** Does everything that `ingest` does, except the queue. */
  async function prepare(runId, urls, photosPerJob) {
    const model = await app.models.identity()
    const modelId = await ingest.registerModel(model)
    const labelSets = LABEL_SETS.map(set => readLabelSet(set, app.labelFolders))
    await ingest.createRun({ id: runId, modelId, source: 'bench', options: {}, labelSets })
    const photos = urls.map((url, i) => ({ id: `${runId}-${i}`, url }))
    await ingest.upsertPhotos(photos.map(({ id, url }) => barePhoto(id, url)))
    const batches = split(photos, photosPerJob).map(some => {
      const contents = {
        model: modelKey(model),
        revision: model.revision,
        photos: some,
        attempt: 1,
        store: true,
        labelSets: LABEL_SETS,
      }
      const id = batchId(contents)
      return { id, parentId: id, runId, ...contents }
    })
    await ingest.addBatches(
      batches.map(({ id, photos: some }) => ({ id, runId, photoIds: some.map(photo => photo.id) })),
    )
    await ingest.finishEnqueue(runId)
    const queue = await app.queue()
    return () => queue.add(batches)
  }

  const urlsOf = count => {
    const names = photoFiles().map(file => `http://${host}/${encodeURIComponent(basename(file))}`)
    return Array.from({ length: count }, (_, i) => names[i % names.length])
  }

  const parts = () => {
    const processIds = processes > 1 ? children(workers.pid) : [workers.pid]
    return {
      workers: processIds.reduce((sum, pid) => sum + cpuMs(pid), 0),
      supervisor: processes > 1 ? cpuMs(workers.pid) - processIds.reduce((sum, pid) => sum + cpuMs(pid), 0) : 0,
      'photo server': cpuMs(services.photoServer.pid),
      Postgres: cpuMs(services.postgres.pid),
      Redis: cpuMs(services.redis.pid),
      benchmark:
        cpuMs(process.pid) -
        cpuMs(workers.pid) -
        cpuMs(services.photoServer.pid) -
        cpuMs(services.postgres.pid) -
        cpuMs(services.redis.pid),
    }
  }

  const workerPids = () => (processes > 1 ? children(workers.pid) : [workers.pid])
  const mainThreads = () => workerPids().reduce((sum, pid) => sum + mainThreadMs(pid), 0)

  let runCount = 0
  await run('warm-up', urlsOf(warmUp.photos), warmUp.photosPerJob)
  return {
    /**
     * @returns photosPerSecond, coreMs per photo by part, mainThreads: the share of the time that the main thread of a worker
     *   process computes, and peakMib of the largest one
     */
    async run(count, photosPerJob = app.config.PHOTOS_PER_JOB) {
      const runId = `run-${++runCount}`
      const [before, mainBefore] = [parts(), mainThreads()]
      const seconds = await run(runId, urlsOf(count), photosPerJob)
      const [after, mainAfter] = [parts(), mainThreads()]
      await check(client, runId, count, home)
      const coreMs = Object.fromEntries(Object.entries(after).map(([part, ms]) => [part, (ms - before[part]) / count]))
      return {
        seconds,
        photosPerSecond: count / seconds,
        coreMs,
        mainThreads: (mainAfter - mainBefore) / 1000 / seconds / processes,
        peakMib: Math.max(...workerPids().map(peakMib)),
      }
    },
    workerPids,
    /** @returns the final reports of the workers */
    async close() {
      workers.kill('SIGTERM')
      await ended
      process.off('exit', kill)
      await client.end()
      await app.close()
      await execute(services.postgres.url, `drop database ${name} with (force)`)
      rmSync(home, { recursive: true })
      return JSON.parse(stdout.trim().split('\n').at(-1))
    },
  }
}

/** Fails when a run did not do all of its work. */
async function check(client, runId, count, home) {
  const ids = `${runId}-%`
  const { rows } = await client.query(
    `select (select count(*)::integer from embeddings where photo_id like $1) as embeddings,
            (select count(*)::integer from photo_labels where photo_id like $1) as labels`,
    [ids],
  )
  const copies = readdirSync(join(home, 'objects'), { recursive: true }).filter(
    file => basename(file).startsWith(`${runId}-`) && file.endsWith('.jpg'),
  ).length
  const found = { ...rows[0], copies }
  const wanted = { embeddings: count, labels: count * LABEL_SETS.length, copies: count }
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`)
}

async function execute(url, sql) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

function split(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}
