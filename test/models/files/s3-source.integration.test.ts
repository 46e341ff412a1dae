import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ModelFile } from '../../../src/models/catalog/entry.js'
import type { HubModelSpec } from '../../../src/models/catalog/registry.js'
import { partPath } from '../../../src/models/files/download.js'
import { ensureModelFiles } from '../../../src/models/files/files.js'
import { S3Source } from '../../../src/models/files/s3-source.js'
import { freePort } from '../../support/servers/free-port.js'
import { type S3Server, startS3 } from '../../support/servers/s3.js'
import { tinySpec } from '../tiny-model.js'

const contents = Buffer.from(Array.from({ length: 2000 }, (_, i) => `${i},`).join(''))
const file: ModelFile = {
  path: 'tokenizer.json',
  bytes: contents.length,
  sha256: createHash('sha256').update(contents).digest('hex'),
}
const spec = {
  ...tinySpec,
  origin: { kind: 'hub', repository: 'example/tiny', revision: 'r1', files: [file] },
} as HubModelSpec

describe('a bucket', () => {
  let server: S3Server
  let cacheDir: string

  beforeAll(async () => {
    server = await startS3('models')
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    await server.close()
  })

  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 's3-source-'))
  })

  afterEach(async () => {
    await rm(cacheDir, { recursive: true })
  })

  const source = (prefix: string, endpoint = server.endpoint, bucket = server.bucket) =>
    new S3Source({ bucket, prefix, endpoint, region: 'us-east-1', forcePathStyle: true })

  async function put(prefix: string, key: string, bytes = contents): Promise<void> {
    const store = server.store(prefix)
    await store.put(key, bytes, 'application/octet-stream')
    await store.close()
  }

  const ensure = (from: S3Source) =>
    ensureModelFiles(spec, { cacheDir, source: from, retry: { attempts: 2, firstMs: 1 } })

  test('gives the files below its prefix', async () => {
    await put('plain', 'tokenizer.json')
    const folder = await ensure(source('plain'))
    expect(await readFile(join(folder, 'tokenizer.json'))).toEqual(contents)
  })

  test('gives the files below a folder of the model’s name', async () => {
    await put('', 'tiny/tokenizer.json')
    const folder = await ensure(source(''))
    expect(await readFile(join(folder, 'tokenizer.json'))).toEqual(contents)
  })

  test('goes on with what an earlier try left', async () => {
    await put('resumed', 'tokenizer.json')
    const part = partPath(join(cacheDir, 'tiny'), file)
    await mkdir(dirname(part), { recursive: true })
    await writeFile(part, contents.subarray(0, 3000))
    const opened = await source('resumed').open(spec, file, 3000)
    await opened.close()
    expect(opened).toMatchObject({ start: 3000, totalBytes: contents.length })
    const folder = await ensure(source('resumed'))
    expect(await readFile(join(folder, 'tokenizer.json'))).toEqual(contents)
  })

  test('with a shorter object than what was left is named wrong', async () => {
    await put('short', 'tokenizer.json', contents.subarray(0, 100))
    const part = partPath(join(cacheDir, 'tiny'), file)
    await mkdir(dirname(part), { recursive: true })
    await writeFile(part, contents.subarray(0, 3000))
    await expect(ensure(source('short'))).rejects.toMatchObject({
      code: 'MODEL_DIGEST_MISMATCH',
      message: expect.stringContaining('found 100 bytes'),
    })
  })

  test('without the file is named, with both keys', async () => {
    await expect(ensure(source('empty'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(
        'bucket models holds neither empty/tiny/tokenizer.json nor empty/tokenizer.json',
      ),
    })
  })

  test('that does not exist is named', async () => {
    await expect(ensure(source('x', server.endpoint, 'nowhere'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('s3://nowhere/x/tokenizer.json'),
    })
  })

  test('that cannot be reached is named', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`
    await expect(ensure(source('x', nobody))).rejects.toMatchObject({
      code: 'MODEL_DOWNLOAD_FAILED',
      message: expect.stringMatching(/s3:\/\/models\/x\/tokenizer\.json: .*ECONNREFUSED[\s\S]*by hand/),
    })
  })
})
