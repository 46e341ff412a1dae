// Precision and recall of a label taught with few examples, on 700 real photos; and photos per second relabelled in SQL
//
// Truth: a label that CLIP ViT-B/32 gave 700 photos of the Unsplash dataset for prompts. Examples are drawn at random
// for each seed, and measured are all other photos. Beside it: a threshold on the similarity with each of 1,203 prompts
// of one noun, the best prompt and threshold in hindsight; the truth itself is that of prompts, so its own prompts
// would be right by definition. Then: a million photos labelled with the taught set, each session on one connection.
//
//   npm run bench -- teach [--label taken_time=night] [--yes 10] [--no 10] [--seeds 20]
//                          [--photos 1000000] [--sessions 1,4] [--reference FOLDER] [--database-url URL]
//
// --photos 0 leaves out the labelling. Without --database-url it starts its own Postgres. The database must be empty,
// and its user an administrator.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Products } from '../../dist/analysis/matrix/products.js'
import { drawDistinct, randomFrom } from '../../dist/analysis/random.js'
import { stackRows } from '../../dist/analysis/teach/stack-rows.js'
import { teachProbe } from '../../dist/analysis/teach/teach-probe.js'
import { openDatabase } from '../../dist/db/connection.js'
import { PostgresIngestRepository } from '../../dist/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../dist/db/label-repository.js'
import { migrate } from '../../dist/db/migrate.js'
import { PostgresTrainedLabelRepository } from '../../dist/db/trained-label-repository.js'
import { toVectorText } from '../../dist/db/vector.js'
import { readMatrix } from '../../dist/models/check/npy.js'
import { RecordSplitter } from '../../dist/producers/input/record-splitter.js'
import { startPostgres } from '../support/postgres.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const MODEL = {
  ...{ name: 'bench', precision: 'fp32', revision: 'r', dimension: 512 },
  ...{ scoring: 'softmax', logitScale: 100, logitBias: 0 },
}
const options = readOptions({
  label: { type: 'string', default: 'taken_time=night' },
  yes: { type: 'string', default: '10' },
  no: { type: 'string', default: '10' },
  seeds: { type: 'string', default: '20' },
  photos: { type: 'string', default: '1000000' },
  sessions: { type: 'string', default: '1,4' },
  reference: { type: 'string', default: '../shared/reference' },
  'database-url': { type: 'string' },
})
const [column, label] = options.label.split('=')
const [wantedYes, wantedNo, seeds, photos] = [options.yes, options.no, options.seeds, options.photos].map(Number)
const folder = join(options.reference, 'unsplash')
const vectors = (await readMatrix(join(folder, 'clip-vit-b-32-image.npy'))).map(unit)
const truth = readTruth()

const products = await Products.open()
const tables = []
try {
  const { rows, probe } = await measureQuality()
  tables.push({ title: `${label}: ${truth.filter(Boolean).length} of ${vectors.length} photos`, rows })
  if (photos > 0) tables.push({ title: `Relabelling ${photos} photos`, rows: await measureSpeed(probe) })
} finally {
  await products.close()
}
report(options, {
  bench: 'teach',
  settings: { label: options.label, yes: wantedYes, no: wantedNo, seeds, photos },
  tables,
})

async function measureQuality() {
  const taught = []
  let probe
  for (let seed = 0; seed < seeds; seed++) {
    const random = randomFrom(seed)
    const draw = (count, has) => {
      const places = [...truth.keys()].filter(place => truth[place] === has)
      return [...drawDistinct(count, places.length, random)].map(i => places[i])
    }
    const [yes, no] = [draw(wantedYes, true), draw(wantedNo, false)]
    const examples = new Set([...yes, ...no])
    const rest = [...truth.keys()].filter(place => !examples.has(place))
    const rows = places => stackRows(places.map(place => vectors[place]))
    probe = await teachProbe({ yes: rows(yes), no: rows(no), others: rows(rest) }, { products, seed })
    const scores = rest.map(place => dot(probe.weights, vectors[place]) + probe.bias)
    const { rightYes, wrongYes, missedYes } = probe.heldOut
    taught.push({
      ...quality(scores, rest, 0),
      heldOutPrecision: rightYes / Math.max(1, rightYes + wrongYes),
      heldOutRecall: rightYes / (rightYes + missedYes),
    })
    say(`seed ${seed}: precision ${taught.at(-1).precision.toFixed(2)}, recall ${taught.at(-1).recall.toFixed(2)}`)
  }
  return { probe, rows: [rowOf(`taught with ${wantedYes} yes, ${wantedNo} no`, taught), await bestPrompt()] }
}

/** The prompt and threshold with the highest F1 on all photos: better than anybody can choose beforehand. */
async function bestPrompt() {
  const texts = (await readMatrix(join(options.reference, 'clip-text/clip-vit-b-32-text.npy'))).map(unit)
  const prompts = readFileSync(join(options.reference, 'clip-text/clip-vit-b-32-text.prompts.txt'), 'utf8').split('\n')
  const places = [...truth.keys()]
  let best = { f1: -1 }
  for (const [i, text] of texts.entries()) {
    const scores = vectors.map(vector => dot(text, vector))
    for (const threshold of scores) {
      const found = { ...quality(scores, places, threshold - 1e-9), prompt: prompts[i] }
      if (found.f1 > best.f1) best = found
    }
  }
  return rowOf(`zero-shot: "${best.prompt}", best of ${texts.length} prompts in hindsight`, [best])
}

function quality(scores, places, threshold) {
  let [right, claimed, actual] = [0, 0, 0]
  for (const [i, place] of places.entries()) {
    const isClaimed = scores[i] > threshold
    claimed += isClaimed ? 1 : 0
    actual += truth[place] ? 1 : 0
    right += isClaimed && truth[place] ? 1 : 0
  }
  const [precision, recall] = [claimed === 0 ? 1 : right / claimed, right / actual]
  return { precision, recall, f1: (2 * right) / (claimed + actual), average: averagePrecision(scores, places) }
}

function averagePrecision(scores, places) {
  if (places.length === truth.length) return undefined
  const order = [...places.keys()].sort((a, b) => scores[b] - scores[a])
  let [right, sum] = [0, 0]
  for (const [rank, i] of order.entries()) if (truth[places[i]]) sum += ++right / (rank + 1)
  return sum / right
}

function rowOf(way, all) {
  const mean = key => {
    const values = all.map(each => each[key]).filter(value => value !== undefined)
    return values.length === 0 ? '' : round(values.reduce((sum, value) => sum + value, 0) / values.length)
  }
  return {
    way,
    precision: mean('precision'),
    recall: mean('recall'),
    F1: mean('f1'),
    'average precision': mean('average'),
    'precision, held out': mean('heldOutPrecision'),
    'recall, held out': mean('heldOutRecall'),
  }
}

async function measureSpeed(probe) {
  const own = options['database-url'] === undefined ? await startPostgres() : null
  const sessions = options.sessions.split(',').map(Number)
  const database = await openDatabase({
    url: options['database-url'] ?? own.url,
    maxConnections: Math.max(...sessions),
  })
  try {
    await migrate(database)
    const modelId = await new PostgresIngestRepository(database).registerModel(MODEL)
    await embed(database, modelId)
    const trained = new PostgresTrainedLabelRepository(database)
    const rows = []
    for (const count of sessions)
      for (const sign of [1, -1]) {
        const half = factor => ({ weights: probe.weights.map(w => (factor * w) / 2), bias: (factor * probe.bias) / 2 })
        const [one, other] = [half(sign), half(-sign)]
        await trained.save(modelId, {
          name: `taught_${count}`,
          labels: [label, `not ${label}`],
          weights: [one.weights, other.weights],
          biases: [one.bias, other.bias],
          training: { kind: 'taught', examples: {} },
        })
        const start = performance.now()
        const labelled = await new PostgresLabelRepository(database, { sessions: count }).labelPhotos(
          modelId,
          `taught_${count}`,
        )
        const seconds = (performance.now() - start) / 1000
        if (labelled !== photos) throw new Error(`${photos} labelled photos expected, found ${labelled}`)
        const way = `${sign === 1 ? 'new set' : 'taught again'}, ${count} ${count === 1 ? 'session' : 'sessions'}`
        rows.push({ way, photos, seconds: round(seconds), 'photos per second': Math.round(photos / seconds) })
        say(`${way}: ${seconds.toFixed(1)} s`)
      }
    return rows
  } finally {
    await database.close()
    await own?.stop()
  }
}

/** The real vectors in turn, under unordered ids. */
async function embed(database, modelId) {
  await database.query('create table directions (i integer primary key, embedding halfvec not null)')
  await database.query(
    `insert into directions
     select i - 1, embedding::halfvec from unnest($1::text[]) with ordinality as new (embedding, i)`,
    [vectors.map(vector => toVectorText(vector))],
  )
  await database.transaction(
    async session => {
      // Labelling reads only embeddings. Without photos, no foreign keys need checking, which takes a minute.
      await session.query('set local session_replication_role = replica')
      await session.query(
        `insert into embeddings (model_id, photo_id, embedding)
         select $1, md5(n::text), d.embedding
           from generate_series(1, $2::integer) as n join directions d on d.i = n % $3::integer`,
        [modelId, photos, vectors.length],
      )
    },
    { unlimited: true },
  )
  await database.query('vacuum analyze embeddings')
  say(`${photos} embeddings are there`)
}

function readTruth() {
  const ids = readFileSync(join(folder, 'clip-vit-b-32-image.ids.txt'), 'utf8').trim().split('\n')
  const splitter = new RecordSplitter(',')
  const [header, ...records] = [...splitter.push(readFileSync(join(folder, 'photos-700.csv'))), ...splitter.end()]
  const [id, value] = ['photo_id', column].map(name => header.fields.indexOf(name))
  const labels = new Map(records.map(({ fields }) => [fields[id], fields[value]]))
  return ids.map(each => labels.get(each) === label)
}

function unit(vector) {
  const length = Math.hypot(...vector)
  return vector.map(value => value / length)
}

function dot(a, b) {
  let sum = 0
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j]
  return sum
}
