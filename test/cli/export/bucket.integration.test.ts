import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MANIFEST, type Manifest } from '../../../src/exports/export-state.js'
import type { S3Store } from '../../../src/storage/s3-store.js'
import { Sandbox } from '../../support/cli.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'
import { type S3Server, s3Server } from '../../support/servers/s3.js'
import { type ScenePhotos, scenePhotos } from '../scene-photos.js'

describe('export to a bucket', () => {
  let database: TestServer
  let scenes: ScenePhotos
  let s3: S3Server
  let sandbox: Sandbox
  let store: S3Store
  let place: string
  const before = { ...process.env }
  beforeAll(async () => {
    database = await embeddedServer()
    const url = await database.freshUrl()
    scenes = await scenePhotos(url)
    s3 = await s3Server()
    Object.assign(process.env, s3.env)
    store = s3.store('exports/first')
    place = `s3://${s3.bucket}/exports/first`
    const settings = { S3_ENDPOINT: s3.endpoint, S3_REGION: 'us-east-1', S3_FORCE_PATH_STYLE: 'true' }
    sandbox = await Sandbox.create({ DATABASE_URL: url, ...settings, ...s3.env })
  })
  afterAll(async () => {
    for (const name of Object.keys(s3?.env ?? {}))
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    await store?.close()
    await scenes?.close()
    await sandbox?.close()
    await s3?.close()
    await database?.close()
  })
  const keys = async () => {
    const found: string[] = []
    for await (const key of store.list()) found.push(key)
    return found.sort()
  }

  test('writes the files, replaces them when told to, and nothing of others', async () => {
    const first = await sandbox.run('export', place, '--format', 'npy')
    expect(first, first.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`6 photos to ${place}: `) })
    expect(await keys()).toEqual(['img_emb/img_emb_0.npy', MANIFEST, 'metadata/metadata_0.parquet'])
    const { shards } = JSON.parse(String(await store.get(MANIFEST))) as Manifest
    for (const { path, bytes, sha256 } of shards[0]!.files) {
      const body = (await store.get(path))!
      expect([body.length, createHash('sha256').update(body).digest('hex')]).toEqual([bytes, sha256])
    }

    expect((await sandbox.run('export', place)).stderr).toMatch(/^TARGET_NOT_EMPTY: .* holds a complete export/)
    expect((await sandbox.run('export', place, '--replace', '--format', 'csv')).code).toBe(0)
    expect(await keys()).toEqual([MANIFEST, 'photos-00000.csv'])

    await store.put('mine.txt', Buffer.from('mine'), 'text/plain')
    const refused = await sandbox.run('export', place, '--replace')
    expect(refused.stderr).toMatch(/^TARGET_NOT_EMPTY: .* found "mine\.txt" in /)
    expect(await keys()).toEqual([MANIFEST, 'mine.txt', 'photos-00000.csv'])
  })

  test('says that a bucket cannot be written to', async () => {
    const { code, stderr } = await sandbox.run('export', 's3://no-such-bucket/x')
    expect(stderr).toMatch(/^STORE_UNREACHABLE: .*NoSuchBucket/)
    expect(code).toBe(1)
  })
})
