import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from '../../../src/domain/ports/duplicates.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, toHalf } from '../factories.js'

interface Entry {
  id: string
  vector: Float32Array
  pixels: number
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const order = (a: DuplicatePair, b: DuplicatePair): number =>
  byBytes(a.photoId, b.photoId) || byBytes(a.otherId, b.otherId)

/** All with all. Similarities of the grid that are the threshold itself are off by the rounding of the last digit. */
function pairsOf(entries: readonly Entry[], threshold: number): DuplicatePair[] {
  const sorted = [...entries].sort((a, b) => byBytes(a.id, b.id))
  return sorted
    .flatMap((a, i) =>
      sorted.slice(i + 1).map(b => ({ photoId: a.id, otherId: b.id, score: cosineSimilarity(a.vector, b.vector) })),
    )
    .filter(({ score }) => score >= threshold - 1e-9)
}

/** Connected components, the plain way: each photo takes on the smallest group of those that it is paired with. */
function groupsOf(pairs: readonly DuplicatePair[]): string[][] {
  const groups = new Map<string, Set<string>>()
  for (const { photoId, otherId } of pairs) {
    const merged = new Set([photoId, otherId, ...(groups.get(photoId) ?? []), ...(groups.get(otherId) ?? [])])
    for (const id of merged) groups.set(id, merged)
  }
  return [...new Set(groups.values())].map(group => [...group].sort(byBytes))
}

async function collect(pairs: AsyncIterable<DuplicatePair>): Promise<DuplicatePair[]> {
  const all: DuplicatePair[] = []
  for await (const pair of pairs) all.push(pair)
  return all.sort(order)
}

/** Few directions, so that many photos are equal, and scores lie on the thresholds. */
function aCollection(): Entry[] {
  const random = randomNumbers(77)
  const pick = (values: number[]): number => values[Math.floor((random() + 0.5) * values.length)]!
  return Array.from({ length: 90 }, (_, i) => ({
    id: `${['a', 'B', '_', '-'][i % 4]}${i}`,
    vector: normalise([pick([-2, 1, 2, 3]), pick([-1, 1, 2]), pick([1, 3]), pick([1, 5])]).map(toHalf),
    pixels: pick([100, 200, 300]),
  }))
}

const kinds = serverKinds()
describe.each(kinds)('near duplicates on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const collection = aCollection()
    let server: TestServer
    let database: Database
    let repository: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      repository = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 4 }))
      await embedPhotos(
        database,
        modelId,
        collection.map(({ id, pixels }, i) =>
          aPhoto(id, { photo_width: pixels, photo_height: 1, exif_iso: i % 2 === 0 ? 100 : 200 }),
        ),
        collection.map(({ vector }) => vector),
      )
    })
    afterAll(() => server?.close())

    const found = (options: DuplicateOptions) => collect(repository.duplicatePairs(modelId, options))
    const ids = (pairs: DuplicatePair[]) => pairs.map(({ photoId, otherId }) => [photoId, otherId])

    test.each([1, 0.9999, 0.98, 0.9, 0.5])('are all pairs of a similarity of %d or more', async threshold => {
      const pairs = await found({ threshold })
      const exact = pairsOf(collection, threshold)
      expect(ids(pairs)).toEqual(ids(exact))
      expect(pairs.length).toBeGreaterThan(0)
      for (const [i, pair] of pairs.entries()) expect(pair.score).toBeCloseTo(exact[i]!.score, 6)
    })

    test('are pairs of photos that both fulfil the conditions', async () => {
      const list = collection.slice(10, 60).map(({ id }) => id)
      const inList = collection.filter(({ id }) => list.includes(id))
      expect(ids(await found({ threshold: 0.9, where: [{ photos: list }] }))).toEqual(ids(pairsOf(inList, 0.9)))
      const even = collection.filter((_, i) => i % 2 === 0)
      expect(
        ids(await found({ threshold: 0.9, where: [{ column: 'exif_iso', operator: '=', value: '100' }] })),
      ).toEqual(ids(pairsOf(even, 0.9)))
      expect(await found({ threshold: 0, where: [{ photos: [] }] })).toEqual([])
    })

    test('are refused where they are more than the caller can hold', async () => {
      const { length } = pairsOf(collection, 0.9)
      expect(await found({ threshold: 0.9, maxPairs: length })).toHaveLength(length)
      await expect(found({ threshold: 0.9, maxPairs: length - 1 })).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('are found from the neighbours of each photo where there is an index for image queries', async () => {
      await expect(found({ threshold: 0.9, method: 'index' })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('unsplash-clip index build'),
      })
      const index = `embeddings_m${modelId}_hnsw`
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, 'image', 'hnsw', $2, 10)`,
        [modelId, index],
      )
      // Without the index that the setting names each photo would be compared with all others.
      await expect(found({ threshold: 0.9, method: 'index' })).rejects.toMatchObject({ code: 'USAGE' })
      await database.query(
        `create index ${index} on embeddings_m${modelId} using hnsw ((embedding::halfvec(4)) halfvec_ip_ops)`,
      )
      const exact = pairsOf(collection, 0.9)
      expect(ids(await found({ threshold: 0.9, method: 'index', neighbours: 89 }))).toEqual(ids(exact))
      const few = await found({ threshold: 0.9, method: 'index', neighbours: 2 })
      expect(few.length).toBeLessThan(exact.length)
      expect(ids(exact)).toEqual(expect.arrayContaining(ids(few)))
      await expect(found({ threshold: 0.9, method: 'index', neighbours: 251 })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('up to 250'),
      })
      await database.query('delete from search_settings')
      await database.query(`drop index ${index}`)
    })

    test('make groups: what pairs connect, the largest first, the photo with the most pixels first in each', async () => {
      const pairs = await found({ threshold: 0.98 })
      const groups = await repository.duplicateGroups(modelId, pairs)
      const members = ({ members }: DuplicateGroup) => members.map(({ photoId }) => photoId).sort(byBytes)
      const bySize = (a: string[], b: string[]) => b.length - a.length || byBytes(a[0]!, b[0]!)
      expect(groups.map(members).sort(bySize)).toEqual(groupsOf(pairs).sort(bySize))
      expect(groups.map(group => group.members.length)).toEqual(
        groups.map(group => group.members.length).sort((a, b) => b - a),
      )
      const of = (id: string) => collection.find(entry => entry.id === id)!
      for (const { representativeId, members } of groups) {
        const best = members
          .map(({ photoId }) => of(photoId))
          .sort((a, b) => b.pixels - a.pixels || byBytes(a.id, b.id))[0]!
        expect(representativeId).toBe(best.id)
        expect(members[0]).toEqual({ photoId: best.id, score: 1 })
        for (const { photoId, score } of members)
          expect(score).toBeCloseTo(cosineSimilarity(of(photoId).vector, best.vector), 6)
      }
      expect(await repository.duplicateGroups(modelId, [])).toEqual([])
    })

    test('are the same groups in one statement', async () => {
      const groups = await repository.duplicateGroups(modelId, await found({ threshold: 0.98 }))
      const rows = await database.query<{ photo_id: string }>(
        'select photo_id from duplicate_groups(0.98, $1::integer::text)',
        [modelId],
      )
      expect(rows.map(row => row.photo_id)).toEqual(
        groups.flatMap(group => group.members.map(({ photoId }) => photoId)),
      )
    })

    test.each<[string, DuplicateOptions]>([
      ['a threshold above 1', { threshold: 1.1 }],
      ['no number as threshold', { threshold: Number.NaN }],
      ['no neighbours', { threshold: 0.9, neighbours: 0 }],
      ['a method that is none', { threshold: 0.9, method: "exact'; --" as 'exact' }],
    ])('refuse %s', async (_, options) => {
      await expect(found(options)).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('stop when they are asked to', async () => {
      const stop = AbortSignal.abort(new Error('stopped'))
      await expect(collect(repository.duplicatePairs(modelId, { threshold: 0.9 }, undefined, stop))).rejects.toThrow(
        'stopped',
      )
    })
  })
})

const reference = hasReference()
describe.each(kinds)('near duplicates among the real vectors of 700 photos on the $kind server', kind => {
  test.skipIf(!kind.available || !reference)('are those that comparing all with all finds', async () => {
    const server = await kind.start()
    try {
      const database = await server.freshDatabase()
      const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 512 }))
      const vectors = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
      const names = readFileSync(join(REFERENCE, 'unsplash/clip-vit-b-32-image.ids.txt'), 'utf8').trim().split('\n')
      const entries = names.map((id, i) => ({ id, vector: vectors[i]!, pixels: 0 }))
      await embedPhotos(
        database,
        modelId,
        names.map(id => aPhoto(id)),
        [...vectors],
      )
      const pairs = await collect(new PostgresSearchRepository(database).duplicatePairs(modelId, { threshold: 0.88 }))
      const exact = pairsOf(entries, 0.88)
      expect(pairs.map(({ photoId, otherId }) => [photoId, otherId])).toEqual(
        exact.map(({ photoId, otherId }) => [photoId, otherId]),
      )
      expect(exact.length).toBeGreaterThan(10)
    } finally {
      await server.close()
    }
  })
})
