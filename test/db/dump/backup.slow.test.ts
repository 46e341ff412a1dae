import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { ArchiveWriter, archiveParts } from '../../../src/db/dump/archive.js'
import { backUp } from '../../../src/db/dump/backup.js'
import { moveDatabase } from '../../../src/db/dump/move.js'
import { makePartitions } from '../../../src/db/dump/new-schema.js'
import { restoreBackup } from '../../../src/db/dump/restore.js'
import { verifyBackup } from '../../../src/db/dump/verify-backup.js'
import { functionStatus, migrate } from '../../../src/db/migrate.js'
import { readMigrationFiles } from '../../../src/db/schema/migration-files.js'
import { type ServerKind, serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { canMount, mountSmallDisk } from '../../support/servers/small-disk.js'
import { aModel } from '../factories.js'
import { DIMENSION } from '../indexes/clustered.js'
import { describeSchema } from '../schema/describe-schema.js'
import { OtherMigrations } from '../schema/older-migrations.js'
import { answersOf, fillCollection } from './collection.js'

const [embedded, native] = serverKinds() as [ServerKind, ServerKind]
const options = () => ({ force: false, signal: new AbortController().signal, onProgress: () => undefined })

const folder = mkdtempSync(join(tmpdir(), 'uc-backup-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = () => join(folder, `${++files}.backup`)

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    error => error,
  )
}

/** A new database, not migrated. */
async function emptyDatabase(server: TestServer): Promise<Database> {
  return openDatabase({ url: await server.freshUrl(), maxConnections: 3 })
}

const count = async (database: Database, table: string) =>
  (await database.query<{ n: number }>(`select count(*) as n from ${table}`))[0]!.n

describe.skipIf(!native.available)('a backup of the embedded server and of Postgres', () => {
  let [embeddedServer, nativeServer]: (TestServer | undefined)[] = []
  let [fromEmbedded, fromNative]: string[] = []
  let answers: Awaited<ReturnType<typeof answersOf>>
  const opened: Database[] = []

  const open = async (server: TestServer | undefined) => {
    const database = await emptyDatabase(server!)
    opened.push(database)
    return database
  }

  beforeAll(async () => {
    ;[embeddedServer, nativeServer] = await Promise.all([embedded.start(), native.start()])
    const source = await open(embeddedServer)
    await migrate(source)
    await fillCollection(source)
    answers = await answersOf(source)
    fromEmbedded = newFile()
    await backUp(source, fromEmbedded, options())
  })
  afterAll(async () => {
    for (const database of opened) await database.close()
    await Promise.all([embeddedServer?.close(), nativeServer?.close()])
  })

  /** The sum of a vector's products differs in its last digits between WebAssembly and a CPU. */
  async function expectAnswers(database: Database): Promise<void> {
    const found = await answersOf(database)
    expect(found.ids).toEqual(answers.ids)
    for (const [i, score] of found.scores.entries()) expect(score).toBeCloseTo(answers.scores[i]!, 5)
  }

  test('restores into the other one with the same schema, rows and answers, and back', async () => {
    const fresh = await open(nativeServer)
    await migrate(fresh)
    const restored = await open(nativeServer)
    const { header, openBatches } = await restoreBackup(restored, fromEmbedded!, options())
    expect(header.indexes).toEqual([{ modelId: 1, method: 'ivfflat', options: ['lists=10'] }])
    expect(openBatches).toBe(1)
    expect((await functionStatus(restored)).filter(({ state }) => state !== 'current')).toEqual([])
    expect(await migrate(restored, { verify: true })).toEqual({ applied: [], functions: [] })
    // The same partition as register_model makes.
    await fresh.query(`select register_model('other', 'fp32', 'abc', 32, 100)`)
    const partition = /embeddings_m1\b/
    const described = (items: Awaited<ReturnType<typeof describeSchema>>) =>
      JSON.stringify(items.filter(item => partition.test(item.name)))
    expect(described(await describeSchema(restored))).toBe(described(await describeSchema(fresh)))
    await expectAnswers(restored)

    fromNative = newFile()
    const again = await backUp(restored, fromNative, options())
    const once = await readParts(fromEmbedded!)
    expect(again.manifest.tables).toEqual(JSON.parse(once.get('manifest.json')!.toString()).tables)

    const back = await open(embeddedServer)
    await restoreBackup(back, fromNative, options())
    await expectAnswers(back)
    // Sequences go on where they were.
    expect(await back.query(`select register_model('next', 'fp32', 'abc', 8, 100) as id`)).toEqual([{ id: 2 }])
  })

  test('compares photos that are written later with the same reference texts', async () => {
    const restored = await open(nativeServer)
    await restoreBackup(restored, fromEmbedded!, options())
    const scores = `select s.top_mean, p.compared, p.weight
                      from reference_scores s join reference_progress p on p.version = s.version where s.photo_id = 'photo-1'`
    const before = await restored.query<{ top_mean: number }>(scores)
    expect(before).toEqual([{ top_mean: expect.any(Number), compared: 1200, weight: 0.5 }])
    await restored.query(
      `update embeddings set embedding = (embedding::vector * $1)::halfvec where photo_id = 'photo-1'`,
      [`[${Array(DIMENSION).fill(-1).join(',')}]`],
    )
    const [after] = await restored.query<{ top_mean: number }>(scores)
    expect(after!.top_mean).not.toBeCloseTo(before[0]!.top_mean, 3)
  })

  test('holds one moment, although others write meanwhile', async () => {
    const source = await open(nativeServer)
    await restoreBackup(source, fromEmbedded!, options())
    const file = newFile()
    let writes = 0
    await backUp(source, file, {
      ...options(),
      onProgress: ({ phase }) => {
        if (phase === 'read')
          void source.query(`insert into photos (photo_id, photo_image_url) values ('new-${writes++}', 'x')`)
      },
    })
    expect(writes).toBeGreaterThan(5)
    const target = await open(nativeServer)
    await restoreBackup(target, file, options())
    expect(await count(target, 'photos')).toBe(1200)
  })

  test('is refused by a database that has rows, and an existing file by a backup', async () => {
    const busy = await open(nativeServer)
    await migrate(busy)
    await busy.query(`insert into photos (photo_id, photo_image_url) values ('mine', 'x')`)
    const refused = await rejection(restoreBackup(busy, fromEmbedded!, options()))
    expect(refused).toMatchObject({ code: 'DATABASE_NOT_EMPTY', message: expect.stringContaining('1 in photos') })
    expect(await count(busy, 'photos')).toBe(1)

    const before = readFileSync(fromEmbedded!)
    expect(await rejection(backUp(busy, fromEmbedded!, options()))).toMatchObject({ code: 'USAGE' })
    expect(readFileSync(fromEmbedded!).equals(before)).toBe(true)
    const own = newFile()
    writeFileSync(own, 'old')
    await backUp(busy, own, { ...options(), force: true })
    expect((await readParts(own)).has('manifest.json')).toBe(true)
    expect(readdirSync(folder).filter(name => name.includes('unfinished'))).toEqual([])
  })

  test('is refused whole when a byte is flipped anywhere or the end is missing', async () => {
    const target = await open(nativeServer)
    const bytes = readFileSync(fromEmbedded!)
    for (let i = 0; i < 24; i++) {
      const damaged = Buffer.from(bytes)
      const at = Math.floor(((i + 0.5) / 24) * bytes.length)
      damaged[at] = damaged[at]! ^ 0x10
      const file = newFile()
      writeFileSync(file, damaged)
      // Fill between parts carries nothing.
      const isPadding = bytes[at] === 0
      const error = await verifyBackup(file, readMigrationFiles(), () => undefined, options().signal).catch(e => e)
      if (!isPadding) expect(error, `byte ${at}`).toMatchObject({ code: 'BACKUP_INVALID' })
    }
    for (const length of [0, 1000, bytes.length - 6000, Math.floor(bytes.length / 2)]) {
      const file = newFile()
      writeFileSync(file, bytes.subarray(0, length))
      expect(await rejection(restoreBackup(target, file, options())), `${length} bytes`).toMatchObject({
        code: 'BACKUP_INVALID',
      })
    }
    expect(await target.query(`select to_regclass('photos') as photos`)).toEqual([{ photos: null }])
  })

  test('of a newer version is refused, with what to do; one of an earlier version is migrated', async () => {
    const newer = newFile()
    const archive = new ArchiveWriter(newer)
    for (const [name, data] of await readParts(fromEmbedded!)) {
      const header = name === 'backup.json' && JSON.parse(data.toString())
      if (header)
        Object.assign(header, {
          program: '9.0.0',
          migrations: [...header.migrations, { name: '9999_later', sha256: '' }],
        })
      await archive.add({ name, data: header ? Buffer.from(JSON.stringify(header)) : data })
    }
    await archive.close()
    const target = await open(nativeServer)
    const refused = await rejection(restoreBackup(target, newer, options()))
    expect(refused).toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining('Upgrade unsplash-clip to 9.0.0'),
    })

    const older = new OtherMigrations()
    for (const name of readdirSync(older.folder))
      if (name > '0013' && name !== 'schema.sql') rmSync(join(older.folder, name), { recursive: true })
    const source = await open(nativeServer)
    await migrate(source, { folder: older.folder })
    older.close()
    const { name, precision, revision } = aModel()
    await source.query(
      `insert into models (name, precision, revision, dimension, logit_scale) values ($1, $2, $3, 2, 100)`,
      [name, precision, revision],
    )
    await source.transaction(makePartitions)
    await source.query(
      `insert into photos (photo_id, photo_image_url, photo_description) values ('old', 'x', 'a lighthouse')`,
    )
    await source.query(`insert into embeddings (model_id, photo_id, embedding) values (1, 'old', '[0.6, 0.8]')`)
    const file = newFile()
    await backUp(source, file, options())
    await migrate(target)
    const { migrated } = await restoreBackup(target, file, options())
    expect(migrated[0]).toMatch(/^0013_/)
    expect(
      await target.query(`select photo_id from photo_texts where words @@ to_tsquery('english', 'lighthouses')`),
    ).toEqual([{ photo_id: 'old' }])
    expect(await target.query(`select photo_id from search_photos('[0.6, 0.8]', model => '1')`)).toEqual([
      { photo_id: 'old' },
    ])
  })

  test.skipIf(!canMount())('leaves no file on a full disk', async () => {
    const source = await open(nativeServer)
    await restoreBackup(source, fromEmbedded!, options())
    const disk = mountSmallDisk(1, undefined)
    try {
      disk.fill()
      expect(await rejection(backUp(source, join(disk.folder, 'full.backup'), options()))).toMatchObject({
        code: 'ENOSPC',
      })
      expect(readdirSync(disk.folder)).toEqual([])
    } finally {
      disk.unmount()
    }
  })

  test('is not needed to move: rows and answers of the embedded server are in Postgres, which a killed move continues', async () => {
    const source = await open(embeddedServer)
    await restoreBackup(source, fromEmbedded!, options())
    const target = await open(nativeServer)
    await migrate(target)
    const controller = new AbortController()
    const stopped = moveDatabase(source, target, {
      signal: controller.signal,
      onProgress: ({ table }) => table === 'embeddings' && controller.abort(new Error('enough')),
    })
    expect((await rejection(stopped)).message).toBe('enough')
    expect(await count(target, 'photos')).toBe(1200)

    // What changed meanwhile is copied as it is now.
    await source.query(`update photos set photo_description = 'changed' where photo_id = 'photo-9'`)
    const { continued, rows } = await moveDatabase(source, target, options())
    expect({ continued, photos: rows.photos }).toEqual({ continued: true, photos: 1200 })
    expect(await target.query(`select photo_description as words from photos where photo_id = 'photo-9'`)).toEqual([
      { words: 'changed' },
    ])
    expect(await migrate(target, { verify: true })).toEqual({ applied: [], functions: [] })
    expect(await target.query(`select to_regclass('unsplash_clip_move') as state`)).toEqual([{ state: null }])
    answers = await answersOf(source)
    await expectAnswers(target)
    expect(await rejection(moveDatabase(source, target, options()))).toMatchObject({ code: 'DATABASE_NOT_EMPTY' })
  })
})

async function readParts(file: string): Promise<Map<string, Buffer>> {
  const parts = new Map<string, Buffer>()
  for await (const { name, data } of archiveParts(file)) parts.set(name, data)
  return parts
}
