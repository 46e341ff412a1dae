import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { thisPlace } from '../../../src/locks/process-identity.js'
import { ensureModelFiles, type FilesProgress } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { verifyModel } from '../../../src/models/files/verify.js'
import { tinySpec } from '../tiny-model.js'
import {
  address,
  cacheDir,
  config,
  configFile,
  ensure,
  failure,
  fileOf,
  folder,
  hub,
  leavePart,
  modelOf,
  serve,
  unreachableHub,
  useEmptyCacheAndHub,
  visibleFiles,
  weights,
  weightsFile,
} from './cache-and-hub.js'

useEmptyCacheAndHub()

describe('files of a model', () => {
  test('come from the hub, are whole, and are not fetched again', async () => {
    serve()
    expect(await ensure()).toBe(folder())
    expect(await visibleFiles()).toEqual(['config.json', 'onnx/vision_model.onnx'])
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
    await ensure()
    expect(hub.requests.map(({ path }) => path)).toEqual([address('config.json'), address('onnx/vision_model.onnx')])
  })

  test('are found behind a redirect', async () => {
    serve()
    hub.files.set('/elsewhere', config)
    hub.troubles.push({ redirectTo: '/elsewhere' })
    await ensure()
    expect(await readFile(join(folder(), 'config.json'))).toEqual(config)
  })

  test('are given up after five redirects', async () => {
    serve()
    hub.troubles.push(...Array.from({ length: 6 }, () => ({ redirectTo: '/round' })))
    const error = await failure(ensure())
    expect(error).toMatchObject({
      code: 'MODEL_DOWNLOAD_FAILED',
      message: expect.stringContaining('at most 5 redirects'),
    })
  })

  test('arrive with progress up to the last byte of all of them', async () => {
    serve()
    const seen: FilesProgress[] = []
    await ensure(modelOf(), { onProgress: progress => seen.push(progress) })
    const totalBytes = config.length + weights.length
    expect(seen.every(progress => progress.totalBytes === totalBytes && progress.phase === 'downloading')).toBe(true)
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b))
    expect(seen.at(-1)).toMatchObject({ doneBytes: totalBytes, path: 'onnx/vision_model.onnx' })
  })

  test('put there by hand are checked and used without any request', async () => {
    await mkdir(join(folder(), 'onnx'), { recursive: true })
    await writeFile(join(folder(), 'config.json'), config)
    await writeFile(join(folder(), 'onnx/vision_model.onnx'), weights)
    await ensure()
    expect(hub.requests).toEqual([])
  })

  test('that were changed afterwards are fetched again', async () => {
    serve()
    await ensure()
    const path = join(folder(), 'config.json')
    await writeFile(path, Buffer.alloc(config.length, 'x'))
    await utimes(path, new Date(), new Date(Date.now() - 60_000))
    await ensure()
    expect(await readFile(path)).toEqual(config)
  })

  test('of the bundled model need no source', async () => {
    const spec = { ...tinySpec, origin: { kind: 'bundled', folder: 'labels', files: [] } } as const
    expect(await ensureModelFiles(spec, { cacheDir, source: await unreachableHub() })).toMatch(/labels$/)
  })
})

test('a cache that cannot be written is named', async () => {
  await writeFile(join(cacheDir, 'tiny'), 'a file where the folder should be')
  const error = await failure(ensure())
  expect(error).toMatchObject({ code: 'MODEL_DOWNLOAD_FAILED', message: expect.stringContaining('UNSPLASH_CLIP_HOME') })
})

test('files in a folder that cannot be written are used', async () => {
  serve()
  await ensure()
  await rm(join(folder(), '.verified.json'))
  await chmod(folder(), 0o555)
  try {
    expect(await ensure()).toBe(folder())
  } finally {
    await chmod(folder(), 0o755)
  }
})

describe('a local folder', () => {
  test.each(['', 'tiny'])('gives the files from <folder>/%s', async sub => {
    const source = join(cacheDir, 'source')
    await mkdir(join(source, sub, 'onnx'), { recursive: true })
    await writeFile(join(source, sub, 'config.json'), config)
    await writeFile(join(source, sub, 'onnx/vision_model.onnx'), weights)
    await leavePart(weights.subarray(0, 500))
    await ensure(modelOf(), { source: new FolderSource(source) })
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })

  test('without the file is named with both places', async () => {
    const error = await failure(ensure(modelOf(), { source: new FolderSource('/nowhere') }))
    expect(error.code).toBe('MODEL_NOT_FOUND')
    expect(error.message).toContain('neither /nowhere/tiny/config.json nor /nowhere/config.json is there')
  })
})

describe('processes that want the same model', () => {
  test('fetch it once: the others wait and say so', async () => {
    serve()
    const waited: FilesProgress[] = []
    const onProgress = (progress: FilesProgress) => progress.phase === 'waiting' && waited.push(progress)
    await Promise.all([ensure(), ensure(modelOf(), { onProgress }), ensure(modelOf(), { onProgress })])
    expect(hub.requests).toHaveLength(2)
    expect(waited.length).toBeGreaterThan(0)
    expect(waited[0]?.pid).toBe(process.pid)
  })

  test('take over from one that died', async () => {
    serve()
    const { pid } = spawnSync(process.execPath, ['--version'])
    await mkdir(folder(), { recursive: true })
    await writeFile(
      join(folder(), '.lock'),
      JSON.stringify({ pid, identity: `${pid}@1`, place: thisPlace(), token: 'left' }),
    )
    await ensure()
    expect(await visibleFiles()).toHaveLength(2)
    expect(existsSync(join(folder(), '.lock'))).toBe(false)
  })

  test('take over from one on another host that has been silent for a minute', async () => {
    serve()
    const lock = join(folder(), '.lock')
    await mkdir(folder(), { recursive: true })
    await writeFile(lock, JSON.stringify({ pid: 1, host: 'elsewhere', token: 'left' }))
    const before = new Date(Date.now() - 61_000)
    await utimes(lock, before, before)
    await ensure()
    expect(await visibleFiles()).toHaveLength(2)
  })
})

describe('verifying', () => {
  test('names each file that is missing or changed', async () => {
    serve()
    await ensure()
    expect((await verifyModel(modelOf(), folder())).every(({ ok }) => ok)).toBe(true)
    await writeFile(join(folder(), 'config.json'), 'x')
    await rm(join(folder(), 'onnx/vision_model.onnx'))
    expect(await verifyModel(modelOf(), folder())).toEqual([
      { path: 'config.json', ok: false, expected: configFile.sha256, found: fileOf('', Buffer.from('x')).sha256 },
      { path: 'onnx/vision_model.onnx', ok: false, expected: weightsFile.sha256, found: 'missing' },
    ])
  })
})
