import { readFileSync } from 'node:fs'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { PostgresTableRepository } from '../../src/db/ingest/table-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresPromptRepository } from '../../src/db/search/prompt-repository.js'
import { parseLabelSet, promptsOf } from '../../src/domain/labels.js'
import type { Photo } from '../../src/domain/photo.js'
import { normalise } from '../../src/domain/similarity.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from './factories.js'

const DIMENSION = 512
/** How much of a photo's vector its words do not tell. */
const UNTOLD = 0.5

const SUBJECTS = [
  'a dog in the snow',
  'a dog on a beach',
  'a cat on a sofa',
  'people on a beach',
  'people in a street',
  'a street in the rain',
  'a lake in the mountains',
  'a boat on a lake',
  'a bridge over a river',
  'a tent in a forest',
  'a lamp in a kitchen',
  'a book on a table',
]
const TIMES = ['dawn', 'day', 'dusk', 'night']
const COUNTRIES = ['Norway', 'Japan', 'Canada']

/**
 * 98 photos that are the same in every run, for the examples of docs/reference/sql.md. Their vectors, and those of the prompts, stand
 * for what a model would make of the words: each word has a direction of its own, a text is the sum of its words, and a photo
 * is its description and something of its own.
 */
export async function fillForDocs(database: Database): Promise<void> {
  const ingest = new PostgresIngestRepository(database)
  const labels = new PostgresLabelRepository(database)
  const modelId = await ingest.registerModel(
    aModel({ name: 'clip-vit-b-32', precision: 'int8', dimension: DIMENSION, logitScale: 20 }),
  )
  for (const name of ['taken_time', 'taken_space']) {
    const parsed = parseLabelSet(JSON.parse(readFileSync(`labels/${name}.json`, 'utf8')))
    if ('problem' in parsed) throw new Error(parsed.problem)
    await labels.savePrompts(modelId, parsed.set, promptsOf(parsed.set).map(vectorOfText))
  }
  const prompts = ['a dog at night', 'a beach', 'at night', 'at dawn', 'people']
  await new PostgresPromptRepository(database).save(modelId, prompts, prompts.map(vectorOfText))
  const photos = docsPhotos()
  await embedPhotos(database, modelId, photos, photos.map(vectorOfPhoto), ['taken_time', 'taken_space'])
  await ingest.upsertPhotos([aPhoto('broken')])
  await ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
  await ingest.addBatches([{ id: 'batch-1', runId: 'run-1', photoIds: ['broken'] }])
  await ingest.recordOutcome({
    parentId: 'batch-1',
    modelId,
    embedded: [],
    failures: [{ photoId: 'broken', code: 'HTTP_404', message: 'gone', attempts: 1 }],
    labelSets: [],
  })
  await controlledRuns(database, ingest, modelId)
  await describePhotos(database, photos)
}

/** Two photos under ids of the dataset, and every subject at every time of day, twice. */
function docsPhotos(): Photo[] {
  const scenes = SUBJECTS.flatMap(subject => TIMES.map(time => `${subject} at ${time}`))
  const described: [string, string][] = [
    ['-N_UwPdUs7E', 'a dog in the snow at night'],
    ['iflUHY8zMYc', 'a street in the rain at night'],
    ...[...scenes, ...scenes].map((scene, i): [string, string] => [`photo-${i}`, scene]),
  ]
  return described.map(([id, description], i) =>
    aPhoto(id, {
      photo_description: description,
      photographer_username: `photographer-${i % 7}`,
      photo_submitted_at: `20${String(15 + (i % 6)).padStart(2, '0')}-05-01 00:00:00`,
      photo_featured: i % 4 === 0,
      photo_width: i % 3 === 0 ? 4000 : 6000,
      photo_height: i % 3 === 0 ? 6000 : 4000,
      exif_iso: 100 * (i % 20),
      exif_camera_make: i % 2 === 0 ? 'Canon' : 'NIKON CORPORATION',
      photo_location_country: COUNTRIES[i % 3]!,
      photo_location_latitude: 60 + (i % 10) / 10,
      photo_location_longitude: 5 + (i % 10) / 10,
      stats_downloads: 10 * i,
    }),
  )
}

function vectorOfPhoto({ photo_id, photo_description }: Photo): Float32Array {
  const told = vectorOfText(photo_description!)
  const own = direction(photo_id)
  return normalise(told.map((value, i) => value + UNTOLD * own[i]!))
}

/** What the model of the examples makes of a text. */
export function vectorOfText(text: string): Float32Array {
  const sum = new Float32Array(DIMENSION)
  for (const word of text.toLowerCase().match(/[a-z]{3,}/g) ?? [])
    for (const [i, value] of direction(word).entries()) sum[i]! += value
  return normalise(sum)
}

function direction(word: string): Float32Array {
  const random = randomNumbers([...word].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 16777619), 7))
  return normalise(Float32Array.from({ length: DIMENSION }, random))
}

/** Every word of a description is a keyword, dogs and people are collected, and every time of day has its color. */
async function describePhotos(database: Database, photos: readonly Photo[]): Promise<void> {
  const tables = new PostgresTableRepository(database)
  const words = (photo: Photo): string[] => photo.photo_description!.match(/[a-z]{3,}/g) ?? []
  const keywords = photos.flatMap((photo, i) =>
    words(photo)
      .filter(word => !['the', 'over'].includes(word))
      .map((word, n) => [photo.photo_id, word, 95 - 10 * n, n === 0 ? 60 + (i % 30) : null, n === 0 && i % 5 === 0]),
  )
  const collections = ['dog', 'people'].flatMap((word, n) =>
    photos
      .filter(photo => words(photo).includes(word))
      .map(photo => [photo.photo_id, String(101 + n), n === 0 ? 'Good dogs' : 'People', '2020-01-01 12:00:00']),
  )
  const colors: Record<string, [string, number, number, number, string]> = {
    dawn: ['FFDAB9', 255, 218, 185, 'peachpuff'],
    day: ['87CEEB', 135, 206, 235, 'skyblue'],
    dusk: ['8A2BE2', 138, 43, 226, 'blueviolet'],
    night: ['191970', 25, 25, 112, 'midnightblue'],
  }
  await tables.loadRows('keywords', keywords)
  await tables.loadRows('collections', collections)
  await tables.loadRows(
    'colors',
    photos.map(photo => [photo.photo_id, ...colors[words(photo).at(-1)!]!, 0.6, 0.5]),
  )
  await tables.loadRows(
    'conversions',
    photos.map((photo, i) => [
      `2020-02-28 11:30:${String(i % 60).padStart(2, '0')}`,
      'download',
      words(photo)[i % 3 === 0 ? 2 : 0]!,
      photo.photo_id,
      `user-${i % 9}`,
      ['NO', 'JP', 'CA'][i % 3]!,
    ]),
  )
}

/** A run that is paused with a batch parked, one with work left and a batch given up, and a worker. */
async function controlledRuns(database: Database, ingest: PostgresIngestRepository, modelId: number): Promise<void> {
  const runs = new PostgresRunRepository(database)
  const [paused, active] = ['20261123091500-a1b2', '20261123101500-c3d4']
  for (const id of [paused, active]) await ingest.createRun({ id, modelId, source: 'photos.tsv', options: {} })
  await ingest.upsertPhotos(['open-1', 'open-2', 'open-3'].map(id => aPhoto(id)))
  await ingest.addBatches([
    { id: 'parked', runId: paused, photoIds: ['open-1'] },
    { id: 'open', runId: active, photoIds: ['open-2'] },
    { id: 'given-up', runId: active, photoIds: ['open-3'] },
  ])
  await runs.setControl(paused, 'paused')
  await runs.setAside({
    id: 'parked',
    parentId: 'parked',
    runId: paused,
    model: 'clip-vit-b-32@int8',
    revision: 'abc',
    photos: [{ id: 'open-1', url: 'https://images.example/open-1' }],
    attempt: 1,
    store: true,
    labelSets: [],
  })
  await runs.giveUp('given-up', 'MODEL_NOT_FOUND', 'no files')
  await runs.report({
    id: 'worker',
    host: 'box',
    pid: 7,
    model: 'clip-vit-b-32@int8',
    startedAt: new Date(),
    embedded: 1,
    failed: 0,
    photosPerSecond: 2,
    inHand: { [active]: 1 },
    trouble: null,
  })
}
