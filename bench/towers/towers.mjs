// What each model of docs/guides/choosing-a-model.md costs here: per photo and per query, size and memory
//
//   npm run bench -- towers [--only NAME,…] [--seconds 4] [--tables photo,query]
//
// bench/towers/prepare.sh makes the models, in full size with random weights. Each precision runs in a process of its own
// that opens it as a worker does (one thread, the default number of images per call), and then in another one that opens
// the text tower as a search does (a thread per core). Beside it runs CLIP ViT-B/32 in fp32: both take turns, so that other
// work on the machine affects both, and `of CLIP B/32` compares the calls of one turn. --seconds: time for the turns of
// each; at least two turns. Memory: the largest resident set of the process. Takes about 8 minutes on two cores.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { knownModels } from '../../dist/models/catalog/model-folders.js'
import { defaultImagesPerCall } from '../../dist/models/runtime/providers.js'
import { openLineProcess } from '../support/line-process.mjs'
import { median, readOptions, report, round, say, spread } from '../support/report.mjs'
import { makePrompts } from '../support/text/prompts.mjs'
import { MODELS, REFERENCE } from './models.mjs'

const path = name => fileURLToPath(new URL(name, import.meta.url))
const [PHOTO_PROCESS, TEXT_PROCESS] = [path('../support/encoder-process.mjs'), path('../support/text/text-process.mjs')]
const [HOME, FOLDER] = [path('../../.bench/towers'), path('../../.bench/towers/models')]
const PRECISIONS = ['fp32', 'int8-smooth']
const [FEWEST_TURNS, MOST_TURNS] = [2, 15]
const IMAGES = defaultImagesPerCall('cpu')
/** Time of the prompts of one turn, and most of them. */
const [PROMPTS_MS, MOST_PROMPTS] = [400, 20]

const options = readOptions({
  only: { type: 'string', default: [...MODELS.keys()].join(',') },
  seconds: { type: 'string', default: '4' },
  tables: { type: 'string', default: 'photo,query' },
})
const specs = findSpecs(options.only.split(','))
const seconds = Number(options.seconds)
const tables = []
if (options.tables.includes('photo'))
  tables.push({ title: `one photo: 1 thread, ${IMAGES} images per call`, rows: await photos() })
if (options.tables.includes('query')) tables.push({ title: 'one prompt, a thread per core', rows: await queries() })
report(options, { bench: 'towers', settings: { seconds }, tables })

/** The precisions of the models that are there. */
function findSpecs(names) {
  const known = knownModels([], join(FOLDER, 'models.lock.json'))
  const unknown = names.filter(name => !MODELS.has(name))
  if (unknown.length > 0) throw new Error(`expected names of ${[...MODELS.keys()].join(', ')}, found ${unknown}`)
  const isHere = spec => [spec.visionFile, spec.textFile ?? spec.visionFile].every(one => existsSync(fileOf(spec, one)))
  const of = name => known.filter(spec => spec.name === name && isHere(spec))
  const reference = of(REFERENCE).find(({ precision }) => precision === 'fp32')
  if (!reference) throw new Error(`expected ${REFERENCE} in ${FOLDER}, found nothing: run bench/towers/prepare.sh`)
  for (const name of names.filter(name => of(name).length === 0))
    say(`!!! NOT HERE: ${name}; run bench/towers/prepare.sh ${name}`)
  return names.flatMap(name => of(name).sort((a, b) => placeOf(a) - placeOf(b)))
}

function placeOf({ precision }) {
  return PRECISIONS.indexOf(precision)
}

function fileOf({ name }, file) {
  return join(FOLDER, name, file)
}

/** Of a tower and the weights beside it, in MB. */
function megabytes({ name, origin }, file) {
  const beside = (origin.files ?? []).map(one => one.path ?? one).filter(one => one.startsWith(`${file}_data`))
  return round([file, ...beside].reduce((sum, one) => sum + statSync(join(FOLDER, name, one)).size, 0) / 1e6)
}

async function photos() {
  const reference = openPhotos(REFERENCE, 'fp32')
  await reference.ready
  const rows = []
  for (const spec of specs) {
    say(`photo: ${spec.name}@${spec.precision}`)
    const one = openPhotos(spec.name, spec.precision)
    await one.ready
    const turns = await inTurns(
      () => reference.ask(IMAGES),
      () => one.ask(IMAGES),
    )
    await one.close()
    rows.push({
      model: MODELS.get(spec.name),
      precision: spec.precision,
      side: spec.input.size,
      numbers: spec.dimension,
      'file, MB': megabytes(spec, spec.visionFile),
      'core ms': spread(turns.map(([, { coreMs }]) => coreMs)),
      'wall ms': spread(turns.map(([, { imagesPerSecond }]) => 1000 / imagesPerSecond)),
      'of CLIP B/32': spread(turns.map(([base, { coreMs }]) => coreMs / base.coreMs)),
      'peak, MiB': round(turns.at(-1)[1].peakMib),
    })
  }
  await reference.close()
  return rows
}

async function queries() {
  const reference = openTexts(REFERENCE, 'fp32')
  await reference.ready
  const rows = []
  let asked = 0
  const ask = async (process, count) => {
    asked += count
    return process.ask(makePrompts(count, asked))
  }
  for (const spec of specs.filter(({ text }) => text)) {
    say(`query: ${spec.name}@${spec.precision}`)
    const one = openTexts(spec.name, spec.precision)
    const { openMs, firstMs } = JSON.parse(await one.ready)
    const trial = median((await ask(one, 2)).ms)
    const count = Math.max(1, Math.min(MOST_PROMPTS, Math.round(PROMPTS_MS / trial)))
    const turns = await inTurns(
      () => ask(reference, MOST_PROMPTS),
      () => ask(one, count),
    )
    const tokenizer = await one.ask(['tokenizer'])
    await one.close()
    rows.push({
      model: MODELS.get(spec.name),
      precision: spec.precision,
      tokens: spec.text.padId === undefined ? `up to ${spec.text.contextLength}` : spec.text.contextLength,
      'file, MB': megabytes(spec, spec.textFile),
      'opened, ms': round(openMs),
      'first, ms': round(firstMs),
      'wall ms': spread(turns.map(([, { ms }]) => median(ms))),
      'core ms': spread(turns.map(([, { coreMs }]) => coreMs)),
      'of CLIP B/32': spread(turns.map(([base, { ms }]) => median(ms) / median(base.ms))),
      'tokenizer, ms': round(median(tokenizer.ms)),
      'peak, MiB': round(turns.at(-1)[1].peakMib),
    })
  }
  await reference.close()
  return rows
}

/** Runs both in turns, the first one first in every other. @returns the pairs of answers */
async function inTurns(first, second) {
  const turns = []
  let spentMs = 0
  while (turns.length < FEWEST_TURNS || (turns.length < MOST_TURNS && spentMs < 1000 * seconds)) {
    const before = turns.length % 2 ? undefined : await first()
    const startedAt = performance.now()
    const answer = await second()
    spentMs += performance.now() - startedAt
    turns.push([before ?? (await first()), answer])
  }
  return turns
}

function openPhotos(name, precision) {
  return open(PHOTO_PROCESS, [1, IMAGES, 'cpu'], name, precision)
}

function openTexts(name, precision) {
  return open(TEXT_PROCESS, [], name, precision)
}

function open(program, parameters, name, precision) {
  const key = `${name}@${precision}`
  const env = { UNSPLASH_CLIP_HOME: HOME, MODELS_DIR: FOLDER, MODEL: key, LOG_LEVEL: 'error' }
  return openLineProcess(program, parameters, { env, title: key })
}
