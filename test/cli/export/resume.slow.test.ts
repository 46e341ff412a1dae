import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { type ExportState, MANIFEST, type Manifest, STATE } from '../../../src/exports/export-state.js'
import { aModel } from '../../db/factories.js'
import { type Running, Sandbox } from '../../support/cli.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'

const PHOTOS = 12_000
const DIMENSION = 128
/** A page of 1000 photos as text is larger, so that each is a shard. */
const SHARDS = ['--shard-size', '1MB', '--columns', 'none', '--format', 'jsonl']

describe('An export that is killed', () => {
  let server: TestServer
  let sandbox: Sandbox
  let whole: string
  beforeAll(async () => {
    server = await embeddedServer()
    const url = await server.migratedUrl()
    const database = await openDatabase({ url })
    const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
    await database.query(
      `insert into photos (photo_id, photo_image_url)
       select 'photo-' || i, 'https://images.example/' || i from generate_series(1, $1) as i`,
      [PHOTOS],
    )
    await database.query(
      `insert into embeddings (model_id, photo_id, embedding)
       select $1, photo_id, (select array_agg(random() - 0.5) from generate_series(1, $2) where photo_id <> '')::vector::halfvec
         from photos`,
      [modelId, DIMENSION],
    )
    await database.close()
    sandbox = await Sandbox.create({ DATABASE_URL: url, MODEL: 'clip-test' })
    whole = join(sandbox.home, 'whole')
    expect(await sandbox.run('export', whole, ...SHARDS)).toMatchObject({ code: 0, stderr: '' })
  })
  afterAll(async () => {
    await sandbox?.close()
    await server?.close()
  })

  const stateOf = async (target: string): Promise<ExportState | null> =>
    JSON.parse(await readFile(join(target, STATE), 'utf8').catch(() => 'null')) as ExportState | null
  const shardsOf = async (target: string) => (await stateOf(target))?.shards.length ?? 0
  const manifestOf = async (target: string) => JSON.parse(await readFile(join(target, MANIFEST), 'utf8')) as Manifest
  /** Everything that is exported, in the order of the files' names. */
  const contentOf = async (target: string): Promise<string> => {
    const names = (await readdir(target)).filter(name => name.endsWith('.jsonl')).sort()
    return (await Promise.all(names.map(name => readFile(join(target, name), 'utf8')))).join('')
  }
  const kill = async (running: Running, target: string, shards: number) => {
    await until('shards', async () => (await shardsOf(target)) >= shards || existsSync(join(target, MANIFEST)))
    running.child.kill('SIGKILL')
    await running.finished
  }

  test('continues where it was, again and again, and has every photo once', async () => {
    const target = join(sandbox.home, 'killed')
    for (const shards of [1, 3, 6]) {
      await kill(sandbox.start('export', target, ...SHARDS), target, shards)
      expect(existsSync(join(target, MANIFEST))).toBe(false)
      const { shards: done } = (await stateOf(target))!
      for (const { path, sha256 } of done.flatMap(({ files }) => files))
        expect(
          createHash('sha256')
            .update(await readFile(join(target, path)))
            .digest('hex'),
        ).toBe(sha256)
    }
    const before = (await stateOf(target))!.shards
    expect(await sandbox.run('export', target, ...SHARDS)).toMatchObject({ code: 0, stderr: '' })
    const { photos, shards } = await manifestOf(target)
    expect(photos).toBe(PHOTOS)
    expect(shards.slice(0, before.length)).toEqual(before)
    expect(await contentOf(target)).toBe(await contentOf(whole))
    expect((await readdir(target)).filter(name => name.startsWith('.'))).toEqual([])
  })

  test('exports the same subset, without choosing it again', async () => {
    const target = join(sandbox.home, 'subset')
    const args = ['export', target, ...SHARDS, '--diverse', '3000']
    await kill(sandbox.start(...args), target, 1)
    expect(await sandbox.run(...args)).toMatchObject({ code: 0, stderr: '' })
    expect((await manifestOf(target)).photos).toBe(3000)
    const ids = (await contentOf(target))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).photo_id as string)
    expect(new Set(ids).size).toBe(3000)
    expect(ids).toEqual([...ids].sort())
  })

  test('is continued by the same command only, or replaced', async () => {
    const target = join(sandbox.home, 'other')
    await kill(sandbox.start('export', target, ...SHARDS), target, 2)
    const other = await sandbox.run('export', target, ...SHARDS, '--where', 'exif_iso is null')
    expect(other.stderr).toMatch(/^EXPORT_DIFFERS: .* holds an unfinished export with another selection: /)
    expect(other.code).toBe(1)
    await rm(join(target, 'photos-00000.jsonl'))
    const gone = await sandbox.run('export', target, ...SHARDS)
    expect(gone.stderr).toMatch(/^EXPORT_DIFFERS: .* expected its file photos-00000\.jsonl, which is gone/)
    expect(await sandbox.run('export', target, ...SHARDS, '--replace')).toMatchObject({ code: 0, stderr: '' })
    expect(await contentOf(target)).toBe(await contentOf(whole))
  })

  test('has a folder for itself, and ends on Ctrl-C so that it can go on', async () => {
    const target = join(sandbox.home, 'stopped')
    const running = sandbox.start('export', target, ...SHARDS)
    await until('a shard', async () => (await shardsOf(target)) > 0)
    const second = await sandbox.run('export', target, ...SHARDS)
    // The first one may be over by now.
    expect(second.stderr).toMatch(/^TARGET_(BUSY|NOT_EMPTY): /)
    running.child.kill('SIGINT')
    const { code, stderr } = await running.finished
    if (code !== 0) {
      expect(code, stderr).toBe(130)
      expect(await sandbox.run('export', target, ...SHARDS)).toMatchObject({ code: 0, stderr: '' })
    }
    expect(await contentOf(target)).toBe(await contentOf(whole))
  })
})
