import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { blobs } from '../../analysis/blobs.js'
import { aModel, aPhoto, embedPhotos } from '../../db/factories.js'
import { Sandbox } from '../../support/cli.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'

const GROUPS = ['beach', 'forest', 'street']
const PHOTOS = 240
const DIMENSION = 16

describe.each(serverKinds())('analyze on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let sandbox: Sandbox
    let url: string

    beforeAll(async () => {
      server = await start()
      url = await server.migratedUrl()
      const database = await openDatabase({ url })
      const modelId = await new PostgresIngestRepository(database).registerModel(
        aModel({ name: 'demo', dimension: DIMENSION }),
      )
      const { values } = blobs(PHOTOS, DIMENSION, GROUPS.length, 0.15)
      const photos = Array.from({ length: PHOTOS }, (_, i) =>
        aPhoto(`photo-${String(i).padStart(3, '0')}`, {
          photo_description: `${GROUPS[i % GROUPS.length]} under the sky`,
          exif_iso: i < 120 ? 100 : 800,
        }),
      )
      const vectors = photos.map((_, i) => values.slice(i * DIMENSION, (i + 1) * DIMENSION))
      await embedPhotos(database, modelId, photos, vectors)
      await database.close()
      sandbox = await Sandbox.create({ DATABASE_URL: url })
    })
    afterAll(async () => {
      await sandbox?.close()
      await server?.close()
    })
    const run = (...args: string[]) => sandbox.run('analyze', ...args, '--model', 'demo@fp32')
    const json = async (...args: string[]) => (await run(...args, '--json')).objects()

    test('cluster compares numbers of clusters, names the best and keeps them', { timeout: 240_000 }, async () => {
      const objects = await json('cluster', '--k', '2..5', '--save', 'groups')
      const tried = objects.filter(object => 'silhouette' in object)
      expect(tried.map(({ k, best }) => [k, best])).toEqual([
        [2, false],
        [3, true],
        [4, false],
        [5, false],
      ])
      const found = objects.filter(object => 'cluster' in object)
      expect(found.map(({ photos }) => photos)).toEqual([80, 80, 80])
      expect(found.map(({ cluster }) => cluster).sort()).toEqual(GROUPS)
      const page = join(sandbox.home, 'groups.html')
      const told = await sandbox.run('labels', 'show', 'groups', '--model', 'demo@fp32', '--html', page)
      expect(told.stdout).toMatch(/^groups: clusters by k-means, k = 3, named by words\n/)
      expect(await readFile(page, 'utf8')).toContain('clusters by k-means, k = 3, named by words')
      const shown = await sandbox.run('labels', 'show', 'groups', '--model', 'demo@fp32', '--json')
      expect(shown.objects().map(({ photos }) => photos)).toEqual([80, 80, 80])
      const narrowed = await json('cluster', '--k', '2', '--where', 'exif_iso>=800', '--label', 'groups=beach')
      const photos = narrowed.filter(object => 'cluster' in object).map(object => Number(object.photos))
      expect(photos.reduce((sum, count) => sum + count, 0)).toBe(40)
    })

    test('cluster without --save shows a table and changes nothing', { timeout: 240_000 }, async () => {
      const { stdout } = await run('cluster', '--k', 'auto')
      expect(stdout).toMatch(/^k +inertia +silhouette/)
      expect(stdout).toMatch(/^3 .*best$/m)
      expect(stdout.split('\n').every(line => line.length <= 80)).toBe(true)
    })

    test('cluster by density leaves what fits nowhere to "none"', { timeout: 240_000 }, async () => {
      const objects = await json('cluster', '--method', 'hdbscan', '--min-size', '20', '--save', 'dense')
      const saved = objects.find(object => 'saved' in object) as { photos: number; clustering: { clusters: number } }
      expect(saved).toMatchObject({ photos: PHOTOS, clustering: { clusters: 3 } })
    })

    test('project places photos by both methods, and keeps the points', { timeout: 240_000 }, async () => {
      const csv = join(sandbox.home, 'points.csv')
      const [made] = await json('project', '--csv', csv, '--neighbours', '10')
      expect(made).toMatchObject({ projection: 'umap', method: 'umap', photos: PHOTOS })
      expect((await readFile(csv, 'utf8')).split('\n')).toHaveLength(PHOTOS + 2)
      const { stdout } = await run('project', '--method', 'pca', '--save', 'flat')
      expect(stdout).toContain('components explain')
      const dense = await json('cluster', '--method', 'hdbscan', '--projection', 'umap')
      expect(dense.filter(object => 'cluster' in object && object.cluster !== 'none')).toHaveLength(3)
    })

    test('kill -9 while clusters are kept leaves the old ones or the new ones', { timeout: 240_000 }, async () => {
      await json('cluster', '--k', '3', '--save', 'killed')
      for (const wait of [0, 20, 60, 150]) {
        const running = sandbox.start('analyze', 'cluster', '--k', '4', '--save', 'killed', '--model', 'demo@fp32')
        await until('the clusters', () => running.stdout().includes('most typical photos'))
        await new Promise(resolve => setTimeout(resolve, wait))
        running.child.kill('SIGKILL')
        await running.finished
        const shown = (await sandbox.run('labels', 'show', 'killed', '--model', 'demo@fp32', '--json')).objects()
        expect([3, 4]).toContain(shown.length)
        expect(shown.reduce((sum, { photos }) => sum + Number(photos), 0)).toBe(PHOTOS)
      }
    })

    // Of the embedded server all clients share one session, so nothing holds a lock against another.
    test.runIf(kind === 'native')('kill -9 while a projection is kept leaves the old one', async () => {
      const database = await openDatabase({ url })
      const stored = () =>
        database.query(`select count(*)::integer as photos from projection_points p join projections r on r.id = p.projection_id
          where r.name = 'cut'`)
      try {
        await json('project', '--method', 'pca', '--save', 'cut', '--where', 'exif_iso>=800')
        const ended = await database.transaction(async session => {
          await session.query('lock table projection_points in share mode')
          const running = sandbox.start(
            'analyze',
            'project',
            '--method',
            'pca',
            '--save',
            'cut',
            '--model',
            'demo@fp32',
          )
          const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
          await until('the points to be written', async () => (await database.query(waiting)).length > 0)
          running.child.kill('SIGKILL')
          return running.finished
        })
        expect(ended.stdout).toBe('')
        expect(await stored()).toEqual([{ photos: 120 }])
        await json('project', '--method', 'pca', '--save', 'cut')
        expect(await stored()).toEqual([{ photos: PHOTOS }])
      } finally {
        await database.close()
      }
    })

    // The last one: the embedded server has one database.
    test('cluster says when all photos have the same vector', { timeout: 240_000 }, async () => {
      const same = await server.migratedUrl()
      const database = await openDatabase({ url: same })
      const model = aModel({ name: 'demo', dimension: DIMENSION })
      const modelId = await new PostgresIngestRepository(database).registerModel(model)
      const photos = Array.from({ length: 12 }, (_, i) => aPhoto(`photo-${i}`))
      const vector = Float32Array.from({ length: DIMENSION }, (_, i) => (i === 0 ? 1 : 0))
      await embedPhotos(database, modelId, photos, Array(photos.length).fill(vector))
      await database.close()
      const home = await Sandbox.create({ DATABASE_URL: same })
      const { code, stderr } = await home.run('analyze', 'cluster', '--k', '3')
      expect(stderr).toContain('All of these photos have the same vector')
      expect(code).toBe(0)
      await home.close()
    })
  })
})
