import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDemoDataset, type DemoDataset } from '../../src/demo/demo-dataset.js'
import { labelScores } from '../../src/domain/labels.js'
import type { ModelIdentity } from '../../src/domain/model.js'
import { cosineSimilarity, norm } from '../../src/domain/similarity.js'
import { Sandbox, withoutWaits } from '../support/cli.js'
import { type Miniature, SHAPES, writeMiniature } from '../support/models/miniatures.js'

const MINUTE = 60_000
const PHOTOS = 12
/** Ingested later, by two models at once. */
const MORE_PHOTOS = 4
const SETS = ['taken_time', 'taken_space']
/** One of the set taken_time, so that the database knows its embedding. */
const PROMPT = 'A photo taken at night'
/** What half precision adds to the length of a unit vector, and to a cosine. */
const HALF = 2e-3

interface Hit extends Record<string, unknown> {
  photo_id: string
  score: number
}

/** What the database holds of one model. */
interface Stored {
  model: Pick<ModelIdentity, 'dimension' | 'scoring' | 'logitScale' | 'logitBias'>
  embeddings: Map<string, number[]>
  prompts: Map<string, { labels: string[]; embeddings: number[][] }>
  labels: { photo_id: string; set_name: string; label: string; scores: number[] }[]
}

describe('a miniature of every shape of model, through the whole pipeline', () => {
  let sandbox: Sandbox
  let dataset: DemoDataset
  let database: pg.Client
  const miniatures = new Map<string, Miniature>()

  beforeAll(async () => {
    const never = new AbortController().signal
    sandbox = await Sandbox.create()
    dataset = await createDemoDataset(PHOTOS + MORE_PHOTOS, join(sandbox.home, 'dataset'), () => {}, never)
    const folders = SHAPES.map(shape => join(sandbox.home, shape))
    for (const [i, shape] of SHAPES.entries()) {
      await mkdir(folders[i]!)
      miniatures.set(shape, await writeMiniature(shape, folders[i]!))
    }
    Object.assign(sandbox.environment, { MODEL_FOLDERS: folders.join(), ALLOW_HOSTS: dataset.host, HOST_RATE: '0' })
    database = new pg.Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
    await database.connect()
  }, 4 * MINUTE)
  afterAll(async () => {
    await database?.end()
    await dataset?.close()
    await sandbox?.close()
  })

  const search = async (reference: string, ...args: string[]): Promise<Hit[]> => {
    const { stdout, stderr, objects } = await sandbox.run('search', ...args, '--model', reference, '-k', '20', '--json')
    expect(stderr, stdout).toBe('')
    return objects() as Hit[]
  }

  test.each(SHAPES)('%s: photos are embedded, labelled and found', { timeout: 4 * MINUTE }, async shape => {
    const { reference, hasTexts } = miniatures.get(shape)!
    const run = await sandbox.run(
      'ingest',
      dataset.tsv,
      '--limit',
      String(PHOTOS),
      '--processes',
      '1',
      '--model',
      reference,
      '--json',
    )
    expect(withoutWaits(run.stderr).trim()).toBe(
      hasTexts ? '' : `${reference} embeds only images: no labels are predicted.`,
    )
    expect(run.objects().at(-1)).toMatchObject({ model: reference, photos: PHOTOS, done: PHOTOS, failed: 0 })

    const stored = await read(database, reference)
    expect(stored.embeddings.size).toBe(PHOTOS)
    for (const embedding of stored.embeddings.values()) {
      expect(embedding).toHaveLength(stored.model.dimension)
      expect(Math.abs(norm(embedding) - 1)).toBeLessThan(HALF)
    }
    expect(stored.labels).toHaveLength(hasTexts ? PHOTOS * SETS.length : 0)
    expectLabels(stored)

    const [byImage, byPhoto, byText] = await Promise.all([
      search(reference, '--image', `http://${dataset.host}/scene-00003.jpg`),
      search(reference, '--photo', 'scene-00003'),
      hasTexts ? search(reference, PROMPT) : null,
    ])
    const [id, ...others] = ranked(stored, stored.embeddings.get('scene-00003')!)
    expect(id).toEqual({ photo_id: 'scene-00003', score: expect.closeTo(1, 5) })
    expectHits(byPhoto, others)
    expect(byImage).toHaveLength(PHOTOS)
    expect(byImage[0]!.score).toBeGreaterThan(0.99)
    if (byText) expectHits(byText, ranked(stored, promptOf(stored)))
  })

  test('siglip: every label has a score of its own, also when it is predicted later', {
    timeout: 4 * MINUTE,
  }, async () => {
    const { reference } = miniatures.get('siglip')!
    const file = join(sandbox.home, 'season.json')
    await writeFile(file, '{"name": "season", "template": "in {label}", "labels": ["spring", "summer", "autumn"]}')
    const labelled = await sandbox.run('labels', 'predict', file, '--model', reference, '--json')
    expect(labelled.stderr).toBe('')
    const counts = labelled.objects() as { photos: number }[]
    expect(counts.reduce((sum, { photos }) => sum + photos, 0)).toBe(PHOTOS)

    const stored = await read(database, reference)
    expect(stored.model.scoring).toBe('sigmoid')
    expect(stored.labels).toHaveLength(PHOTOS * (SETS.length + 1))
    expectLabels(stored)
    const sums = stored.labels.map(({ scores }) => scores.reduce((a, b) => a + b))
    expect(sums.filter(sum => Math.abs(sum - 1) < 1e-6)).toEqual([])
    const page = join(sandbox.home, 'season.html')
    const shown = await sandbox.run('labels', 'show', 'season', '--html', page, '--model', reference)
    expect(shown.code).toBe(0)
    expect(await readFile(page, 'utf8')).toContain('scores do not add up to 100 %')
  })

  test('image-only: words are refused at the start, with what to do, and nothing is written', {
    timeout: 4 * MINUTE,
  }, async () => {
    const { reference } = miniatures.get('image-only')!
    const count = async () => (await database.query('select count(*) from runs')).rows
    const before = await count()
    const refusals = await Promise.all([
      sandbox.run('ingest', dataset.tsv, '--label-set', 'taken_time', '--model', reference),
      sandbox.run('labels', 'predict', 'taken_time', '--model', reference),
      sandbox.run('search', 'a red house', '--model', reference),
      sandbox.run('labels', 'show', 'taken_time', '--model', reference),
    ])
    const whatToDo = [/--label-set none/, /text tower/, /--image FILE\|URL or --photo ID/, /text tower/]
    for (const [i, { code, stdout, stderr }] of refusals.entries()) {
      expect(stderr).toMatch(whatToDo[i]!)
      expect(stderr).toContain(`MODEL_WITHOUT_TEXT: ${reference} embeds only images, so it cannot`)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    }
    expect(await count()).toEqual(before)
    expect((await sandbox.run('labels', 'show', '--model', reference)).stdout).toContain('predicts no labels')
  })

  test('two models share a worker, and neither answers with what the other one made', {
    timeout: 4 * MINUTE,
  }, async () => {
    const two = [miniatures.get('siglip')!, miniatures.get('image-only')!]
    for (const { reference } of two)
      await sandbox.run('ingest', dataset.tsv, '--photos-per-job', '1', '--no-store', '--model', reference)
    const worker = await sandbox.run('worker', '--until-idle', '--json')
    expect(worker.objects()).toMatchObject([{ batches: 2 * MORE_PHOTOS, embedded: 2 * MORE_PHOTOS, failed: 0 }])
    const id = `scene-000${PHOTOS}`
    for (const { reference } of two) {
      const stored = await read(database, reference)
      expect(stored.embeddings.size).toBe(PHOTOS + MORE_PHOTOS)
      expectLabels(stored)
      const [byPhoto, byImage] = await Promise.all([
        search(reference, '--photo', id),
        search(reference, '--image', `http://${dataset.host}/${id}.jpg`),
      ])
      expectHits(byPhoto, ranked(stored, stored.embeddings.get(id)!).slice(1))
      expect(byImage[0]).toMatchObject({ photo_id: id, score: expect.closeTo(1, 4) })
    }
  })

  test('every model has its own embeddings and prompts', async () => {
    const { rows } = await database.query(
      `select m.name || '@' || m.precision as model, count(*)::integer as photos
         from embeddings e join models m on m.id = e.model_id group by 1`,
    )
    const expected = [...miniatures.entries()].map(([shape, { reference }]) => ({
      model: reference,
      photos: shape === 'siglip' || shape === 'image-only' ? PHOTOS + MORE_PHOTOS : PHOTOS,
    }))
    expect(rows).toHaveLength(SHAPES.length)
    expect(rows).toEqual(expect.arrayContaining(expected))
    const prompts = await database.query(`select distinct embedding::text from label_prompts where prompt = $1`, [
      PROMPT,
    ])
    // Those of the fp32 and of the combined file may be the same tower; all the others differ.
    expect(prompts.rows.length).toBeGreaterThanOrEqual(SHAPES.length - 2)
  })
})

/** Every score is what the reference computes from the stored embeddings, and the label is the nearest prompt's. */
function expectLabels({ model, embeddings, prompts, labels }: Stored): void {
  for (const { photo_id, set_name, label, scores } of labels) {
    const set = prompts.get(set_name)!
    const similarities = set.embeddings.map(prompt => cosineSimilarity(prompt, embeddings.get(photo_id)!))
    const expected = labelScores(similarities, model)
    for (const [i, score] of scores.entries())
      expect(Math.abs(score - expected[i]!)).toBeLessThan(1e-3 * expected[i]! + 1e-30)
    expect(similarities[set.labels.indexOf(label)]).toBeCloseTo(Math.max(...similarities), 5)
  }
}

function expectHits(found: Hit[], expected: Hit[]): void {
  expect(found).toHaveLength(expected.length)
  const scores = new Map(expected.map(({ photo_id, score }) => [photo_id, score]))
  for (const { photo_id, score } of found) expect(Math.abs(score - scores.get(photo_id)!)).toBeLessThan(1e-4)
  expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a))
}

function ranked({ embeddings }: Stored, query: number[]): Hit[] {
  return [...embeddings]
    .map(([photo_id, embedding]) => ({ photo_id, score: cosineSimilarity(query, embedding) }))
    .sort((a, b) => b.score - a.score)
}

function promptOf({ prompts }: Stored): number[] {
  const { labels, embeddings } = prompts.get('taken_time')!
  return embeddings[labels.indexOf('night')]!
}

async function read(database: pg.Client, reference: string): Promise<Stored> {
  const { rows: models } = await database.query(
    `select id, dimension, scoring, logit_scale as "logitScale", logit_bias as "logitBias" from models
      where name || '@' || precision = $1`,
    [reference],
  )
  expect(models).toHaveLength(1)
  const { id, ...model } = models[0]
  const rowsOf = async (sql: string) => (await database.query(sql, [id])).rows
  const embeddings = await rowsOf('select photo_id, embedding::text from embeddings where model_id = $1')
  const prompts = await rowsOf(
    `select set_name, array_agg(label order by position) as labels, array_agg(embedding::text order by position) as embeddings
       from label_prompts where model_id = $1 group by set_name`,
  )
  return {
    model,
    embeddings: new Map(embeddings.map(row => [row.photo_id, JSON.parse(row.embedding)])),
    prompts: new Map(
      prompts.map(row => [
        row.set_name,
        { labels: row.labels, embeddings: row.embeddings.map((text: string) => JSON.parse(text)) },
      ]),
    ),
    labels: (await rowsOf(
      'select photo_id, set_name, label, scores from photo_labels where model_id = $1',
    )) as Stored['labels'],
  }
}
