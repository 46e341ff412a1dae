import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { parseLabelSet } from '../../src/domain/labels.js'
import { serverKinds, type TestServer } from '../support/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from './factories.js'

const EXAMPLES = [...readFileSync('docs/sql.md', 'utf8').matchAll(/^```sql\n(.*?)^```/gms)].map(match => match[1]!)
const DIMENSION = 512

const kinds = serverKinds()
describe.each(kinds)('the examples of docs/sql.md on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      const ingest = new PostgresIngestRepository(database)
      const labels = new PostgresLabelRepository(database)
      const random = randomNumbers(3)
      const modelId = await ingest.registerModel(
        aModel({ name: 'clip-vit-b-32', precision: 'int8', dimension: DIMENSION }),
      )
      for (const name of ['taken_time', 'taken_space']) {
        const parsed = parseLabelSet(JSON.parse(readFileSync(`labels/${name}.json`, 'utf8')))
        if ('problem' in parsed) throw new Error(parsed.problem)
        await labels.savePrompts(
          modelId,
          parsed.set,
          parsed.set.labels.map(() => randomVector(DIMENSION, random)),
        )
      }
      const ids = ['-N_UwPdUs7E', 'iflUHY8zMYc', ...Array.from({ length: 120 }, (_, i) => `photo-${i}`)]
      const photos = ids.map((id, i) =>
        aPhoto(id, { exif_iso: 100 * i, exif_camera_make: 'Canon', photo_submitted_at: '2019-05-01 00:00:00' }),
      )
      await embedPhotos(
        database,
        modelId,
        photos,
        ids.map(() => randomVector(DIMENSION, random)),
        ['taken_time', 'taken_space'],
      )
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
    })
    afterAll(() => server?.close())

    it.each(EXAMPLES)('runs and finds something: %s', async example => {
      const rows = await database.query(example)
      if (example.startsWith('select')) expect(rows.length).toBeGreaterThan(0)
    })

    it('describes every function and table in the database', async () => {
      expect(
        await database.query(`
          select proname as name from pg_proc
           where pronamespace = current_schema()::regnamespace and obj_description(oid, 'pg_proc') is null
             and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
          union all
          select relname from pg_class
           where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
             and obj_description(oid, 'pg_class') is null and relname <> 'schema_migrations'`),
      ).toEqual([])
    })
  })
})
