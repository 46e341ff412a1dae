import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresClusterRepository } from '../../../src/db/analysis/cluster-repository.js'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { ClusterRows } from '../../../src/domain/ports/analysis/cluster-sets.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos } from '../factories.js'

const IDS = ['a', 'b', 'c', 'd']
const CLUSTERING = { method: 'kmeans', k: 2 }

const rowsOf = (labels: number[], ids = IDS): ClusterRows => ({
  ids,
  labels,
  scores: Float32Array.from(labels.flatMap(label => (label === 0 ? [0.75, 0.25] : [0.125, 0.875]))),
})

describe.each(serverKinds())('clusters on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let clusters: PostgresClusterRepository
    let labels: PostgresLabelRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      clusters = new PostgresClusterRepository(database)
      labels = new PostgresLabelRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel())
      const vectors = IDS.map((_, i) => Float32Array.from({ length: 4 }, (_, j) => (i === j ? 1 : 0)))
      await embedPhotos(
        database,
        modelId,
        IDS.map(id => aPhoto(id)),
        vectors,
      )
    })
    afterAll(() => server?.close())

    test('are a label set with scores, without photos that are not embedded', async () => {
      const set = { name: 'groups', labels: ['sea, sand', 'snow'], clustering: CLUSTERING }
      const pages = [rowsOf([0, 0, 1], ['a', 'b', 'c']), rowsOf([1, 1], ['d', 'gone'])]
      expect(await clusters.save(modelId, set, () => pages)).toBe(4)
      expect(await labels.histogram(modelId, 'groups')).toEqual([
        { label: 'sea, sand', photos: 2 },
        { label: 'snow', photos: 2 },
      ])
      expect(await labels.sample(modelId, 'groups', 1, 0)).toMatchObject([{ score: 0.75 }, { score: 0.875 }])
      const search = new PostgresSearchRepository(database)
      const [facet] = await search.facets(modelId, { names: ['groups'] })
      expect(facet!.values.map(({ photos }) => photos)).toEqual([2, 2])
      const found = await search.search(modelId, Float32Array.of(1, 0, 0, 0), {
        k: 9,
        labels: [{ set: 'groups', label: 'snow' }],
      })
      expect(found.map(({ photoId }) => photoId).sort()).toEqual(['c', 'd'])
    })

    test('replace earlier ones at once, or not at all', async () => {
      const set = { name: 'groups', labels: ['one', 'two'], clustering: CLUSTERING }
      const broken = async function* () {
        yield rowsOf([0, 1, 0, 1])
        throw new Error('killed')
      }
      await expect(clusters.save(modelId, set, broken)).rejects.toThrow('killed')
      expect((await labels.histogram(modelId, 'groups'))[0]).toEqual({ label: 'sea, sand', photos: 2 })
      await clusters.save(modelId, set, () => [rowsOf([0, 0, 0, 1])])
      expect(await labels.histogram(modelId, 'groups')).toEqual([
        { label: 'one', photos: 3 },
        { label: 'two', photos: 1 },
      ])
      const [left] = await database.query<{ versions: number }>(
        `select count(distinct version) as versions from label_rows where set_name = 'groups'`,
      )
      expect(left!.versions).toBe(1)
    })

    test('do not replace a set of prompts, nor prompts a set of clusters', async () => {
      const prompts = [0, 1].map(i => Float32Array.from({ length: 4 }, (_, j) => (i === j ? 1 : 0)))
      await labels.savePrompts(modelId, { name: 'time', template: '{label}', labels: ['day', 'night'] }, prompts)
      const set = { name: 'time', labels: ['one', 'two'], clustering: CLUSTERING }
      await expect(clusters.save(modelId, set, () => [])).rejects.toMatchObject({ code: 'USAGE' })
      const other = { name: 'groups', template: '{label}', labels: ['day', 'night'] }
      await expect(labels.savePrompts(modelId, other, prompts)).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('cannot be predicted again, and are removed as other label sets', async () => {
      await clusters.save(modelId, { name: 'again', labels: ['one', 'two'], clustering: CLUSTERING }, () => [
        rowsOf([0, 1, 0], ['a', 'b', 'c']),
      ])
      await expect(labels.labelPhotos(modelId, 'again')).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('analyze cluster'),
      })
      await expect(database.query(`select label_photos('again')`)).rejects.toMatchObject({ code: 'USAGE' })
      expect(await labels.removeSet(modelId, 'again')).toBe(3)
    })

    test('names that are wrong or equal are refused', async () => {
      for (const change of [{ name: 'Upper' }, { labels: [] }, { labels: ['a', 'A'] }, { labels: ['a', ' '] }])
        await expect(
          clusters.save(modelId, { name: 'wrong', labels: ['a', 'b'], clustering: CLUSTERING, ...change }, () => []),
        ).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('stored prompts near to a direction name them', async () => {
      await database.query(
        `insert into prompt_embeddings (model_id, prompt, embedding) values ($1, 'first', '[1,0,0,0]'), ($1, 'second', '[0.6,0.8,0,0]')`,
        [modelId],
      )
      expect(await clusters.nearestPrompts(modelId, Float32Array.of(2, 0.5, 0, 0), 2)).toEqual(['first', 'second'])
    })
  })
})
