import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresReferenceRepository } from '../../../src/db/references/reference-repository.js'
import { PostgresPromptRepository } from '../../../src/db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Filter } from '../../../src/domain/ports/search.js'
import { normalise } from '../../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from '../factories.js'

const DIMENSION = 256
const THINGS = ['dog', 'cat', 'boat', 'tree', 'house', 'lamp', 'bridge', 'snow']
const PER_THING = 6
/** Things that no photo shows. */
const ABSENT = ['lynx', 'comet', 'anvil', 'igloo']

const random = randomNumbers(11)
const direction = () => randomVector(DIMENSION, random)
const sum = (...parts: [number, Float32Array][]) =>
  normalise(Float32Array.from({ length: DIMENSION }, (_, i) => parts.reduce((all, [w, v]) => all + w * v[i]!, 0)))
const TEXT = direction()
const IMAGE = direction()
const MEANING = new Map([...THINGS, ...ABSENT].map(thing => [thing, direction()]))
/** As CLIP has it: texts and photos have a direction of their own kind, and a smaller part says what they are of. */
const textOf = (thing: string) => sum([1, TEXT], [0.7, MEANING.get(thing) ?? direction()])
const photoOf = (thing: string) => sum([1, IMAGE], [0.3, TEXT], [0.6, MEANING.get(thing)!], [0.4, direction()])
/** Near to every text, as some photos are. */
const hub = () => sum([1, IMAGE], [0.8, TEXT], [0.4, direction()])

const PHOTOS = THINGS.flatMap(thing => Array.from({ length: PER_THING }, (_, i) => `${thing}-${i}`))
const HUBS = ['hub-1', 'hub-2', 'hub-3']
const idsOf = (thing: string) => PHOTOS.filter(id => id.startsWith(`${thing}-`))

describe.each(serverKinds())('photos that show words, on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let repository: PostgresSearchRepository
    let references: PostgresReferenceRepository
    let modelId: ModelId
    const texts = new Map([...THINGS, ...ABSENT].map(thing => [thing, textOf(thing)]))

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      repository = new PostgresSearchRepository(database)
      references = new PostgresReferenceRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      const photos = [...PHOTOS, ...HUBS].map((id, i) => aPhoto(id, { photo_description: id, exif_iso: 100 * i }))
      const vectors = [...PHOTOS.map(id => photoOf(id.split('-')[0]!)), ...HUBS.map(hub)]
      await embedPhotos(database, modelId, photos, vectors)
      await new PostgresPromptRepository(database).save(modelId, ['a dog'], [texts.get('dog')!])
    })
    afterAll(() => server?.close())

    const found = async (thing: string, options: { k?: number; where?: Filter[]; minScore?: number } = {}) => {
      const query = texts.get(thing)!
      const where = [...(options.where ?? []), { shows: query }]
      const hits = await repository.search(modelId, query, { k: 50, kind: 'text', ...options, where })
      return hits.map(({ photoId }) => photoId)
    }

    test('nothing tells them before photos are compared with reference texts', async () => {
      await expect(found('dog')).rejects.toMatchObject({
        code: 'REFERENCES_MISSING',
        message: expect.stringContaining('unsplash-clip models correct clip-test@fp32 --weight 0'),
      })
      expect(await repository.sharedConcepts(modelId, {})).toEqual([])
      const set = {
        texts: ['a dog', 'a cat', 'a boat', 'a tree', ...Array.from({ length: 60 }, (_, i) => `a thing ${i}`)],
        k: 8,
      }
      await references.define(
        modelId,
        set,
        set.texts.map(text => texts.get(text.replace('a ', '')) ?? textOf(text)),
      )
      await references.compare(modelId)
    })

    test('one cut-off ends every list where the thing ends, and finds none of what no photo shows', async () => {
      for (const thing of THINGS) expect((await found(thing)).toSorted(), thing).toEqual(idsOf(thing))
      for (const thing of ABSENT) expect(await found(thing), thing).toEqual([])
      // A flat least score does neither: photos that are near to every text score more than what it has to keep.
      const [best] = await repository.search(modelId, texts.get('lynx')!, { k: 1, kind: 'text' })
      const dogs = await repository.search(modelId, texts.get('dog')!, { k: 20, kind: 'text' })
      expect(HUBS).toContain(best!.photoId)
      expect(best!.score).toBeGreaterThan(
        Math.min(...dogs.filter(hit => hit.photoId.startsWith('dog')).map(hit => hit.score)),
      )
    })

    test('pages, conditions and a least score apply as to any list', async () => {
      const all = await found('cat')
      const query = texts.get('cat')!
      const options = { k: 4, kind: 'text', where: [{ shows: query }] } as const
      const first = await repository.search(modelId, query, options)
      const last = first.at(-1)!
      const rest = await repository.search(modelId, query, {
        ...options,
        after: { score: last.score, photoId: last.photoId },
      })
      expect([...first, ...rest].map(({ photoId }) => photoId)).toEqual(all)
      expect((await repository.search(modelId, query, { ...options, offset: 4 })).length).toBe(2)
      expect(await found('cat', { minScore: first[1]!.score })).toEqual(all.slice(0, 2))
      expect(await found('cat', { where: [{ photos: ['cat-0', 'dog-0'] }] })).toEqual(['cat-0'])
      expect(await found('cat', { where: [{ shows: texts.get('dog')! }] })).toEqual([])
    })

    test('stored words serve too, in lists by words and by date, and in counts', async () => {
      const where = [{ shows: 'a dog' }]
      const byDate = await repository.browse(modelId, { k: 50, order: 'newest', where })
      expect(byDate.map(({ photoId }) => photoId).toSorted()).toEqual(idsOf('dog'))
      const hybrid = await repository.hybrid(modelId, 'a dog', null, { k: 50, depth: 50, where })
      expect(hybrid.map(({ photoId }) => photoId).toSorted()).toEqual(idsOf('dog'))
      const [year] = await repository.facets(modelId, { names: ['year'], where })
      expect(year).toMatchObject({ unknown: PER_THING })
    })

    test('photos that come later are compared when they are written', async () => {
      await embedPhotos(database, modelId, [aPhoto('snow-late')], [photoOf('snow')])
      expect(await found('snow')).toContain('snow-late')
      await embedPhotos(database, modelId, [aPhoto('snow-late')], [photoOf('lamp')])
    })

    test('concepts are what photos show more often than the collection, by as much as chance does not', async () => {
      const shared = await repository.sharedConcepts(modelId, { where: [{ photos: [...idsOf('dog'), ...HUBS] }] })
      expect(shared).toEqual([
        { word: 'dog', source: 'pictures', photos: 6, hits: 9, shareOfAll: expect.closeTo(6.5 / 52, 1) },
      ])
      expect(await repository.sharedConcepts(modelId, { query: texts.get('cat')!, n: 6, omitted: 'cats' })).toEqual([])
      expect(await repository.sharedConcepts(modelId, {})).toEqual([])
      await expect(repository.sharedConcepts(modelId, { top: 0 })).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('words that cannot be compared are refused', async () => {
      const search = (shows: unknown) =>
        repository.search(modelId, texts.get('dog')!, { k: 1, where: [{ shows } as Filter] })
      await expect(search('not stored')).rejects.toMatchObject({ code: 'PROMPT_NOT_EMBEDDED' })
      await expect(search(Float32Array.of(1, 2))).rejects.toMatchObject({ code: 'USAGE' })
      await expect(database.query(`select matching_photos('[{"shows": "a dog"}]')`)).rejects.toThrow(
        'shows needs a model',
      )
    })
  })
})
