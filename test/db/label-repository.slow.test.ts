import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../src/db/search/search-repository.js'
import { type LabelSet, labelScores } from '../../src/domain/labels.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { cosineSimilarity, sigmoid, softmax } from '../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector, toHalf } from './factories.js'

const DIMENSION = 16
const TIME: LabelSet = { name: 'time', template: 'A photo taken at {label}', labels: ['dawn', 'day', 'dusk', 'night'] }
const SPACE: LabelSet = { name: 'space', template: 'A photo taken {label}', labels: ['indoor', 'outdoor'] }

const kinds = serverKinds()
describe.each(kinds)('the label repository on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let labels: PostgresLabelRepository
    let modelId: ModelId
    let random: () => number
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      labels = new PostgresLabelRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      random = randomNumbers(7)
    })

    const vectors = (count: number, dimension = DIMENSION) =>
      Array.from({ length: count }, () => randomVector(dimension, random))
    const photos = (count: number) => Array.from({ length: count }, (_, i) => aPhoto(`p${String(i).padStart(5, '0')}`))

    test('gives each photo the scores that softmax over 100 x cosine gives in TypeScript', async () => {
      const [prompts, embeddings] = [vectors(4), vectors(40)]
      await embedPhotos(database, modelId, photos(40), embeddings)
      await labels.savePrompts(modelId, TIME, prompts)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(40)

      const search = new PostgresSearchRepository(database)
      for (const [i, { photo_id }] of photos(40).entries()) {
        const stored = embeddings[i]!.map(toHalf)
        const expected = softmax(prompts.map(prompt => 100 * cosineSimilarity(stored, prompt)))
        const found = (await search.photo(photo_id))!.states[0]!.labels.time!
        for (const [j, label] of TIME.labels.entries()) expect(found.scores[label]).toBeCloseTo(expected[j]!, 4)
        expect(found.label).toBe(TIME.labels[expected.indexOf(Math.max(...expected))])
        expect(found.score).toBe(Math.max(...Object.values(found.scores)))
      }
    })

    test('tells the planner how many labels there are, before readers see them', async () => {
      const expected = async () =>
        (
          await database.query<{ rows: number }>(
            `select reltuples::integer as rows from pg_class where oid = 'label_rows'::regclass`,
          )
        )[0]!.rows
      await embedPhotos(database, modelId, photos(300), vectors(300))
      await labels.savePrompts(modelId, TIME, vectors(4))
      expect(await expected()).toBe(-1)
      await labels.labelPhotos(modelId, 'time')
      expect(await expected()).toBe(300)
    })

    test('names the labels whose words the model takes for one and the same', async () => {
      const [same, other, third] = vectors(3)
      await labels.savePrompts(modelId, TIME, [same!, other!, same!, third!])
      expect(await labels.equalLabels(modelId, 'time')).toEqual(['dawn', 'dusk'])
      await labels.savePrompts(modelId, SPACE, [same!, other!])
      expect(await labels.equalLabels(modelId, 'space')).toEqual([])
    })

    test('uses the logit scale of the model, and bears one that leaves nothing to the other labels', async () => {
      const steep = await new PostgresIngestRepository(database).registerModel(
        aModel({ name: 'steep', dimension: 2, logitScale: 100_000 }),
      )
      const [right, up] = [Float32Array.of(1, 0), Float32Array.of(0, 1)]
      await embedPhotos(database, steep, photos(2), [right, up])
      await labels.savePrompts(steep, SPACE, [right, up])
      await labels.labelPhotos(steep, 'space')
      expect(await labels.sample(steep, 'space', 5, 1)).toEqual([
        { photoId: 'p00000', label: 'indoor', score: 1 },
        { photoId: 'p00001', label: 'outdoor', score: 1 },
      ])
    })

    test('scores as the TypeScript reference does, whatever the scale and bias, by softmax and by sigmoid', async () => {
      const search = new PostgresSearchRepository(database)
      let models = 0
      const model = fc.record({
        scoring: fc.constantFrom('softmax' as const, 'sigmoid' as const),
        logitScale: fc.double({ min: 0.01, max: 300, noNaN: true }),
        logitBias: fc.double({ min: -60, max: 60, noNaN: true }),
      })
      await fc.assert(
        fc.asyncProperty(model, fc.integer(), async (scoring, seed) => {
          const vectorsOf = randomNumbers(seed)
          const [prompts, embeddings] = [4, 3].map(n => Array.from({ length: n }, () => randomVector(8, vectorsOf)))
          const id = await new PostgresIngestRepository(database).registerModel(
            aModel({ name: `model-${models++}`, dimension: 8, ...scoring }),
          )
          await labels.savePrompts(id, TIME, prompts!)
          await embedPhotos(database, id, photos(3), embeddings!, ['time'])
          for (const [i, { photo_id }] of photos(3).entries()) {
            const stored = embeddings![i]!.map(toHalf)
            const expected = labelScores(
              prompts!.map(prompt => cosineSimilarity(stored, prompt)),
              scoring,
            )
            const state = (await search.photo(photo_id))!.states.find(({ modelId }) => modelId === id)!
            const found = TIME.labels.map(label => state.labels.time!.scores[label]!)
            // pgvector computes a cosine in single precision; what is below e^-80 is stored as that.
            const tolerance = 1e-5 * scoring.logitScale + 1e-5
            for (const [j, score] of expected.entries())
              expect(Math.abs(found[j]! - score)).toBeLessThanOrEqual(tolerance * score + 2e-35)
            expect(state.labels.time!.score).toBe(Math.max(...found))
            expect(found[TIME.labels.indexOf(state.labels.time!.label)]).toBe(state.labels.time!.score)
          }
        }),
        { numRuns: 20 },
      )
    })

    test.each([
      ['a sum of scores', 0],
      ['nothing but zeros', -1e6],
      ['nothing but ones', 1e6],
    ])(
      'gives a sigmoid model scores that stand alone, and its nearest label where they would be %s',
      async (_, logitBias) => {
        const alone = await new PostgresIngestRepository(database).registerModel(
          aModel({ name: 'siglip', dimension: 2, scoring: 'sigmoid', logitScale: 112, logitBias }),
        )
        const [right, up, upRight] = [Float32Array.of(1, 0), Float32Array.of(0, 1), Float32Array.of(0.6, 0.8)]
        await embedPhotos(database, alone, photos(2), [right, upRight])
        await labels.savePrompts(alone, SPACE, [right, up])
        await labels.labelPhotos(alone, 'space')
        const stored = await database.query<{ label: string; scores: number[] }>(
          'select label, scores from photo_labels where model_id = $1 order by photo_id',
          [alone],
        )
        expect(stored.map(({ label }) => label)).toEqual(['indoor', 'outdoor'])
        const expected = [
          [112, 0],
          [0.6 * 112, 0.8 * 112],
        ]
        for (const [i, { scores }] of stored.entries())
          for (const [j, score] of scores.entries()) expect(score).toBeCloseTo(sigmoid(expected[i]![j]! + logitBias), 4)
      },
    )

    test('takes the first of two labels that score the same', async () => {
      const [prompt] = vectors(1)
      await embedPhotos(database, modelId, photos(3), vectors(3))
      await labels.savePrompts(modelId, SPACE, [prompt!, prompt!])
      await labels.labelPhotos(modelId, 'space')
      expect(await labels.histogram(modelId, 'space')).toEqual([
        { label: 'indoor', photos: 3 },
        { label: 'outdoor', photos: 0 },
      ])
    })

    test('labels the photos of a batch as it labels all of them later', async () => {
      const [prompts, embeddings] = [vectors(4), vectors(30)]
      await labels.savePrompts(modelId, TIME, prompts)
      await embedPhotos(database, modelId, photos(30), embeddings, ['time'])
      const rows = () => database.query('select photo_id, label, score, scores from photo_labels order by photo_id')
      const fromBatches = await rows()
      await database.query('delete from photo_labels')
      expect(await labels.labelPhotos(modelId, 'time')).toBe(30)
      expect(await rows()).toEqual(fromBatches)
    })

    test('labels only photos that have no label of the set yet, and reports progress', async () => {
      await labels.savePrompts(modelId, TIME, vectors(4))
      await embedPhotos(database, modelId, photos(30), vectors(30), ['time'])
      const more = Array.from({ length: 20 }, (_, i) => aPhoto(`a${i}`))
      await embedPhotos(database, modelId, more, vectors(20))
      const progress: number[] = []
      expect(await labels.labelPhotos(modelId, 'time', labelled => progress.push(labelled))).toBe(20)
      expect(progress.at(-1)).toBe(20)
      expect(await labels.labelPhotos(modelId, 'time')).toBe(0)
    })

    test('gives every labelled photo with its label and metadata, page by page', async () => {
      const all = photos(25).map(photo => ({ ...photo, photo_description: `of ${photo.photo_id}` }))
      await embedPhotos(database, modelId, all, vectors(25))
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.labelPhotos(modelId, 'time')
      const pages = []
      for await (const page of labels.labelledPhotos(modelId, 'time', 10)) pages.push(page)
      expect(pages.map(page => page.length)).toEqual([10, 10, 5])
      expect(pages.flat().map(({ photo }) => photo)).toEqual(all)
      const { labels: expected } = (await new PostgresSearchRepository(database).photo('p00012'))!.states[0]!
      expect(pages[1]![2]).toMatchObject({ label: expected.time!.label, score: expected.time!.score })
      for await (const page of labels.labelledPhotos(modelId, 'unknown', 10)) expect(page).toEqual([])
    })

    test('labels 5,000 photos with a new set in seconds, without an image', async () => {
      const dimension = 512
      const large = await new PostgresIngestRepository(database).registerModel(aModel({ name: 'large', dimension }))
      await embedPhotos(database, large, photos(5000), vectors(5000, dimension))
      await labels.savePrompts(large, TIME, vectors(4, dimension))
      const start = Date.now()
      expect(await labels.labelPhotos(large, 'time')).toBe(5000)
      expect(Date.now() - start).toBeLessThan(10_000)
      const histogram = await labels.histogram(large, 'time')
      expect(histogram.map(row => row.label)).toEqual(TIME.labels)
      expect(histogram.reduce((sum, row) => sum + row.photos, 0)).toBe(5000)
    })

    test('refuses labels that its index does not hold, before any photo is labelled', async () => {
      const define = (label: string | null) =>
        database.query('select define_label_set($1, $2, $3::text[], $4::text[]::vector[], $5)', [
          ...['time', '{label}', ['day', label], vectors(2).map(vector => JSON.stringify([...vector]))],
          String(modelId),
        ])
      const wide = Array.from({ length: 700 }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7919) % 20_000))).join('')
      for (const label of [wide, '', null])
        await expect(define(label)).rejects.toMatchObject({
          code: 'USAGE',
          message: expect.stringMatching(/^labels/),
        })
      await define(wide.slice(0, 600))
    })

    test('knows whether exactly this definition is stored, and keeps the labels when it is saved again', async () => {
      expect(await labels.hasPrompts(modelId, TIME)).toBe(false)
      await labels.savePrompts(modelId, TIME, vectors(4))
      await embedPhotos(database, modelId, photos(5), vectors(5), ['time'])
      expect(await labels.hasPrompts(modelId, TIME)).toBe(true)
      expect(await labels.hasPrompts(modelId, { ...TIME, template: 'At {label}' })).toBe(false)
      expect(await labels.hasPrompts(modelId, { ...TIME, labels: [...TIME.labels].reverse() })).toBe(false)
      await labels.savePrompts(modelId, TIME, vectors(4))
      expect(await labels.labelPhotos(modelId, 'time')).toBe(0)
    })

    test('is saved once when many workers save it at the same time', async () => {
      const prompts = vectors(4)
      await Promise.all(Array.from({ length: 6 }, () => labels.savePrompts(modelId, TIME, prompts)))
      expect(await database.query('select position, label, prompt from label_prompts order by position')).toEqual(
        TIME.labels.map((label, i) => ({ position: i + 1, label, prompt: `A photo taken at ${label}` })),
      )
    })

    test('keeps the label sets of two models apart', async () => {
      const other = await new PostgresIngestRepository(database).registerModel(aModel({ name: 'other', dimension: 3 }))
      await labels.savePrompts(modelId, TIME, vectors(4))
      await labels.savePrompts(other, SPACE, vectors(2, 3))
      expect(await labels.labelSets(modelId)).toEqual([TIME])
      expect(await labels.labelSets(other)).toEqual([SPACE])
      await embedPhotos(database, other, photos(1), vectors(1, 3))
      await expect(labels.labelPhotos(other, 'time')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('Label set time'),
      })
    })

    test('draws the same photos of each label for the same seed, and others for another', async () => {
      await labels.savePrompts(modelId, SPACE, vectors(2))
      await embedPhotos(database, modelId, photos(200), vectors(200), ['space'])
      const sample = await labels.sample(modelId, 'space', 4, 42)
      expect(sample.map(row => row.label)).toEqual([...Array(4).fill('indoor'), ...Array(4).fill('outdoor')])
      expect(new Set(sample.map(row => row.photoId)).size).toBe(8)
      expect(await labels.sample(modelId, 'space', 4, 42)).toEqual(sample)
      expect(await labels.sample(modelId, 'space', 4, 43)).not.toEqual(sample)
      expect((await labels.sample(modelId, 'space', 6, 42)).filter(row => row.label === 'indoor').slice(0, 4)).toEqual(
        sample.slice(0, 4),
      )
      expect(await labels.sample(modelId, 'space', 0, 42)).toEqual([])
      expect(await labels.sample(modelId, 'unknown', 4, 42)).toEqual([])
    })
  })
})
