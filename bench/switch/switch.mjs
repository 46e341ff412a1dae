// A collection gets another model while it is searched: the time of each step, and what searches wait meanwhile
//
//   npm run bench -- switch [--photos 100000] [--processes 2] [--clients 2] [--index] [--embedded] [--json] [--out FILE]
//
// The steps of docs/guides/models.md, as commands. Photos have stored copies and embeddings of the demo model (of random
// directions); their copies are embedded by another model: the files of the demo model under another name. The copies are
// 2,000 pictures of 768 × 512, each under many names (hard links), so that every photo is read and decoded. Clients ask `serve`
// all the time, for new words, for photos like one, and for words among the photos with a label. The benchmark fails when a
// search does, or when a model answers that is not the chosen one. --index gives both models an index, hnsw.
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { openDatabase } from '../../dist/db/connection.js'
import { MODELS, resolveModel } from '../../dist/models/catalog/registry.js'
import { fillPhotos } from '../serve/collection.mjs'
import { newWords, startServer, summary } from '../serve/load.mjs'
import { environment } from '../serve/served.mjs'
import { command, PROGRAM } from '../support/model-home.mjs'
import { startPostgres } from '../support/postgres.mjs'
import { startRedis } from '../support/redis.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const OLD = 'demo@fp32'
const NEXT = 'next@fp32'
/** With fewer, hundreds of photos are equally near, and searches compare them again in single precision. */
const COPIES = 2000
const QUIET_MS = 10_000

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  processes: { type: 'string', default: '2' },
  clients: { type: 'string', default: '2' },
  index: { type: 'boolean', default: false },
  embedded: { type: 'boolean', default: false },
})
const [photos, processes, clients] = [options.photos, options.processes, options.clients].map(Number)

const home = mkdtempSync(join(tmpdir(), 'bench-switch-'))
const [postgres, redis] = options.embedded ? [] : [await startPostgres(), await startRedis()]
const env = {
  ...environment(join(home, 'home'), '', postgres?.url ?? ''),
  ...{ REDIS_URL: redis?.url ?? '', OBJECT_STORE: join(home, 'objects'), MODEL_FOLDERS: describeNext() },
}
delete env.MODEL
try {
  await fill()
  const server = await startServer(env)
  try {
    await rehearse(server)
  } finally {
    await server.stop()
  }
} finally {
  if (options.embedded) await command(['db', 'stop'], env)
  await redis?.stop()
  await postgres?.stop()
  rmSync(home, { recursive: true, force: true })
}

/** A model folder with the files of the demo model. */
function describeNext() {
  const folder = join(home, 'next')
  mkdirSync(folder)
  const demo = fileURLToPath(new URL('../../models/demo/', import.meta.url))
  for (const file of ['onnx', 'tokenizer.json', 'tokenizer_config.json'])
    symlinkSync(join(demo, file), join(folder, file))
  const { dimension, input, mean, std, text, scoring, logitScale, logitBias, visionFile, textFile } = resolveModel(
    'demo',
    MODELS,
  )
  const model = {
    ...{ name: 'next', dimension, input, mean, std, text, scoring, logitScale, logitBias },
    ...{ defaultPrecision: 'fp32', precisions: { fp32: { vision: visionFile, text: textFile } } },
  }
  writeFileSync(join(folder, 'model.json'), JSON.stringify(model))
  return folder
}

async function fill() {
  const pictures = join(home, 'pictures')
  mkdirSync(pictures)
  for (let i = 0; i < COPIES; i++) {
    const coarse = Buffer.from(Array.from({ length: 48 * 32 * 3 }, () => Math.floor(256 * Math.random())))
    await sharp(coarse, { raw: { width: 48, height: 32, channels: 3 } })
      .resize(768, 512)
      .jpeg({ quality: 65 })
      .toFile(join(pictures, `${i}.jpg`))
  }
  await command(['ingest', pictures, '--model', 'demo', '--processes', '1'], env)
  say(`${photos} photos with copies …`)
  const folder = join(home, 'objects', 'h512-q65')
  mkdirSync(folder, { recursive: true })
  for (let i = 1; i <= photos; i++) linkSync(join(pictures, `${i % COPIES}.jpg`), join(folder, `photo-${i}.jpg`))
  const url = execFileSync(process.execPath, [PROGRAM, 'db', 'url'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const database = await openDatabase({ url: url.trim(), maxConnections: 1 })
  try {
    await fillPhotos(database, photos)
  } finally {
    await database.close()
  }
  for (const set of ['taken_time', 'taken_space']) await command(['labels', 'predict', set], env)
  if (options.index) await buildIndex(OLD)
}

async function buildIndex(model) {
  await command(['index', 'build', '--kind', 'hnsw', '--model', model], env)
  await command(['index', 'tune', '--model', model], env)
}

async function rehearse(server) {
  const answers = []
  const stop = new AbortController()
  const words = newWords()
  const first = await server.ask('/api/v1/search?q=dog&k=1')
  const liked = JSON.parse(first.text).hits[0].photo_id
  const questions = [
    () => `q=${encodeURIComponent(words())}`,
    () => `photo=${liked}`,
    () => `q=${encodeURIComponent(words())}&label=taken_time%3Dday`,
  ]
  const asking = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let i = client; !stop.signal.aborted; i++) {
        const at = performance.now()
        const { status, ms, text } = await server.ask(`/api/v1/search?k=50&${questions[i % questions.length]()}`)
        answers.push({ at, until: at + ms, ms, status, model: status === 200 ? JSON.parse(text).model : text })
        await pause(20)
      }
    }),
  )
  const rows = []
  const step = async (title, allowed, work) => {
    const from = performance.now()
    await work()
    const until = performance.now()
    const asked = answers.filter(answer => answer.at >= from && answer.until <= until)
    for (const { status, model } of asked)
      if (status !== 200 || !allowed.includes(model)) throw new Error(`${title}: a search gave ${status} ${model}`)
    const times = asked.map(({ ms }) => ms)
    rows.push({
      step: title,
      seconds: round((until - from) / 1000),
      searches: asked.length,
      ...(times.length > 0 ? { ...summary(times), max: round(Math.max(...times)) } : {}),
      models: [...new Set(asked.map(({ model }) => model))].join(' '),
    })
    say(JSON.stringify(rows.at(-1)))
  }
  try {
    const run = (...parameters) => command([...parameters], env)
    const again = ['ingest', '--only-missing', '--from-copies', '--model', 'next', '--processes', String(processes)]
    await step('before', [OLD], () => pause(QUIET_MS))
    await step('embed the copies', [OLD], () => run(...again))
    if (options.index) await step('index', [OLD], () => buildIndex(NEXT))
    await step('models use', [OLD, NEXT], () => run('models', 'use', 'next'))
    await step('after', [NEXT], () => pause(QUIET_MS))
    await step('models retire', [NEXT], () => run('models', 'retire', 'demo', '--yes'))
    await step('after the drop', [NEXT], () => pause(QUIET_MS))
  } finally {
    stop.abort()
    await asking
  }
  const bytes = readFileSync(join(home, 'pictures', '0.jpg')).length
  report(options, {
    bench: 'switch',
    settings: { photos, processes, clients, index: options.index, embedded: options.embedded, copyBytes: bytes },
    tables: [{ title: 'Steps, and searches during each (ms)', rows }],
    notes: [`No search of ${answers.length} failed, and each was answered by the chosen model.`],
  })
}
