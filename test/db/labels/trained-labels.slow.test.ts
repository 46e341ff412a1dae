import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelMarkRepository } from '../../../src/db/label-mark-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresTrainedLabelRepository } from '../../../src/db/trained-label-repository.js'
import type { LabelTraining } from '../../../src/domain/labels.js'
import type { TrainedLabelSet } from '../../../src/domain/ports/labels/trained-labels.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from '../factories.js'

const DIMENSION = 8
const PHOTOS = 40
const TRAINING: LabelTraining = { kind: 'taught', examples: { dog: 3, 'not dog': 4 }, precision: 1, recall: 0.5 }

describe.each(serverKinds())('trained label sets on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let trained: PostgresTrainedLabelRepository
    let labels: PostgresLabelRepository
    let modelId: ModelId
    let random: () => number
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      trained = new PostgresTrainedLabelRepository(database)
      labels = new PostgresLabelRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      random = randomNumbers(3)
      await embed(0, PHOTOS)
    })

    const idOf = (n: number) => `p${String(n).padStart(3, '0')}`
    async function embed(first: number, end: number, vector = () => randomVector(DIMENSION, random)): Promise<void> {
      const ids = Array.from({ length: end - first }, (_, i) => aPhoto(idOf(first + i)))
      await embedPhotos(database, modelId, ids, ids.map(vector))
    }

    const randomWeights = (scale: number) => randomVector(DIMENSION, random).map(value => scale * value)
    function aSet(changes: Partial<TrainedLabelSet> = {}): TrainedLabelSet {
      const weights = randomWeights(6)
      return {
        name: 'dog',
        labels: ['dog', 'not dog'],
        weights: [weights, weights.map(value => -value)],
        biases: [0.3, -0.3],
        training: TRAINING,
        ...changes,
      }
    }

    async function store(set: TrainedLabelSet): Promise<void> {
      await trained.save(modelId, set)
      await labels.labelPhotos(modelId, set.name)
    }

    const rows = () =>
      database.query<{ id: string; label: string; scores: number[]; vector: string }>(
        `select l.photo_id as id, l.label, l.scores, e.embedding::text as vector
           from photo_labels l join embeddings e on e.model_id = l.model_id and e.photo_id = l.photo_id
          where l.set_name = 'dog' order by l.photo_id`,
      )

    /** Softmax of weights · unit vector + bias. */
    function expectedScores({ weights, biases }: TrainedLabelSet, text: string): number[] {
      const vector = JSON.parse(text) as number[]
      const length = Math.hypot(...vector)
      const logits = weights.map((each, k) => each.reduce((sum, w, j) => sum + (w * vector[j]!) / length, biases[k]!))
      const exponentials = logits.map(logit => Math.exp(logit - Math.max(...logits)))
      return exponentials.map(value => value / exponentials.reduce((sum, each) => sum + each, 0))
    }

    async function expectLabels(set: TrainedLabelSet, count: number): Promise<void> {
      const found = await rows()
      expect(found).toHaveLength(count)
      for (const { label, scores, vector } of found) {
        const expected = expectedScores(set, vector)
        expect(scores).toEqual(expected.map(score => expect.closeTo(score, 5)))
        expect(label).toBe(set.labels[expected.indexOf(Math.max(...expected))])
      }
    }

    test('give each photo the label with the largest logit, and probabilities as scores', async () => {
      const two = aSet()
      await store(two)
      await expectLabels(two, PHOTOS)
      expect(await labels.labelSets(modelId)).toEqual([
        { name: 'dog', template: '{label}', labels: two.labels, training: TRAINING },
      ])
    })

    test('of three labels are a softmax, also for a model whose prompts have sigmoids', async () => {
      await database.query("update models set scoring = 'sigmoid', logit_scale = 3, logit_bias = -7")
      const three = aSet({ labels: ['a', 'b', 'c'], weights: [4, 5, 6].map(randomWeights), biases: [1, 0, -1] })
      await store(three)
      await expectLabels(three, PHOTOS)
    })

    test('label photos that come later, and those whose embedding is replaced, in the same transaction', async () => {
      const set = aSet()
      await store(set)
      await embed(PHOTOS, PHOTOS + 10)
      await expectLabels(set, PHOTOS + 10)
      await embed(0, 5)
      await expectLabels(set, PHOTOS + 10)
    })

    test('show the old labels until every photo is labelled under the new weights', async () => {
      const [old, coming] = [aSet(), aSet()]
      await store(old)
      expect(await trained.save(modelId, coming)).toBe(false)
      await expectLabels(old, PHOTOS)
      await embed(PHOTOS, PHOTOS + 5)
      await expectLabels(old, PHOTOS + 5)
      await labels.labelPhotos(modelId, 'dog')
      await expectLabels(coming, PHOTOS + 5)
    })

    test('that are taught the same again change nothing, and end what was coming', async () => {
      const set = aSet()
      await store(set)
      await trained.save(modelId, aSet())
      expect(await trained.save(modelId, { ...set, training: { ...TRAINING, recall: 1 } })).toBe(true)
      expect(await labels.labelProgress(modelId, 'dog')).toMatchObject({ coming: false, labelled: PHOTOS })
      expect((await labels.labelSets(modelId))[0]!.training!.recall).toBe(1)
    })

    test('keep their examples, without those of removed photos, until the set is removed', async () => {
      const examples = [0, 1, 2].map(n => ({ photoId: idOf(n), label: n === 1 ? 'not dog' : 'dog' }))
      await trained.save(modelId, aSet(), [...examples, { photoId: 'nobody', label: 'dog' }])
      expect(await trained.examples(modelId, 'dog')).toEqual(examples)
      await trained.save(modelId, aSet(), examples.slice(1))
      expect(await trained.examples(modelId, 'dog')).toEqual(examples.slice(1))
      await database.query('select remove_photos(array[$1])', [idOf(1)])
      expect(await trained.examples(modelId, 'dog')).toEqual(examples.slice(2))
      await labels.removeSet(modelId, 'dog')
      expect(await trained.examples(modelId, 'dog')).toEqual([])
      expect(await rows()).toEqual([])
    })

    test('learn from marks on the page: of the label itself, and of others of its set', async () => {
      const marks = new PostgresLabelMarkRepository(database)
      const set = aSet()
      await store(set)
      const of = async (label: string) => (await rows()).filter(row => row.label === label).map(({ id }) => id)
      const [dogs, others] = [await of('dog'), await of('not dog')]
      const mark = (photoId: string, label: string, correct: boolean) => ({ photoId, label, correct, atRandom: true })
      await marks.mark(modelId, 'dog', [
        mark(dogs[0]!, 'dog', true),
        mark(dogs[1]!, 'dog', false),
        mark(others[0]!, 'not dog', true),
        mark(others[1]!, 'not dog', false),
      ])
      const found = await trained.marked(modelId, 'dog', 'dog')
      expect(new Map(found.map(({ photoId, has }) => [photoId, has]))).toEqual(
        new Map([
          [dogs[0], true],
          [dogs[1], false],
          [others[0], false],
          [others[1], true],
        ]),
      )
      await expect(trained.marked(modelId, 'cat', 'cat')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(trained.marked(modelId, 'dog', 'cat')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringMatching(/has no label "cat"; its labels: dog, not dog/),
      })
    })

    test('and sets of prompts do not replace each other', async () => {
      const prompts = { name: 'dog', template: 'a {label}', labels: ['dog', 'cat'] }
      const embeddings = [randomVector(DIMENSION, random), randomVector(DIMENSION, random)]
      await trained.save(modelId, aSet())
      await expect(labels.savePrompts(modelId, prompts, embeddings)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/was trained on photos.*labels rm dog/),
      })
      await labels.savePrompts(modelId, { ...prompts, name: 'pet' }, embeddings)
      await expect(trained.save(modelId, aSet({ name: 'pet' }))).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/the label set pet was not trained/),
      })
    })

    test.each<[string, Partial<TrainedLabelSet>, RegExp]>([
      ['a name with blanks', { name: 'my dog' }, /lower-case letters/],
      ['one label', { labels: ['dog'], weights: [new Float32Array(8).fill(1)], biases: [0] }, /two labels or more/],
      ['equal labels', { labels: ['dog', ' DOG'] }, /different labels/],
      ['a missing bias', { biases: [1] }, /1 biases/],
      ['a bias that is no number', { biases: [Number.NaN, 1] }, /biases from/],
      ['weights of zero', { weights: [new Float32Array(8), new Float32Array(8).fill(1)] }, /a length from/],
      [
        'weights of another dimension',
        { weights: [new Float32Array(3).fill(1), new Float32Array(3).fill(1)] },
        /8 numbers/,
      ],
    ])('are refused with %s', async (_, changes, message) => {
      await expect(trained.save(modelId, aSet(changes))).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(message),
      })
      expect(await labels.labelSets(modelId)).toEqual([])
    })

    test('draws the same photos for the same seed, and knows which exist', async () => {
      const drawn = await trained.randomPhotos(modelId, 10, 4)
      expect(new Set(drawn).size).toBe(10)
      expect(await trained.randomPhotos(modelId, 10, 4)).toEqual(drawn)
      expect(await trained.randomPhotos(modelId, 10, 5)).not.toEqual(drawn)
      expect(await trained.randomPhotos(modelId, 1000, 4)).toHaveLength(PHOTOS)
      expect(await trained.knownPhotos([idOf(1), 'nobody'])).toEqual(new Set([idOf(1)]))
    })
  })
})
