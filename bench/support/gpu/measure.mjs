// The measurement of bench/gpu.sh, which checks and prepares what this needs: MODEL_FOLDER, PHOTOS, servers, the provider.
//
//   1. Decoding and copying alone, as in a worker: one process per core.
//   2. The whole worker (bench/end-to-end.mjs) with each number of processes, calls of up to 256 images. The best stays.
//   3. The whole worker with each precision and size of calls.
//   4. The encoder alone (bench/batch.mjs) with the same, in one process, as many as the worker has, and the most. The fastest
//      counts: one process may prepare pixels more slowly than the GPU encodes them.
//
// A job has as many photos as a call, or 128. The GPU is sampled with nvidia-smi while images are encoded.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chooseProvider } from '../../../dist/models/runtime/choose-provider.js'
import { modelFolder, photoFiles, photosFolder, runPeer } from '../peers.mjs'
import { readOptions, report, round, say } from '../report.mjs'
import { describeLimit, stagesOf } from './limit.mjs'

const cores = availableParallelism()
const options = readOptions({
  provider: { type: 'string', default: 'cuda' },
  precisions: { type: 'string', default: 'fp32,fp16' },
  sizes: { type: 'string', default: '64,128,256,512' },
  processes: { type: 'string' },
  photos: { type: 'string' },
  images: { type: 'string' },
  // Of bench/gpu.sh.
  scenes: { type: 'string' },
  side: { type: 'string' },
})
const { provider } = options
const GPU = { photos: '20000', images: '4096' }
const CPU = { photos: '700', images: '128' }
const sizes = numbers('sizes', options.sizes)
/** Some seconds of work each. */
const [photos, images] = ['photos', 'images'].map(
  name => numbers(name, options[name] ?? (provider === 'cpu' ? CPU : GPU)[name])[0],
)
/** On a CPU, one process per core is best. A GPU wants few: each holds its own copy of the model. */
const usual = provider === 'cpu' ? [cores] : [1, 2, 4, 8].filter(count => count <= cores)
const processCounts = options.processes ? numbers('processes', options.processes) : usual
const MIDDLE_SIZE = 256
const MOST_PHOTOS = 500

const notes = []
const precisions = availablePrecisions()
await chooseProvider([provider]).catch(error => {
  say(error.message)
  process.exit(2)
})
const home = mkdtempSync(join(tmpdir(), 'unsplash-clip-bench-'))
process.once('exit', () => rmSync(home, { recursive: true, force: true }))

const decode = await decodeAlone()
const runs = []
const middle = sizes.findLast(size => size <= MIDDLE_SIZE) ?? sizes[0]
for (const precision of precisions.toReversed()) {
  for (const processes of processCounts) await wholeWorker({ precision, size: middle, processes })
  if (runs.length > 0) break
}
const first = best(runs)
for (const precision of precisions)
  for (const size of sizes)
    if (precision !== first.precision || size !== first.size)
      await wholeWorker({ precision, size, processes: first.processes })
const encoders = []
for (const precision of precisions)
  for (const count of new Set([1, first.processes, Math.max(...processCounts)])) await encoderAlone(precision, count)
tell()

function tell() {
  const complete = runs.filter(encoderOf)
  const top = best(complete)
  const alone = { cores, decode, encoder: encoderOf(top) }
  const rows = complete.map(run => {
    const own = encoderOf(run)
    return {
      precision: run.precision,
      'images per call': run.size,
      'encoder alone, images/s': round(own.imagesPerSecond),
      ...(own.busy === undefined ? {} : { 'GPU then, %': own.busy }),
      'worker, photos/s': round(run.photosPerSecond),
      processes: run.processes,
      ...(run.gpu.busy === null ? {} : { 'GPU, %': round(run.gpu.busy), 'GPU, MiB': round(run.gpu.memoryMib) }),
      ...Object.fromEntries(
        Object.entries(stagesOf(run, { decode, encoder: own })).map(([stage, ms]) => [stage, round(ms)]),
      ),
    }
  })
  const where = provider === 'cpu' ? 'the CPU: no figure of a GPU' : provider
  report(options, {
    bench: 'gpu',
    settings: { provider, photos, images, processCounts, model: modelFolder(), photosFolder: photosFolder() },
    tables: [
      {
        title: `CLIP on ${where}. The encoder alone, the whole worker, and where its core milliseconds per photo go`,
        rows,
      },
    ],
    notes: [
      `Best: ${top.precision}, ${top.size} images per call, ${top.processes} worker ${top.processes === 1 ? 'process' : 'processes'}.`,
      ...describeLimit({ ...top, provider }, alone),
      ...notes,
    ],
    decode,
    runs,
    encoders,
  })
}

/** All cores at once, because they share memory and, with two threads per core, more than that. */
async function decodeAlone() {
  const script = fileURLToPath(new URL('../decode/decode-ours.mjs', import.meta.url))
  const folder = photosFolder()
  const count = photoFiles().length
  if (count === 0) throw new Error(`PHOTOS: expected JPEGs, found none in ${folder}.`)
  const rounds = Math.ceil(MOST_PHOTOS / count)
  say(`Decoding and copying alone, ${cores} processes, ${count} photos`)
  const each = await Promise.all(
    Array.from({ length: cores }, () => runPeer([process.execPath, script], [folder, rounds, 'both'])),
  )
  if (each.includes(null)) throw new Error('the photos cannot be decoded')
  const sum = key => each.reduce((total, one) => total + one[key], 0)
  return { photosPerSecond: sum('photosPerSecond'), coreMs: sum('coreMs') / cores }
}

async function wholeWorker({ precision, size, processes }) {
  const job = Math.max(size, 128)
  // A job that is smaller than the others would be a call of a size that the provider has not prepared.
  const count = Math.ceil(photos / job) * job
  const result = await run('end-to-end', {
    'no-peers': true,
    provider,
    precisions: precision,
    photos: count,
    repeats: 1,
    processes,
    'images-per-call': size,
    'photos-per-job': job,
  })
  if (result) runs.push({ ...result.details[0], size, processes })
}

async function encoderAlone(precision, processes) {
  const result = await run('batch', {
    'no-peers': true,
    providers: provider,
    precisions: precision,
    sizes: sizes.join(),
    layouts: `${processes}x1`,
    images,
  })
  for (const row of result?.tables[0].rows ?? [])
    encoders.push({
      precision,
      size: row.batch,
      processes,
      imagesPerSecond: row['images/s'],
      coreMs: row['core ms per image'],
      busy: row['GPU, %'],
    })
}

/** The encoder alone in as many processes as made it fastest. */
function encoderOf({ precision, size }) {
  const own = encoders.filter(one => one.precision === precision && one.size === size)
  return own.toSorted((a, b) => b.imagesPerSecond - a.imagesPerSecond)[0]
}

/** Runs a benchmark. @returns its JSON object; null if it failed, as one that takes too much memory of the GPU does */
async function run(name, settings) {
  const file = join(home, 'result.json')
  const parameters = Object.entries(settings).flatMap(([key, value]) =>
    value === true ? [`--${key}`] : [`--${key}`, value],
  )
  const program = fileURLToPath(new URL(`../../${name}.mjs`, import.meta.url))
  const said = parameters.join(' ')
  say(`\n${name} ${said}`)
  const child = spawn(process.execPath, [program, ...parameters.map(String), '--out', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const kill = () => child.kill('SIGTERM')
  process.once('exit', kill)
  const [code] = await once(child, 'exit')
  process.off('exit', kill)
  if (code === 0) return JSON.parse(readFileSync(file, 'utf8'))
  notes.push(`!!! Not measured, because it failed (see above): ${name} ${said}`)
  return null
}

/** Those of model.json. A missing one is announced, and the rest runs. */
function availablePrecisions() {
  const file = join(modelFolder(), 'model.json')
  const known = Object.keys(JSON.parse(readFileSync(file, 'utf8')).precisions)
  const wanted = options.precisions.split(',')
  for (const precision of wanted.filter(one => !known.includes(one)))
    notes.push(
      `!!! ${precision} was not measured: ${file} has only ${known.join(', ')}. ${
        precision === 'fp16' ? 'tools/half-precision/make.py makes fp16 from fp32.' : 'Add its files.'
      }`,
    )
  for (const note of notes) say(note)
  const found = wanted.filter(one => known.includes(one))
  if (found.length === 0)
    throw new Error(`--precisions: expected some of ${known.join(', ')}, found ${options.precisions}.`)
  return found
}

function best(some) {
  if (some.length === 0) throw new Error(`Nothing was measured.\n${notes.join('\n')}`)
  return some.toSorted((a, b) => b.photosPerSecond - a.photosPerSecond)[0]
}

function numbers(name, text) {
  const found = text.split(',').map(Number)
  if (found.every(one => Number.isInteger(one) && one > 0)) return found
  throw new Error(`--${name}: expected whole numbers separated by commas, found ${JSON.stringify(text)}.`)
}
