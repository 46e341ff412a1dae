import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIndexRepository } from '../../../src/db/indexes/index-repository.js'
import { functionStatus, migrate } from '../../../src/db/migrate.js'
import { toVectorText } from '../../../src/db/vector.js'
import type { IndexShape } from '../../../src/domain/indexes/index-plan.js'
import type { QueryKind } from '../../../src/domain/ports/index-repository.js'
import { MEBIBYTE } from '../../../src/domain/units.js'
import { hasOwnServer, type OwnPostgres, postgresProgram, startPostgres } from '../../support/servers/postgres.js'
import { type Clustered, embedClusters } from '../indexes/clustered.js'
import { describeSchema } from './describe-schema.js'

const PHOTOS = 1500
const OWNER = 'uc_owner'
const RESOURCES = { memory: 64 * MEBIBYTE, workers: 0 }
const SHAPES: Record<QueryKind, IndexShape> = {
  text: { kind: 'ivfflat', lists: 20 },
  image: { kind: 'hnsw', m: 8, efConstruction: 32 },
}

describe.skipIf(!hasOwnServer())('a dump that an owner without superuser rights restores', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uc-dump-'))
  const file = join(folder, 'dump')
  const opened: Database[] = []
  let postgres: OwnPostgres
  let collection: Clustered
  let original: Database
  let restored: Database

  beforeAll(async () => {
    postgres = await startPostgres()
    await asAdmin('postgres', `create role ${OWNER} login`)
    original = await newDatabase('original')
    await migrate(original)
    collection = await embedClusters(original, PHOTOS, 50)
    const url = urlOf('original', OWNER)
    const indexes = new PostgresIndexRepository(original, () => openDatabase({ url, maxConnections: 1 }))
    for (const kind of ['image', 'text'] as const) {
      const shape = SHAPES[kind]
      await indexes.build(collection.modelId, shape, RESOURCES, {
        rebuild: false,
        onEvent: () => undefined,
        signal: new AbortController().signal,
      })
      await original.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, $2, $3, $4, 20)`,
        [collection.modelId, kind, shape.kind, `embeddings_m${collection.modelId}_${shape.kind}`],
      )
    }
    await original.query('analyze')

    expect(run('pg_dump', '--format=custom', '--file', file, urlOf('original', OWNER))).toEqual({
      status: 0,
      errors: [],
    })
    restored = await newDatabase('restored')
  })
  afterAll(async () => {
    for (const database of opened) await database.close()
    await postgres?.stop()
    rmSync(folder, { recursive: true })
  })

  function urlOf(name: string, user: string): string {
    const url = new URL(postgres.url)
    url.pathname = `/${name}`
    url.username = user
    return url.href
  }

  async function asAdmin(name: string, ...statements: string[]): Promise<void> {
    const admin = await openDatabase({ url: urlOf(name, 'postgres') })
    for (const statement of statements) await admin.query(statement)
    await admin.close()
  }

  /** As on a managed Postgres: the extension is there, and the owner is no superuser. */
  async function newDatabase(name: string): Promise<Database> {
    await asAdmin('postgres', `create database ${name} owner ${OWNER}`)
    await asAdmin(name, 'create extension vector')
    return connect(name)
  }

  async function connect(name: string): Promise<Database> {
    const database = await openDatabase({ url: urlOf(name, OWNER) })
    opened.push(database)
    return database
  }

  function run(program: string, ...args: string[]): { status: number | null; errors: string[] } {
    const { status, stderr } = spawnSync(postgresProgram(program), args, { encoding: 'utf8' })
    return { status, errors: stderr.split('\n').filter(line => /error:/i.test(line)) }
  }

  async function search(database: Database, vector: Float32Array, kind: QueryKind) {
    const plan = await database.query<{ ways: string[] }>(`select ways from search_plan($1, 10, 0, '[]', '[]', $2)`, [
      collection.modelId,
      kind,
    ])
    const hits = await database.query(`select rank, photo_id, score from search_photos($1, kind => $2)`, [
      toVectorText(vector),
      kind,
    ])
    return { way: plan[0]!.ways[0], hits }
  }

  test('has everything but the comment on the extension', async () => {
    const { errors } = run('pg_restore', '--no-owner', '--no-acl', '--dbname', urlOf('restored', OWNER), file)
    expect(errors.filter(error => !error.includes('must be owner of extension vector'))).toEqual([])
    expect(await describeSchema(restored)).toEqual(await describeSchema(original))
    expect((await functionStatus(restored)).filter(({ state }) => state !== 'current')).toEqual([])
    expect(await migrate(restored, { verify: true })).toEqual({ applied: [], functions: [] })
  })

  test('searches by text and by image, by the indexes that were tuned, in a new session', async () => {
    for (const [kind, vector] of [
      ['text', collection.texts[0]!],
      ['image', collection.images[7]!.embedding],
    ] as const) {
      const session = await connect('restored')
      const found = await search(session, vector, kind)
      expect(found).toEqual(await search(original, vector, kind))
      expect(found.way).toBe(SHAPES[kind].kind)
      expect(found.hits).toHaveLength(10)
    }
  })

  test('is repaired by db migrate where a restore lost functions', async () => {
    const expected = await describeSchema(restored)
    await restored.query('drop function search_embeddings')
    await restored.query('drop view labelled_photos')
    expect((await functionStatus(restored)).filter(({ state }) => state !== 'current')).toEqual([
      { name: 'labelled_photos', state: 'missing' },
      { name: 'search_embeddings', state: 'missing' },
    ])
    await migrate(restored, { verify: true })
    expect(await describeSchema(restored)).toEqual(expected)
  })
})
