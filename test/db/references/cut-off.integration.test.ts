import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresReferenceRepository } from '../../../src/db/references/reference-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { normalise } from '../../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const THINGS = ['dog', 'cat', 'boat', 'tree', 'house', 'lamp', 'bridge', 'snow', 'car', 'horse', 'flower', 'bird']
/** Things per photo: so many that no text is three deviations above the others. */
const SHOWN = 5
const PHOTOS = 60
const DIMENSION = 32
/** Where the model puts texts that it does not know, which is near to all photos. */
const UNKNOWN = 30

const vector = (...parts: [place: number, weight: number][]) => {
  const numbers = new Float32Array(DIMENSION)
  for (const [place, weight] of parts) numbers[place] = weight
  return normalise(numbers)
}
const placesOf = (photo: number) => Array.from({ length: SHOWN }, (_, i) => (photo + i) % THINGS.length)
const idOf = (photo: number) => `photo-${String(photo).padStart(2, '0')}`
const photos = Array.from({ length: PHOTOS }, (_, photo) => photo)
const showing = (thing: string) => photos.filter(photo => placesOf(photo).includes(THINGS.indexOf(thing))).map(idOf)
const textOf = (thing: string) => vector([THINGS.indexOf(thing), 1])

describe.each(serverKinds())('the cut-off on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let references: PostgresReferenceRepository
    let search: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      references = new PostgresReferenceRepository(database)
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      await embedPhotos(
        database,
        modelId,
        photos.map(photo => aPhoto(idOf(photo))),
        photos.map(photo => vector([UNKNOWN, 1.2], ...placesOf(photo).map((place): [number, number] => [place, 1]))),
      )
      const unknown = Array.from({ length: 12 }, (_, i) => i)
      await references.define(
        modelId,
        { texts: [...THINGS.map(thing => `a ${thing}`), ...unknown.map(i => `word ${i}`)], k: 4 },
        [...THINGS.map(textOf), ...unknown.map(i => vector([UNKNOWN, 1], [12 + i, 0.01]))],
      )
    })
    afterAll(() => server?.close())

    /** Measures again after the photos got descriptions. @param turned by how many things the descriptions are wrong; null: none */
    const describePhotos = async (turned: number | null) => {
      const texts = photos.map(photo =>
        turned === null
          ? null
          : placesOf(photo + turned)
              .map(place => THINGS[place])
              .join(', '),
      )
      await database.query(
        `update photos p set photo_description = given.text, ai_description = null
           from unnest($1::text[], $2::text[]) as given (id, text) where p.photo_id = given.id`,
        [photos.map(idOf), texts],
      )
      await references.compare(modelId)
      return (await references.progress(modelId))!
    }
    const found = async (query: Float32Array) => {
      const hits = await search.search(modelId, query, { k: PHOTOS, kind: 'text', where: [{ shows: query }] })
      return hits.map(({ photoId }) => photoId).toSorted()
    }

    test('is moved by descriptions where three deviations find nothing', async () => {
      expect(await describePhotos(0)).toMatchObject({
        texts: 24,
        knownTexts: THINGS.length,
        cutOff: { by: 'descriptions', judged: THINGS.length, precision: 1, recall: 1 },
      })
      for (const thing of THINGS) expect(await found(textOf(thing)), thing).toEqual(showing(thing))
    })

    test('finds no photo for words that the model cannot tell from ten others', async () => {
      const query = vector([UNKNOWN, 1])
      const [best] = await search.search(modelId, query, { k: 1, kind: 'text' })
      const [dog] = await search.search(modelId, textOf('dog'), { k: 1, kind: 'text' })
      expect(best!.score).toBeGreaterThan(dog!.score)
      expect(await found(query)).toEqual([])
    })

    test.each([
      ['without descriptions', null, 0],
      ['with descriptions of other pictures', 6, THINGS.length],
    ])('is refused where nothing tells photos apart: %s', async (_, turned, judged) => {
      expect((await describePhotos(turned)).cutOff).toEqual({ by: 'none', judged, precision: null, recall: null })
      await expect(found(textOf('dog'))).rejects.toMatchObject({
        code: 'CUT_OFF_MISSING',
        message: expect.stringContaining('clip-test@fp32'),
      })
      expect(await search.sharedConcepts(modelId, { where: [{ photos: showing('dog') }] })).toEqual([])
      expect((await describePhotos(0)).cutOff!.by).toBe('descriptions')
      expect(await found(textOf('dog'))).toEqual(showing('dog'))
    })

    test('needs texts that the model knows', async () => {
      const texts = Array.from({ length: 11 }, (_, i) => `unknown ${i}`)
      const defined = references.define(
        modelId,
        { texts, k: 1 },
        texts.map(() => vector([UNKNOWN, 1])),
      )
      await expect(defined).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('found 11') })
    })
  })
})
