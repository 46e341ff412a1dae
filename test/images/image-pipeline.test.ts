import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openImagePipeline } from '../../src/compose/open-image-pipeline.js'
import { readConfig } from '../../src/config.js'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { JpegThreads } from '../../src/images/jpeg-threads.js'
import { GuardedFetcher } from '../../src/net/fetch.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import type { ImagePipeline } from '../../src/workers/stages/prepare.js'
import { jpegPhoto } from '../support/images/sample-images.js'

let folder: string
let store: FolderStore
let fetcher: GuardedFetcher
let threads: JpegThreads

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-pipeline-'))
  store = new FolderStore(folder)
  threads = new JpegThreads()
  fetcher = new GuardedFetcher({
    timeoutMs: 1000,
    maxBytes: 1000,
    maxRedirects: 0,
    concurrency: 1,
    hostConcurrency: 1,
    allowHosts: [],
    userAgent: 'test',
  })
})

afterEach(async () => {
  await fetcher.close()
  await threads.close()
  await rm(folder, { recursive: true })
})

const open = (settings: Record<string, string> = {}): Promise<ImagePipeline> =>
  openImagePipeline(readConfig(settings), {
    fetcher,
    threads,
    store,
    objects: () => Promise.reject(new Error('no bucket')),
    logger: pino({ level: 'silent' }),
    environment: {},
  })

test.each([
  [2800, 2100],
  [800, 600],
])('a photo of %d × %d pixels is decoded once: its copy is made on the way to the square', async (width, height) => {
  const pipeline = await open()
  const photo = await jpegPhoto(width, height)
  const { preview } = await pipeline.decode(photo, clipInput(224), true)
  const copy = await store.get(await pipeline.storeCopy(preview!, 'photo-1', false))
  expect(await sharp(copy!).metadata()).toMatchObject({ width: 683, height: 512 })
})

test('a large photo is decoded again for a copy that is higher than half of it', async () => {
  const pipeline = await open({ COPY_HEIGHT: '1100' })
  const photo = await jpegPhoto(2800, 2100)
  const { preview } = await pipeline.decode(photo, clipInput(224), true)
  expect(preview).toBeUndefined()
  const copy = await store.get(await pipeline.storeCopy(photo, 'photo-1', false))
  expect(await sharp(copy!).metadata()).toMatchObject({ width: 1467, height: 1100 })
})

test('pixels that were released make room for those of another photo, which are no others for it', async () => {
  const pipeline = await open()
  const photos = await Promise.all([900, 950, 1000].map(width => jpegPhoto(width, 700)))
  const expected = await Promise.all(photos.map(photo => preprocess(photo, { input: clipInput(224), maxPixels: 1e7 })))
  const memory = new Set<ArrayBufferLike>()
  for (const [i, photo] of photos.entries()) {
    const { square: pixels, preview } = await pipeline.decode(photo, clipInput(224), true)
    expect(Buffer.compare(pixels, expected[i]!)).toBe(0)
    const copy = await store.get(await pipeline.storeCopy(preview!, `photo-${i}`, false))
    pipeline.release(preview!.data)
    expect(await sharp(copy!).metadata()).toMatchObject({ height: 512 })
    memory.add(pixels.buffer)
    pipeline.release(pixels)
  }
  expect(memory.size).toBeLessThan(3)
})

test('pixels that were not released stay as they are', async () => {
  const pipeline = await open()
  const photos = await Promise.all([900, 950, 1000].map(width => jpegPhoto(width, 700)))
  const decoded = await Promise.all(photos.map(photo => pipeline.decode(photo, clipInput(224), false)))
  const pixels = decoded.map(({ square }) => square)
  const before = pixels.map(one => Buffer.from(one))
  for (const photo of photos) pipeline.release((await pipeline.decode(photo, clipInput(224), false)).square)
  expect(pixels.map((one, i) => Buffer.compare(one, before[i]!))).toEqual([0, 0, 0])
})
