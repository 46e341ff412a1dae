import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { migrate } from '../../../src/db/migrate.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { OtherMigrations } from '../schema/older-migrations.js'
import { DIMENSION, embedClusters } from './clustered.js'

const kinds = serverKinds()
describe.each(kinds)('text indexes of an earlier build on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    beforeAll(async () => {
      server = await start()
      database = await openDatabase({ url: await server.freshUrl() })
    })
    afterAll(async () => {
      await database?.close()
      await server?.close()
    })

    test('are dropped by a migration, with their functions and settings, and nothing else is', async () => {
      const earlier = new OtherMigrations().remove('0013_drop_text_indexes.sql')
      await migrate(database, earlier)
      earlier.close()
      const { modelId } = await embedClusters(database, 100)
      const space = (name: string, vector: string) =>
        `create function ${name}(embedding ${vector}) returns ${vector} language sql immutable as 'select $1'`
      await database.query(`create index embeddings_m${modelId}_ivfflat on embeddings_m${modelId}
        using ivfflat ((embedding::halfvec(${DIMENSION})) halfvec_cosine_ops) with (lists = 4)`)
      for (const suffix of ['', '_building']) {
        await database.query(space(`text_space_m${modelId}${suffix}`, 'halfvec'))
        await database.query(space(`text_query_m${modelId}${suffix}`, 'vector'))
        await database.query(`create index embeddings_m${modelId}_text${suffix} on embeddings_m${modelId}
          using ivfflat ((text_space_m${modelId}${suffix}(embedding)::halfvec(${DIMENSION})) halfvec_l2_ops) with (lists = 4)`)
      }
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort)
         values ($1::integer, 'text', 'ivfflat', 'embeddings_m' || $1 || '_text', 3),
                ($1::integer, 'image', 'ivfflat', 'embeddings_m' || $1 || '_ivfflat', 2)`,
        [modelId],
      )

      expect((await migrate(database)).applied).toEqual(['0013_drop_text_indexes'])
      expect(await database.query('select index_name from index_status')).toEqual([
        { index_name: `embeddings_m${modelId}_ivfflat` },
      ])
      expect(
        await database.query(`select proname from pg_proc where proname ~ '^text_(space|query)_m' order by 1`),
      ).toEqual([])
      expect(await database.query('select query_kind, state from search_tuning order by query_kind')).toEqual([
        { query_kind: 'image', state: 'tuned' },
        { query_kind: 'text', state: 'not tuned' },
      ])
    })
  })
})
