// The whole life of a large collection on one machine: time, disk and memory of every step
//
//   [REFERENCE=/reference] npm run bench -- rehearsal --folder FOLDER [--photos 7400000] [--processes 2]
//     [--queries 100] [--tune-queries 50] [--lists N] [--words 200000] [--json] [--out FILE]
//
// Table of photos, producer with workers, indexes, tuning, searches, relabelling, backup. Everything is the program's own, but for two
// stand-ins: a model that knows its vectors beforehand (grown from the real ones of REFERENCE, or invented), and
// pictures, which only one photo in a hundred has, on a server of this machine. Download, decoding and encoding cost the
// same per photo in any collection; `end-to-end` measures them. No copies are kept.
//
// FOLDER keeps the servers' data and the steps that are done: the same command goes on after a kill or a reboot, and
// prints the table of what is done. Remove the folder at the end. It takes about 9 KB per photo at the most.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../dist/db/connection.js'
import { PostgresLabelRepository } from '../../dist/db/label-repository.js'
import { migrate } from '../../dist/db/migrate.js'
import { toVectorText } from '../../dist/db/vector.js'
import { promptsOf } from '../../dist/domain/labels.js'
import { freePort } from '../support/free-port.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'
import { bytesOn, coreSeconds, watchMemory } from './resources.mjs'
import { measureSearches } from './searches.mjs'
import { openPostgres, openRedis, servePicture } from './servers.mjs'
import { LABEL_SETS, standInEncoder } from './stand-in.mjs'

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const here = name => fileURLToPath(new URL(name, import.meta.url))
const PROMPTS = 300
const SAVE_EVERY_MS = 10_000
const GIB = 2 ** 30
const MIB = 2 ** 20

const options = readOptions({
  folder: { type: 'string' },
  photos: { type: 'string', default: '7400000' },
  processes: { type: 'string', default: '2' },
  queries: { type: 'string', default: '100' },
  'tune-queries': { type: 'string', default: '50' },
  lists: { type: 'string' },
  words: { type: 'string', default: '200000' },
})
if (options.folder === undefined) throw new Error('--folder FOLDER expected: data and progress stay there')
const folder = resolve(options.folder)
const [photos, processes] = [options.photos, options.processes].map(Number)
mkdirSync(folder, { recursive: true })

const stateFile = join(folder, 'rehearsal.json')
const state = existsSync(stateFile)
  ? JSON.parse(readFileSync(stateFile, 'utf8'))
  : { photos, ports: { postgres: await freePort(), redis: await freePort(), pictures: await freePort() }, steps: {} }
if (state.photos !== photos) throw new Error(`${folder} is of ${state.photos} photos: give --photos ${state.photos}`)
save()

const table = join(folder, 'photos.tsv000')
const backup = join(folder, 'photos.backup')
const running = new Set()
const kill = () => {
  for (const child of running) child.kill('SIGKILL')
}
process.once('exit', kill)
const pictures = await servePicture(state.ports.pictures)
const postgres = await openPostgres(folder, state.ports.postgres, totalmem() / GIB)
const redis = await openRedis(folder, state.ports.redis)
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
const environment = {
  ...process.env,
  UNSPLASH_CLIP_HOME: join(folder, 'home'),
  DATABASE_URL: postgres.url,
  REDIS_URL: redis.url,
  ALLOW_HOSTS: pictures.host,
  HOST_RATE: '0',
  LOG_LEVEL: 'warn',
  DATABASE_STATEMENT_TIMEOUT_MS: '0',
}
const database = await openDatabase({ url: postgres.url, maxConnections: 4, statementTimeoutMs: 0 })
try {
  await migrate(database)
  for (const [name, act] of Object.entries(steps())) {
    if (state.steps[name]?.done) continue
    stop.signal.throwIfAborted()
    await step(name, act)
  }
} catch (error) {
  if (!stop.signal.aborted) throw error
  say('Stopped. The same command goes on.')
  process.exitCode = 1
} finally {
  tell()
  kill()
  // First: it ends statements under way, for which the pool would wait.
  await postgres.stop()
  await database.close().catch(() => {})
  await redis.stop()
  pictures.close()
}

/** The steps in their order. Each may be begun again after a kill; what it returns stands in the table. */
function steps() {
  return {
    'table of photos': () => child(here('../support/photo-table.mjs'), [table, photos, options.words]),
    'producer and workers': ingest,
    'vacuum and analyze': async () => {
      await database.query('vacuum analyze')
    },
    'index build': () =>
      command('index', 'build', '--kind', 'ivfflat', ...(options.lists ? ['--lists', options.lists] : [])),
    'index tune': async () => {
      await command('index', 'tune', '--queries', options['tune-queries'])
      return { notes: await tunings() }
    },
    searches: async () => ({ searches: await measureSearches(postgres.url, database, Number(options.queries)) }),
    relabel,
    'vacuum after it': async () => {
      await database.query('vacuum analyze')
    },
    backup: async () => {
      rmSync(backup, { force: true })
      await command('db', 'backup', backup)
      return { notes: [`The backup has ${round(statSync(backup).size / GIB)} GiB.`] }
    },
  }
}

/** Runs one step, and keeps its seconds so far, also those of a run that was killed. */
async function step(name, act) {
  say(`${name} …`)
  const { seconds: secondsBefore = 0, cores: coresBefore = 0 } = state.steps[name] ?? {}
  const [began, coresBegan] = [performance.now(), coreSeconds(process.pid)]
  const spent = () => ({
    seconds: secondsBefore + (performance.now() - began) / 1000,
    cores: coresBefore + coreSeconds(process.pid) - coresBegan,
  })
  const memory = watchMemory(() => ({
    Postgres: [postgres.pid],
    Redis: [redis.pid],
    program: [...running].map(({ pid }) => pid),
  }))
  const note = extra => {
    const most = memory.end()
    const known = state.steps[name]?.memory ?? {}
    for (const [kind, mib] of Object.entries(known)) most[kind] = Math.max(most[kind] ?? 0, mib)
    state.steps[name] = { ...state.steps[name], ...spent(), memory: most, ...extra }
    save()
  }
  const timer = setInterval(() => {
    state.steps[name] = { ...state.steps[name], ...spent() }
    save()
  }, SAVE_EVERY_MS)
  try {
    const result = await act()
    note({ ...result, done: true, disk: disk() })
  } catch (error) {
    note({})
    throw error
  } finally {
    clearInterval(timer)
  }
  say(`${name}: ${round(state.steps[name].seconds)} s`)
}

function save() {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state, null, 2))
  renameSync(`${stateFile}.new`, stateFile)
}

/** MiB by part. */
function disk() {
  const parts = {
    tables: join(folder, 'postgres', 'base'),
    'write-ahead log': join(folder, 'postgres', 'pg_wal'),
    Redis: redis.data,
    input: table,
    backup,
  }
  return Object.fromEntries(Object.entries(parts).map(([name, path]) => [name, Math.round(bytesOn(path) / MIB)]))
}

/** Stores the prompts that tuning and searches use, and photos until every one is embedded. */
async function ingest() {
  const workers = Array.from({ length: processes }, (_, i) => start(here('worker.mjs'), [], { SEED: String(i + 1) }))
  const producer = start(here('producer.mjs'), [table, `http://${pictures.host}/{photo_id}`])
  let last = {}
  const ended = (async () => {
    for await (const line of createInterface({ input: producer.stdout })) {
      last = JSON.parse(line)
      say(line)
    }
    if (producer.exitCode === null) await once(producer, 'exit')
    if (producer.exitCode !== 0) throw new Error(`the producer ended with ${producer.exitCode}`)
  })()
  const failed = Promise.race(
    workers.map(async worker => {
      const [code] = await once(worker, 'exit')
      throw new Error(`a worker ended with ${code}`)
    }),
  )
  failed.catch(() => {})
  await Promise.race([ended, failed, aborted()])
  await Promise.all(workers.map(worker => end(worker)))
  const [{ embedded, labelled }] = await database.query(
    'select (select count(*) from embeddings)::int as embedded, (select count(*) from photo_labels)::int as labelled',
  )
  if (embedded !== photos || labelled !== photos * LABEL_SETS.length || last.failed !== 0)
    throw new Error(
      `${photos} photos with labels expected, found ${embedded}, ${labelled} labels: ${JSON.stringify(last)}`,
    )
  await storePrompts()
}

async function storePrompts() {
  const encoder = standInEncoder(0)
  const prompts = Array.from({ length: PROMPTS }, (_, i) => `prompt ${i}`)
  await database.query(
    `insert into prompt_embeddings (model_id, prompt, embedding)
     select m.id, new.prompt, new.embedding::vector from models m, unnest($1::text[], $2::text[]) as new (prompt, embedding)
     on conflict do nothing`,
    [prompts, (await encoder.encodeTexts(prompts)).map(toVectorText)],
  )
}

/** Another template, so other labels: all photos are labelled again, while the old labels stay visible. */
async function relabel() {
  const labels = new PostgresLabelRepository(database, { sessions: processes })
  const encoder = standInEncoder(0)
  const [{ id }] = await database.query('select id from models')
  for (const set of LABEL_SETS) {
    const changed = { ...set, template: 'A picture: {label}' }
    await labels.savePrompts(id, changed, await encoder.encodeTexts(promptsOf(changed)))
    await labels.labelPhotos(id, set.name, () => {}, stop.signal)
  }
}

async function tunings() {
  const rows = await database.query(
    'select query_kind, answered_by, effort, measured_recall, wanted_recall from search_tuning order by 1 desc',
  )
  return rows.map(
    row =>
      `${row.query_kind}: ${row.answered_by}, effort ${row.effort ?? 'none'}, recall ${round(row.measured_recall ?? 1)} of ${row.wanted_recall}`,
  )
}

function command(...words) {
  return child(PROGRAM, words)
}

/** Runs a module to its end. */
async function child(file, parameters) {
  const process = start(file, parameters.map(String), {}, 'ignore')
  const ended = once(process, 'exit')
  await Promise.race([ended, aborted()])
  if (process.exitCode !== 0) throw new Error(`${parameters.join(' ')} ended with ${process.exitCode}`)
}

function start(file, parameters, settings = {}, stdout = 'pipe') {
  const started = spawn(process.execPath, [file, ...parameters], {
    env: { ...environment, ...settings },
    stdio: ['pipe', stdout, 'inherit'],
  })
  running.add(started)
  started.once('exit', () => running.delete(started))
  return started
}

async function end(worker) {
  if (worker.exitCode !== null) return
  const ended = once(worker, 'exit')
  worker.kill('SIGTERM')
  await ended
}

function aborted() {
  return new Promise((_, reject) => {
    if (stop.signal.aborted) reject(stop.signal.reason)
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true })
  })
}

function tell() {
  const done = Object.entries(state.steps).filter(([, { done }]) => done)
  const perPhoto = new Set(['table of photos', 'producer and workers', 'index build', 'relabel', 'backup'])
  const gib = mib => round(mib / 1024, 2)
  const rows = done.map(([name, { seconds, cores, memory, disk }]) => ({
    step: name,
    seconds: round(seconds),
    'CPU seconds': round(cores),
    'photos/s': perPhoto.has(name) ? Math.round(photos / seconds) : null,
    ...Object.fromEntries(Object.entries(disk).map(([part, mib]) => [`disk: ${part}`, gib(mib)])),
    ...Object.fromEntries(Object.entries(memory).map(([kind, mib]) => [`memory: ${kind}`, gib(mib)])),
  }))
  const searches = state.steps.searches?.searches ?? []
  report(options, {
    bench: 'rehearsal',
    settings: { photos, processes, queries: Number(options.queries), tuneQueries: Number(options['tune-queries']) },
    tables: [
      { title: `${photos.toLocaleString('en-US')} photos, GiB after each step, and at the most during it`, rows },
      ...(searches.length > 0 ? [{ title: 'Searches, ten hits, ms', rows: searches }] : []),
    ],
    notes: [
      `${round(done.reduce((sum, [, { seconds }]) => sum + seconds, 0) / 60)} minutes in all.`,
      ...done.flatMap(([, { notes = [] }]) => notes),
    ],
  })
}
