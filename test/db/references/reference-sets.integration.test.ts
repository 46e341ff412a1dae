import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresRemovalRepository } from '../../../src/db/ingest/removal-repository.js'
import { PostgresReferenceRepository } from '../../../src/db/references/reference-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'
import { aVector, type Collection, compareAll, embedCollection, floorOf, K, PHOTOS, topMean } from './collection.js'

describe.each(serverKinds())('reference sets on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let references: PostgresReferenceRepository
    let collection: Collection
    const random = randomNumbers(3)

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      references = new PostgresReferenceRepository(database, { sessions: 1 })
      collection = await embedCollection(database)
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      await references.drop(collection.modelId)
    })

    const define = (k = K, texts = collection.texts) =>
      references.define(
        collection.modelId,
        { texts: texts.map(({ text }) => text), k },
        texts.map(({ vector }) => vector),
      )
    const stored = async () =>
      new Map(
        (
          await database.query<{ photo_id: string; top_mean: number }>(
            `select photo_id, top_mean from reference_scores c
              join reference_sets s on s.version = c.version where s.state = 'current' order by photo_id`,
          )
        ).map(row => [row.photo_id, row.top_mean]),
      )
    const remove = (photoIds: string[]) =>
      new PostgresRemovalRepository(database, 'here').remove(photoIds, { onlyWithoutPlace: false, copyKey: id => id })
    const rows = async () =>
      (await database.query<{ rows: number }>('select count(*) as rows from reference_scores'))[0]!.rows

    test('hold for each photo the mean similarity to its k most similar texts', async () => {
      const seen: number[] = []
      await define()
      expect(await references.compare(collection.modelId, compared => seen.push(compared))).toBe(PHOTOS)
      expect(seen.length).toBeGreaterThan(1)
      const found = await stored()
      expect(found.size).toBe(PHOTOS)
      for (const { id, vector } of collection.photos)
        expect(found.get(id)).toBeCloseTo(topMean(vector, collection.texts), 5)
      const [set] = await database.query<{ floor: number }>('select floor from reference_sets')
      expect(set!.floor).toBeCloseTo(floorOf(collection), 5)
      expect(await references.progress(collection.modelId)).toEqual({
        state: 'current',
        k: K,
        weight: 0,
        texts: collection.texts.length,
        photos: PHOTOS,
        compared: PHOTOS,
        knownTexts: collection.texts.length,
        cutOff: { by: 'none', judged: 0, precision: null, recall: null },
      })
      // Once more: nothing is left to do.
      await define()
      expect(await references.compare(collection.modelId)).toBe(0)
    })

    test('take all texts where k is larger than their number', async () => {
      await compareAll(database, collection, 1000)
      const { id, vector } = collection.photos[7]!
      expect((await stored()).get(id)).toBeCloseTo(topMean(vector, collection.texts, collection.texts.length), 5)
    })

    test('replace the former one when every photo has been compared, and keep its weight', async () => {
      await compareAll(database, collection)
      await references.useWeight(collection.modelId, 0.5)
      const before = await stored()
      await define(1)
      expect(await stored()).toEqual(before)
      expect(await references.progress(collection.modelId)).toMatchObject({ state: 'coming', k: 1, compared: 0 })
      await database.query('select reference_switch($1)', [collection.modelId])
      expect(await stored()).toEqual(before)
      const stop = new AbortController()
      await expect(references.compare(collection.modelId, () => stop.abort(), stop.signal)).rejects.toThrow()
      const { compared } = (await references.progress(collection.modelId))!
      expect(compared).toBeGreaterThan(0)
      expect(compared).toBeLessThan(PHOTOS)
      expect(await stored()).toEqual(before)
      // Goes on where it was stopped.
      expect(await references.compare(collection.modelId)).toBe(PHOTOS - compared)
      expect(await references.progress(collection.modelId)).toMatchObject({ state: 'current', k: 1, weight: 0.5 })
      const { id, vector } = collection.photos[5]!
      expect((await stored()).get(id)).toBeCloseTo(topMean(vector, collection.texts, 1), 5)
      expect(await rows()).toBe(PHOTOS)
    })

    test('go back to the current one by defining it again', async () => {
      await compareAll(database, collection)
      await define(1)
      await define()
      expect(await references.progress(collection.modelId)).toMatchObject({ state: 'current', k: K })
    })

    test('follow what is written, replaced and deleted, whoever does it', async () => {
      await compareAll(database, collection)
      const vectors = Array.from({ length: 4 }, () => aVector(random, 2))
      const expected = (vector: Float32Array) => expect.closeTo(topMean(vector, collection.texts), 5)
      const of = async (id: string) => (await stored()).get(id)
      const write = (id: string, vector: Float32Array) =>
        embedPhotos(database, collection.modelId, [aPhoto(id)], [vector])

      await write('new-1', vectors[0]!)
      expect(await of('new-1')).toEqual(expected(vectors[0]!))
      await write('new-1', vectors[1]!)
      expect(await of('new-1')).toEqual(expected(vectors[1]!))
      await database.query('update embeddings set embedding = $2::halfvec where photo_id = $1', [
        'new-1',
        toVectorText(vectors[2]!),
      ])
      expect(await of('new-1')).toEqual(expected(vectors[2]!))
      await new PostgresIngestRepository(database).upsertPhotos([aPhoto('new-2')])
      await database.query(`select import_vectors($1, '{new-2}', array[$2::halfvec])`, [
        collection.modelId,
        toVectorText(vectors[3]!),
      ])
      expect(await of('new-2')).toEqual(expected(vectors[3]!))

      await database.query(`delete from embeddings where photo_id = 'new-2'`)
      expect(await of('new-2')).toBeUndefined()
      await remove(['new-1'])
      expect(await of('new-1')).toBeUndefined()
      await remove(['new-2'])
      expect(await rows()).toBe(PHOTOS)
    })

    test('follow what is written while photos are compared with a coming one', async () => {
      await compareAll(database, collection)
      await define(2)
      const vector = aVector(random, 2)
      await embedPhotos(database, collection.modelId, [aPhoto('new-3')], [vector])
      expect((await stored()).get('new-3')).toBeCloseTo(topMean(vector, collection.texts), 5)
      expect(await references.compare(collection.modelId)).toBe(PHOTOS)
      expect((await stored()).get('new-3')).toBeCloseTo(topMean(vector, collection.texts, 2), 5)
      await remove(['new-3'])
    })

    test('concern their own model only, and go with it', async () => {
      await compareAll(database, collection)
      const otherId = await new PostgresIngestRepository(database).registerModel(
        aModel({ name: 'another', dimension: 8 }),
      )
      const other = { ...collection, modelId: otherId, photos: collection.photos.slice(0, 10) }
      await embedPhotos(
        database,
        otherId,
        other.photos.map(({ id }) => aPhoto(id)),
        other.photos.map(({ vector }) => vector),
      )
      expect(await rows()).toBe(PHOTOS)
      const search = new PostgresSearchRepository(database)
      const asked = { k: 1, kind: 'text', correctionWeight: 0.5 } as const
      await expect(search.search(otherId, collection.texts[0]!.vector, asked)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
      await expect(references.useWeight(otherId, 0.5)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await references.useWeight(otherId, 0)
      await compareAll(database, other)
      expect(await rows()).toBe(PHOTOS + 10)
      await database.query(`select use_search_model($1)`, [String(collection.modelId)])
      await database.query(`select retire_model('another')`)
      expect(await rows()).toBe(PHOTOS)
      expect(await database.query('select from reference_sets')).toHaveLength(1)
    })

    test('leave nothing when they are dropped', async () => {
      await compareAll(database, collection)
      expect(await references.drop(collection.modelId)).toBe(true)
      expect(await references.drop(collection.modelId)).toBe(false)
      expect(await rows()).toBe(0)
      expect(await references.progress(collection.modelId)).toBeNull()
    })

    test('can be made of stored prompts in SQL', async () => {
      for (const { text, vector } of collection.texts.slice(0, 3))
        await database.query(
          'insert into prompt_embeddings (model_id, prompt, embedding) values ($1, $2, $3::vector)',
          [collection.modelId, text, toVectorText(vector)],
        )
      const [{ state }] = (await database.query<{ state: string }>(
        `select define_references(array(select prompt from prompt_embeddings order by prompt), k => 2) as state`,
      )) as [{ state: string }]
      expect(state).toBe('coming')
      await database.query('call score_references()')
      const { id, vector } = collection.photos[9]!
      expect((await stored()).get(id)).toBeCloseTo(topMean(vector, collection.texts.slice(0, 3), 2), 5)
    })

    test('refuse texts that are missing, empty, twice there, or of another length', async () => {
      const wrong = (texts: string[], vectors: Float32Array[], k = 1) =>
        expect(references.define(collection.modelId, { texts, k }, vectors)).rejects.toMatchObject({ code: 'USAGE' })
      const { vector } = collection.texts[0]!
      await wrong([], [])
      await wrong([' '], [vector])
      await wrong(['a', ' a'], [vector, vector])
      await wrong(['a', 'b'], [vector])
      await wrong(['a'], [vector.slice(0, 4)])
      await wrong(['a'], [vector], 0)
      await expect(database.query(`select define_references('{unknown words}')`)).rejects.toMatchObject({
        code: 'PROMPT_NOT_EMBEDDED',
      })
      await expect(references.compare(collection.modelId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(references.useWeight(collection.modelId, 3)).rejects.toMatchObject({ code: 'USAGE' })
    })
  })
})
